//! Who else is in the container: children of the process and other processes.

use crate::case::Case;
use flinkmem_trace::{OtherProcess, Surroundings};

/// Processes other than the JVM's.
#[derive(Debug, Default)]
pub(in crate::rules) struct Others {
    /// At the first look.
    pub(in crate::rules) first: u64,
    /// At the last.
    pub(in crate::rules) last: u64,
    /// The largest of all at the look at which all held the most.
    pub(in crate::rules) largest: Option<OtherProcess>,
    /// The most that all held.
    pub(in crate::rules) peak: u64,
    /// When the first look was taken, milliseconds since the agent started.
    pub(in crate::rules) from_ms: u64,
    /// The last.
    pub(in crate::rules) to_ms: u64,
}

impl Others {
    pub(super) fn of(case: &Case) -> Self {
        let looks: Vec<&Surroundings> = case.evidence.all::<Surroundings>().collect();
        let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
            return Self::default();
        };
        let most = looks.iter().max_by_key(|look| held_by(look));
        let largest = most.and_then(|look| {
            look.processes
                .iter()
                .max_by_key(|process| unreclaimable(process))
        });
        Self {
            first: held_by(first),
            last: held_by(last),
            largest: largest.cloned(),
            peak: most.map_or(0, |look| held_by(look)),
            from_ms: first.taken.up_ms,
            to_ms: last.taken.up_ms,
        }
    }

    /// What they hold more at the last look than at the first.
    pub(in crate::rules) fn growth(&self) -> u64 {
        self.last.saturating_sub(self.first)
    }
}

/// What other processes hold at one look.
fn held_by(look: &Surroundings) -> u64 {
    [look.descendants, look.neighbours]
        .into_iter()
        .flatten()
        .fold(0, |sum: u64, totals| {
            sum.saturating_add(totals.unreclaimable_bytes)
        })
}

fn unreclaimable(process: &OtherProcess) -> u64 {
    process
        .rss_anon_bytes
        .saturating_add(process.rss_shmem_bytes)
}
