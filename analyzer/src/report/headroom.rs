//! How far a process stayed from each limit that something enforces: what "nothing found" is worth.

use crate::case::{Case, Moment, PoolUse};
use crate::units::bytes;

/// A limit, and the most that was held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// What is limited, in words.
    pub what: &'static str,
    /// The limit.
    pub limit: u64,
    /// The most at any sample.
    pub peak: u64,
    /// What both count.
    pub unit: Unit,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Threads.
    Threads,
}

impl Unit {
    /// A figure with its unit.
    #[must_use]
    pub fn text(self, figure: u64) -> String {
        match self {
            Self::Bytes => bytes(figure),
            Self::Threads => figure.to_string(),
        }
    }
}

impl Headroom {
    /// What was left of the limit.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.peak)
    }

    fn used_share(&self) -> f64 {
        self.peak as f64 / self.limit.max(1) as f64
    }

    /// Every limit that is known and against which something was measured, the nearest first. Of the heap counts what collections left, for
    /// garbage fills any heap; of the container what is not page cache, for the kernel takes that back.
    #[must_use]
    pub fn of(case: &Case) -> Vec<Self> {
        let timeline = &case.timeline;
        let pool = |what, of: fn(&Moment) -> Option<PoolUse>| {
            let peak = timeline.peak(|moment| Some(of(moment)?.used_bytes))?;
            let limit = timeline.last(|moment| of(moment)?.max_bytes)?;
            Some(measured(what, limit, peak, Unit::Bytes))
        };
        let heap = || {
            let limit = timeline.last(|moment| Some(moment.heap?.max_bytes))?;
            let what = match timeline.peak(|moment| moment.heap?.after_gc_bytes) {
                Some(_) => "heap after collections",
                None => "heap",
            };
            Some(measured(what, limit, case.live_heap_bytes()?, Unit::Bytes))
        };
        let direct = || {
            let peak = timeline.peak(Moment::direct_bytes)?;
            Some(measured(
                "direct memory",
                case.direct_limit()?,
                peak,
                Unit::Bytes,
            ))
        };
        let container = || {
            let limit = timeline.last(|moment| moment.cgroup?.limit_bytes)?;
            let held = |moment: &Moment| {
                let cgroup = moment.cgroup?;
                let cache = cgroup.file_bytes.unwrap_or(0);
                let in_use = cgroup.usage_bytes.saturating_sub(cache);
                Some(cgroup.anon_bytes.map_or(in_use, |anon| anon.max(in_use)))
            };
            let peak = timeline.peak(held)?;
            Some(measured(
                "container without cache",
                limit,
                peak,
                Unit::Bytes,
            ))
        };
        let threads = || {
            let limit = timeline.last(|moment| Some(moment.pids?.max))?;
            let peak = timeline.peak(|moment| Some(moment.pids?.current))?;
            Some(measured(
                "threads of the cgroup",
                limit,
                peak,
                Unit::Threads,
            ))
        };
        let metaspace = || {
            let peak = timeline.peak(|moment| Some(moment.metaspace?.used_bytes))?;
            let limit = timeline.last(|moment| moment.metaspace?.max_bytes);
            let limit = limit.or(case.observed.jvm_limits.metaspace)?;
            Some(measured("metaspace", limit, peak, Unit::Bytes))
        };
        let found = [
            heap(),
            direct(),
            metaspace(),
            pool("class space", |moment| moment.class_space),
            pool("code cache", |moment| moment.code_cache),
            container(),
            threads(),
        ];
        let mut found: Vec<Self> = found
            .into_iter()
            .flatten()
            .filter(|one| one.limit > 0)
            .collect();
        found.sort_by(|a, b| b.used_share().total_cmp(&a.used_share()));
        found
    }
}

fn measured(what: &'static str, limit: u64, peak: u64, unit: Unit) -> Headroom {
    Headroom {
        what,
        limit,
        peak,
        unit,
    }
}
