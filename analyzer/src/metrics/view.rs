//! What signals are read from.

use crate::case::{Case, Moment, Outcome, OutcomeKind};
use crate::report::Report;
use flinkmem_trace::FlinkInside;

/// One process at its last sample.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What was recorded.
    pub case: &'a Case,
    /// What was found in it.
    pub report: &'a Report,
    /// The samples that count as now, the last of them the last.
    recent: &'a [Moment],
}

/// Some figures are not in every sample; what is older than this before the last one is not now.
const RECENT_MS: u64 = 60_000;

impl<'a> View<'a> {
    /// A process.
    #[must_use]
    pub fn new(case: &'a Case, report: &'a Report) -> Self {
        let moments = &case.timeline.moments;
        let last_ms = moments.last().map_or(0, |moment| moment.up_ms);
        let begin = moments.partition_point(|m| m.up_ms.saturating_add(RECENT_MS) < last_ms);
        Self {
            case,
            report,
            recent: &moments[begin..],
        }
    }

    /// The last value that is not too old.
    #[must_use]
    pub fn latest<T>(&self, value: impl Fn(&Moment) -> Option<T>) -> Option<T> {
        self.recent.iter().rev().find_map(value)
    }

    /// The largest of the last minute.
    #[must_use]
    pub fn largest(&self, value: impl Fn(&Moment) -> Option<u64>) -> Option<u64> {
        self.recent.iter().filter_map(value).max()
    }

    /// Wall clock of the last sample, milliseconds since the epoch.
    #[must_use]
    pub fn last_sample_ms(&self) -> Option<i64> {
        self.recent.last().map(|moment| moment.t_ms)
    }

    /// What became of the process.
    #[must_use]
    pub fn outcome(&self) -> &'a Outcome {
        &self.report.outcome
    }

    /// Whether the process runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.outcome().kind == OutcomeKind::Running
    }

    /// Flink's own figures, as they were told last.
    #[must_use]
    pub fn flink(&self) -> Option<&'a FlinkInside> {
        self.case.timeline.inside.last()?.flink.as_ref()
    }

    /// Whether the memory cgroup is a container's: it has a limit, or is not the root of the hierarchy. The root's figures are the
    /// machine's.
    #[must_use]
    pub fn is_in_container(&self) -> bool {
        let system = &self.case.header.system;
        let has_limit = || self.latest(|m| m.cgroup?.limit_bytes).is_some();
        let is_a_child = || {
            system
                .cgroup_path
                .as_deref()
                .is_some_and(|path| path != "/")
        };
        // Version 2 has no such files in the root.
        system.cgroup_version == Some(2) || has_limit() || is_a_child()
    }
}

/// What the service says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ServiceFigures {
    /// When it started, milliseconds since the epoch.
    pub since_ms: i64,
    /// Processes that are shown: living ones, and ended ones that are kept.
    pub processes: u64,
    /// Of them, those that run.
    pub running: u64,
    /// Traces that could not be read.
    pub unreadable: u64,
    /// Traces that are left out, for there are too many.
    pub left_out: u64,
    /// Rounds of reading and judging so far.
    pub rounds: u64,
    /// Time that they took so far, seconds.
    pub rounds_s: f64,
    /// Begin of the last one, seconds since the epoch.
    pub last_round_s: f64,
    /// Exports by OTLP that were accepted.
    pub exported: u64,
    /// Exports that were dropped after all attempts.
    pub dropped: u64,
}
