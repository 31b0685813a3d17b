//! When to sample faster: near a limit, while something still moves.
//!
//! A pool above [`NEAR`] of its limit is of interest only while it changes: Flink's network pool alone may fill most of
//! the direct limit for months. So fast sampling needs a pool that is near its limit and moved lately, or an incident.

use flinkmem_trace::{PoolKind, Sample};
use std::time::{Duration, Instant};

/// Share of a limit from which on it is near.
const NEAR: f64 = 0.9;

/// A change by this share of the limit counts as movement.
const MOVED: f64 = 0.005;

/// Fast sampling goes on this long after the last movement or incident.
const LINGER: Duration = Duration::from_secs(60);

/// The pools that are watched.
const WATCHED: usize = 7;

/// Fast sampling period.
pub(super) const FAST: Duration = Duration::from_millis(100);

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    levels: [Option<f64>; WATCHED],
    alarm: Option<Instant>,
    reason: &'static str,
}

impl Pressure {
    /// Takes a sample into account.
    pub(super) fn observe(&mut self, sample: &Sample, now: Instant) {
        for ((name, share), level) in shares(sample).into_iter().zip(&mut self.levels) {
            let Some(share) = share.filter(|&share| share >= NEAR) else {
                *level = None;
                continue;
            };
            // First time near: whatever brought it here moved.
            let moved = level.is_none_or(|level| (share - level).abs() >= MOVED);
            if moved {
                *level = Some(share);
                self.alarm = Some(now);
                self.reason = name;
            }
        }
    }

    /// Takes an incident into account.
    pub(super) fn incident(&mut self, now: Instant) {
        self.alarm = Some(now);
        self.reason = "incident";
    }

    /// Why sampling is fast now, or `None`.
    pub(super) fn reason(&self, now: Instant) -> Option<&'static str> {
        let recent = self
            .alarm
            .is_some_and(|alarm| now.duration_since(alarm) < LINGER);
        recent.then_some(self.reason)
    }
}

/// Each limit with the share of it that is in use; `None` where there is no limit or no reading.
fn shares(sample: &Sample) -> [(&'static str, Option<f64>); WATCHED] {
    let share = |used: u64, max: u64| (max > 0).then(|| used as f64 / max as f64);
    let pool = |kind| {
        let pools = sample.pools.iter().filter(|pool| pool.kind == kind);
        pools
            .filter_map(|pool| share(pool.used_bytes, pool.max_bytes?))
            .reduce(f64::max)
    };
    let direct = sample
        .direct
        .and_then(|direct| share(direct.capacity_bytes, direct.max_bytes?));
    let heap = sample
        .heap
        .and_then(|heap| share(heap.after_gc_bytes?, heap.max_bytes));
    // Page cache fills a container as well, and is given back: only what cannot be reclaimed counts.
    let resident = sample
        .process
        .map(|process| process.rss_anon_bytes + process.rss_shmem_bytes);
    let container = sample.cgroup.and_then(|cgroup| {
        share(
            resident?.max(cgroup.anon_bytes.unwrap_or(0)),
            cgroup.limit_bytes?,
        )
    });
    let threads = sample.pids.and_then(|pids| share(pids.current, pids.max));
    [
        ("direct", direct),
        ("heap", heap),
        ("metaspace", pool(PoolKind::Metaspace)),
        ("class_space", pool(PoolKind::ClassSpace)),
        ("code_cache", pool(PoolKind::CodeCache)),
        ("container", container),
        ("threads", threads),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::DirectMemory;

    fn direct(percent: u64) -> Sample {
        let direct = DirectMemory {
            capacity_bytes: percent,
            max_bytes: Some(100),
            ..Default::default()
        };
        Sample {
            direct: Some(direct),
            ..Default::default()
        }
    }

    #[test]
    fn a_pool_that_comes_near_its_limit_is_sampled_fast_and_later_no_more() {
        let (start, mut pressure) = (Instant::now(), Pressure::default());
        pressure.observe(&direct(89), start);
        assert_eq!(pressure.reason(start), None);
        pressure.observe(&direct(93), start);
        assert_eq!(pressure.reason(start), Some("direct"));
        for second in 1..LINGER.as_secs() {
            pressure.observe(&direct(93), start + Duration::from_secs(second));
        }
        assert_eq!(pressure.reason(start + LINGER), None, "near, but flat");
        pressure.observe(&direct(95), start + LINGER);
        assert_eq!(pressure.reason(start + LINGER), Some("direct"), "it moved");
    }

    #[test]
    fn a_cgroup_that_runs_out_of_threads_is_near_its_limit() {
        let (start, mut pressure) = (Instant::now(), Pressure::default());
        let pids = flinkmem_trace::Pids {
            current: 95,
            max: 100,
        };
        let sample = Sample {
            pids: Some(pids),
            ..Default::default()
        };
        pressure.observe(&sample, start);
        assert_eq!(pressure.reason(start), Some("threads"));
    }

    #[test]
    fn an_incident_makes_sampling_fast() {
        let (start, mut pressure) = (Instant::now(), Pressure::default());
        pressure.incident(start);
        assert_eq!(pressure.reason(start), Some("incident"));
        assert_eq!(pressure.reason(start + LINGER), None);
    }

    #[test]
    fn a_sample_without_readings_means_nothing() {
        let mut pressure = Pressure::default();
        pressure.observe(&Sample::default(), Instant::now());
        assert_eq!(pressure.reason(Instant::now()), None);
    }
}
