//! What became of the process.

use super::told_outcome::by_lines;
use super::{Case, Moment};
use flinkmem_trace::{Header, IncidentKind, layout::FACTS};
use serde::Serialize;
use std::fs::{File, read_to_string};

/// What became of the process, as far as the trace and this machine tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Outcome {
    /// In one word.
    pub kind: OutcomeKind,
    /// In a sentence.
    pub detail: String,
}

/// What became of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It runs.
    Running,
    /// It ended in an orderly way.
    Exited,
    /// An `OutOfMemoryError` ended it.
    JavaOom,
    /// Something killed it, and memory is the likely reason.
    Killed,
    /// The trace does not tell.
    Unknown,
}

/// What the machine that runs the analyzer can add.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Wall clock now, milliseconds since the epoch.
    pub now_ms: i64,
    /// Name of this host.
    pub host: String,
}

/// An error this close to the end is taken as its cause.
const LAST_WORDS_MS: u64 = 5_000;

/// A trace whose last sample is no older than this is still being written.
const FRESH_MS: i64 = 5_000;

/// From this share of the cgroup's limit on, a kill is likely to be the kernel's.
const NEAR_LIMIT: f64 = 0.97;

impl Surroundings {
    /// This machine, now.
    #[must_use]
    pub fn here() -> Self {
        let host = read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            now_ms: jiff::Timestamp::now().as_millisecond(),
            host: host.trim().to_owned(),
        }
    }

    /// Whether the very process of a header runs on this host.
    fn runs(&self, header: &Header) -> bool {
        header.host == self.host
            && started_ms(header.pid).is_some_and(|start| start.abs_diff(header.start_ms) < 2_000)
    }
}

impl Outcome {
    /// Judges the end of a case.
    #[must_use]
    pub fn of(case: &Case, here: &Surroundings) -> Self {
        let (kind, detail) = if !case.has_trace() {
            by_lines(case).unwrap_or_else(|| {
                let text = "no line tells what became of the process";
                (OutcomeKind::Unknown, text.to_owned())
            })
        } else if let Some(end) = case.end {
            orderly_end(case, end.up_ms)
        } else if here.runs(&case.header) {
            (
                OutcomeKind::Running,
                "the process is running on this host".to_owned(),
            )
        } else if let Some(age_ms) = age_ms(case, here).filter(|age| *age <= FRESH_MS)
            && !(here.host == case.header.host && lock_is_free(case))
        {
            let age = age_ms / 1000;
            (
                OutcomeKind::Running,
                format!("the trace is being written: its last sample is {age} s old"),
            )
        } else {
            by_lines(case).unwrap_or_else(|| vanished(case))
        };
        Self { kind, detail }
    }
}

/// Whether the lock that a living agent holds on its facts can be had, so that its process is gone. `false` where that cannot be told, and for
/// traces of other hosts, where locks need not reach.
fn lock_is_free(case: &Case) -> bool {
    let facts = File::open(case.directory.join(FACTS));
    facts.is_ok_and(|file| file.try_lock_shared().is_ok())
}

fn age_ms(case: &Case, here: &Surroundings) -> Option<i64> {
    let last = case.timeline.moments.last()?;
    let age = here.now_ms.saturating_sub(last.t_ms);
    (age >= 0).then_some(age)
}

/// A TaskManager outlives an error of direct memory; so it is the end's cause in other JVMs only.
fn orderly_end(case: &Case, end_up_ms: u64) -> (OutcomeKind, String) {
    let last_words = case.incidents.iter().rev().find(|incident| {
        let ends_flink = incident.incident == IncidentKind::ResourceExhausted;
        let ends_any =
            incident.incident == IncidentKind::OutOfMemoryError && case.header.flink.is_none();
        let at_the_end = end_up_ms.saturating_sub(incident.up_ms) <= LAST_WORDS_MS;
        at_the_end && (ends_flink || ends_any)
    });
    match last_words {
        Some(incident) => {
            let before = end_up_ms.saturating_sub(incident.up_ms) as f64 / 1000.0;
            let error = incident
                .error_class
                .as_deref()
                .unwrap_or("OutOfMemoryError");
            let error = error.rsplit('.').next().unwrap_or(error);
            (
                OutcomeKind::JavaOom,
                format!("the JVM ended {before:.1} s after an {error}"),
            )
        }
        None => (
            OutcomeKind::Exited,
            "the JVM ended in an orderly way".to_owned(),
        ),
    }
}

fn vanished(case: &Case) -> (OutcomeKind, String) {
    let moments = &case.timeline.moments;
    let kills = |moment: &Moment| moment.cgroup?.oom_kill;
    let first_kills = moments.iter().find_map(kills).unwrap_or(0);
    // Who goes on to write samples after a kill was not the one who was killed.
    let before = moments
        .split_last()
        .map_or(moments.as_slice(), |(_, rest)| rest);
    let kills_before = before.iter().rev().find_map(kills).unwrap_or(first_kills);
    let more_kills = case.timeline.last(kills).unwrap_or(0) > kills_before;
    if more_kills {
        return (
            OutcomeKind::Killed,
            "the trace stops without an end, and the cgroup counted an OOM kill".to_owned(),
        );
    }
    if let Some(share) = anon_share(moments).filter(|share| *share >= NEAR_LIMIT) {
        let percent = share * 100.0;
        return (
            OutcomeKind::Killed,
            format!(
                "the trace stops without an end at {percent:.0} % of the container's memory limit"
            ),
        );
    }
    (
        OutcomeKind::Unknown,
        "the trace stops without an end: killed, crashed, or copied while it was being written"
            .to_owned(),
    )
}

/// Memory of the cgroup that cannot be given back at the last moment, as a share of the limit; page cache does not count. Version 1 tells that with
/// every fifth sample only.
fn anon_share(moments: &[Moment]) -> Option<f64> {
    let cgroup = moments.last()?.cgroup?;
    let limit = cgroup.limit_bytes.filter(|limit| *limit > 0)?;
    let mut backwards = moments.iter().rev();
    let cache = backwards.find_map(|moment| moment.cgroup?.file_bytes);
    let held = cgroup.usage_bytes.saturating_sub(cache.unwrap_or(0));
    Some(held as f64 / limit as f64)
}

/// Start of a process on this machine, milliseconds since the epoch: field 22 of `/proc/<pid>/stat` counts ticks since
/// boot, a hundred a second on every architecture that a JVM runs on.
fn started_ms(pid: u32) -> Option<i64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let ticks: i64 = after_name.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let system = read_to_string("/proc/stat").ok()?;
    let boot = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    let boot_s: i64 = boot.trim().parse().ok()?;
    boot_s
        .checked_mul(1000)?
        .checked_add(ticks.checked_mul(10)?)
}
