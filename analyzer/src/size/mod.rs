//! A whole configuration from measured peaks of one or many processes.
//!
//! ```text
//! cases → peaks of every pool ([`crate::budget::Peaks`])  ─┐
//!       → findings: leaks, limits that were met             ├→ needs → derived through the model → sizes
//! headroom                                                 ─┘
//! ```
//! - A pool gets the largest peak of all processes and the headroom on top. The heap gets at least half as much again as was live: with less,
//!   collections come back to back. Some pools keep a least size, told in `needs`.
//! - A pool in which a leak was found is not sized: no size holds what grows without end, and a measured peak of it is no need. It keeps what it has, and the result says
//!   so. So does a pool that nothing measured.
//! - A limit that was met cut the peak off: there the remedy of the finding counts, where it asks for more.
//! - The sizes become options of the configuration file, all of them fixed, and are derived again: what Flink would refuse, or what gives any pool
//!   less than its need, is not offered.

mod configuration;
mod json;
mod needs;
mod text;

pub use configuration::{NotDerived, derived};
pub use json::to_json;
pub use needs::{Basis, Need};
pub use text::to_text;

use crate::budget::{Budget, Peaks, Pools};
use crate::case::{Case, seconds};
use crate::finding::Finding;
use crate::model::{FlinkVersion, Process};
use std::collections::BTreeMap;

/// A quarter more than was measured: as remedies have it. Samples are a second apart and miss the tops of bursts, and what is measured in a
/// week is not the busiest week.
pub const HEADROOM: f64 = 0.25;

/// One process that was measured.
#[derive(Debug)]
pub struct Measured<'a> {
    /// Its life.
    pub case: &'a Case,
    /// What it was started with.
    pub budget: &'a Budget,
    /// What was found in it.
    pub findings: &'a [Finding],
}

/// The peaks of one process.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessPeaks {
    /// Host and process id.
    pub name: String,
    /// Samples.
    pub samples: u64,
    /// Seconds from the first to the last.
    pub span_s: f64,
    /// The peaks.
    pub peaks: Peaks,
}

/// The sizes for one kind of process.
#[derive(Debug)]
pub struct Sizes {
    /// Which kind.
    pub process: Process,
    /// Flink's version, where it is known.
    pub version: Option<FlinkVersion>,
    /// The share on top of every peak.
    pub headroom: f64,
    /// What was measured.
    pub processes: Vec<ProcessPeaks>,
    /// What every pool needs, and why.
    pub needs: Vec<Need>,
    /// The pools as they are; of the process that started last.
    pub before: Pools,
    /// The sizes derived; or why there are none.
    pub result: Result<Derived, NotDerived>,
    /// What makes the figures less sure.
    pub warnings: Vec<String>,
}

/// A configuration that gives every pool its need.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// Options to set.
    pub config: BTreeMap<String, String>,
    /// Options to take out.
    pub remove: Vec<String>,
    /// The pools with it.
    pub after: Pools,
}

impl Sizes {
    /// Whether every pool could be sized and Flink accepts the result.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let refused = |need: &Need| matches!(need.basis, Basis::Refused(_));
        self.result.is_ok() && !self.needs.iter().any(refused)
    }
}

/// Sizes the TaskManagers and the JobManagers among the processes.
#[must_use]
pub fn size(processes: &[Measured<'_>], headroom: f64) -> Vec<Sizes> {
    let of_kind = |kind: Process| {
        let of_kind: Vec<&Measured<'_>> = processes
            .iter()
            .filter(|process| process.budget.process == kind)
            .collect();
        let newest = of_kind
            .iter()
            .max_by_key(|process| process.case.header.t_ms)?;
        Some(size_alike(kind, &of_kind, newest.budget, headroom))
    };
    [Process::TaskManager, Process::JobManager]
        .into_iter()
        .filter_map(of_kind)
        .collect()
}

fn size_alike(
    process: Process,
    measured: &[&Measured<'_>],
    budget: &Budget,
    headroom: f64,
) -> Sizes {
    let processes: Vec<ProcessPeaks> = measured.iter().map(|process| peaks_of(process)).collect();
    let before = budget.pools;
    let needs = needs::needs(process, measured, &processes, &before, headroom);
    let warnings = needs::warnings(measured, &processes, &before);
    Sizes {
        process,
        version: budget.version,
        headroom,
        result: configuration::derived(budget.configuration(), &needs::by_pool(&needs), &before),
        processes,
        needs,
        before,
        warnings,
    }
}

fn peaks_of(process: &Measured<'_>) -> ProcessPeaks {
    let timeline = &process.case.timeline;
    let header = &process.case.header;
    ProcessPeaks {
        name: format!("{} pid {}", header.host, header.pid),
        samples: timeline.ticks,
        span_s: timeline
            .moments
            .last()
            .map_or(0.0, |last| seconds(last.up_ms))
            .min(timeline.span_s()),
        peaks: Peaks::measured(process.case, Some(process.budget)),
    }
}

#[cfg(test)]
mod tests;
