//! What was found last, for whoever asks.

use crate::metrics::{Exposition, Readings, ServiceFigures};
use crate::report::Report;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// One process as it is shown.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// Name of the trace's directory.
    pub(super) name: String,
    /// The findings.
    pub(super) report: Arc<Report>,
    /// The same as JSON, written once.
    pub(super) json: Arc<str>,
    /// The metrics.
    pub(super) readings: Arc<Readings>,
    /// Wall clock of the last sample, milliseconds since the epoch.
    pub(super) last_sample_ms: Option<i64>,
    /// Whether it lives.
    pub(super) is_running: bool,
}

/// Everything that is known, at one moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// Processes by name.
    pub(super) processes: BTreeMap<String, Shown>,
    /// What the service says of itself.
    pub(super) figures: ServiceFigures,
}

/// Where the judge puts what it found.
#[derive(Debug, Default)]
pub(super) struct Board {
    snapshot: RwLock<Arc<Snapshot>>,
    exported: AtomicU64,
    dropped: AtomicU64,
}

impl Board {
    /// Replaces what is known.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        let mut known = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(snapshot);
    }

    /// What is known.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        let known = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known)
    }

    /// An export by OTLP was accepted.
    pub(super) fn count_exported(&self) {
        self.exported.fetch_add(1, Ordering::Relaxed);
    }

    /// An export by OTLP was dropped.
    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// All metrics, the service's own last.
    pub(super) fn readings(&self) -> Vec<Arc<Readings>> {
        let snapshot = self.snapshot();
        let figures = ServiceFigures {
            exported: self.exported.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            ..snapshot.figures
        };
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let processes = snapshot.processes.values();
        let mut all: Vec<_> = processes.map(|shown| Arc::clone(&shown.readings)).collect();
        all.push(Arc::new(Readings::of_service(&figures, now_ms)));
        all
    }

    /// All metrics as text.
    pub(super) fn exposition(&self) -> Exposition {
        Exposition::new(self.readings())
    }
}
