//! What became of the process.

use super::told_outcome::by_lines;
use super::{Case, Moment};
use crate::snapshot::interval;
use flinkmem_trace::{Header, IncidentKind, layout::FACTS};
use serde::Serialize;
use std::fs::{File, TryLockError, read_to_string};
use std::path::Path;

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

/// A trace whose last sample is no older than this, or than three intervals, is still being written.
const FRESH_MS: i64 = 5_000;

/// How far ahead of the look the last sample may be: a look at many traces takes a while, and clocks of hosts differ.
const AHEAD_MS: i64 = 30_000;

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

    /// What shows that the process of a trace lives, in a sentence. `last_ms` is the wall clock of its last sample.
    ///
    /// On this host the lock that a living agent holds on its facts tells, across containers too, where a number says nothing. An agent that has just begun
    /// may not have it yet.
    pub(crate) fn sign_of_life(
        &self,
        directory: &Path,
        header: &Header,
        last_ms: Option<i64>,
    ) -> Option<String> {
        let age_ms = last_ms.map(|last_ms| self.now_ms.saturating_sub(last_ms));
        let fresh_ms = fresh_ms(header);
        let age_ms = age_ms.filter(|age_ms| (-AHEAD_MS..=fresh_ms).contains(age_ms));
        let lock = match header.host == self.host {
            true => lock_of(directory),
            // Locks need not reach other hosts.
            false => Lock::Unknown,
        };
        let lives = match lock {
            Lock::Held => true,
            Lock::Free => age_ms.is_some() && self.runs(header),
            Lock::Unknown => self.runs(header),
        };
        if lives {
            return Some("the process is running on this host".to_owned());
        }
        let age_s = age_ms.filter(|_| lock == Lock::Unknown)?.max(0) / 1000;
        Some(format!(
            "the trace is being written: its last sample is {age_s} s old"
        ))
    }

    /// Whether the very process of a header runs on this host.
    fn runs(&self, header: &Header) -> bool {
        header.host == self.host
            && started_ms(header.pid).is_some_and(|start| start.abs_diff(header.start_ms) < 2_000)
    }
}

/// How old the last sample of a trace that is being written can be, milliseconds.
fn fresh_ms(header: &Header) -> i64 {
    let intervals = interval(header).saturating_mul(3).as_millis();
    i64::try_from(intervals).unwrap_or(i64::MAX).max(FRESH_MS)
}

/// What the lock on a trace's facts says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// Somebody lives who holds it.
    Held,
    /// It can be had, so its process is gone.
    Free,
    /// There are no facts, or no locks on this file system.
    Unknown,
}

fn lock_of(directory: &Path) -> Lock {
    let facts = directory.join(FACTS);
    // To open a pipe of that name would be to wait for a writer.
    let facts = facts.is_file().then(|| File::open(facts).ok()).flatten();
    match facts.map(|facts| facts.try_lock_shared()) {
        Some(Ok(())) => Lock::Free,
        Some(Err(TryLockError::WouldBlock)) => Lock::Held,
        Some(Err(TryLockError::Error(_))) | None => Lock::Unknown,
    }
}

impl Outcome {
    /// Judges the end of a case.
    #[must_use]
    pub fn of(case: &Case, here: &Surroundings) -> Self {
        let (kind, detail) = if !case.has_samples() {
            by_lines(case).unwrap_or_else(|| {
                let text = "no line tells what became of the process";
                (OutcomeKind::Unknown, text.to_owned())
            })
        } else if let Some(end) = case.end {
            orderly_end(case, end.up_ms)
        } else if let Some(detail) = sign_of_life(case, here) {
            (OutcomeKind::Running, detail)
        } else {
            by_lines(case).unwrap_or_else(|| vanished(case))
        };
        Self { kind, detail }
    }
}

fn sign_of_life(case: &Case, here: &Surroundings) -> Option<String> {
    let last_ms = case.timeline.moments.last().map(|moment| moment.t_ms);
    here.sign_of_life(&case.directory, &case.header, last_ms)
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_767_225_600_000;

    /// A trace of this very process, and whether it shows life when its last sample is that old.
    fn shows_life(age_ms: i64, host: &str, prepare: impl FnOnce(&File)) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let facts = File::create(directory.path().join(FACTS)).unwrap();
        prepare(&facts);
        let pid = std::process::id();
        let header = Header {
            host: host.to_owned(),
            pid,
            start_ms: started_ms(pid).unwrap(),
            ..Header::default()
        };
        let here = Surroundings {
            now_ms: NOW_MS,
            host: "tm-0".to_owned(),
        };
        let last_ms = Some(NOW_MS - age_ms);
        here.sign_of_life(directory.path(), &header, last_ms)
            .is_some()
    }

    #[test]
    fn who_holds_the_lock_lives_however_old_the_last_sample_is() {
        assert!(shows_life(3_600_000, "tm-0", |facts| facts.lock().unwrap()));
    }

    #[test]
    fn a_number_and_a_start_like_those_of_a_process_here_are_no_life_without_the_lock() {
        assert!(!shows_life(60_000, "tm-0", |_| {}));
        // It may not have it yet.
        assert!(shows_life(1_000, "tm-0", |_| {}));
    }

    #[test]
    fn of_another_host_only_fresh_samples_show_life() {
        assert!(shows_life(4_000, "tm-1", |_| {}));
        assert!(!shows_life(60_000, "tm-1", |_| {}));
        assert!(shows_life(-4_000, "tm-1", |_| {}));
        assert!(!shows_life(-60_000, "tm-1", |_| {}));
    }
}
