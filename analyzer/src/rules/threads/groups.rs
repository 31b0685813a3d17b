//! Threads whose names differ in numbers only, over time.

use crate::case::{Case, Origin, owner_of};
use flinkmem_trace::{Taken, ThreadCensus, ThreadGroup};

/// A group of threads at one census, compared with the first.
pub(in crate::rules) struct Group<'a> {
    pub(in crate::rules) group: &'a ThreadGroup,
    /// More threads than at the first census that has any.
    pub(in crate::rules) grown: u64,
    /// The first census.
    pub(in crate::rules) first: Taken,
    /// Its live threads at each census until then: milliseconds since the agent started, threads.
    pub(in crate::rules) history: Vec<(u64, u64)>,
}

/// Who starts threads.
pub(in crate::rules) struct Creator {
    pub(in crate::rules) origin: Origin,
    pub(in crate::rules) method: String,
    pub(in crate::rules) line: Option<u32>,
    /// Whether an executor of the JDK started them for its caller: most of those have a bound.
    pub(in crate::rules) by_pool: bool,
}

impl Group<'_> {
    pub(in crate::rules) fn pattern(&self) -> &str {
        &self.group.pattern
    }

    pub(in crate::rules) fn creator(&self, case: &Case) -> Option<Creator> {
        creator(case, self.group)
    }

    /// Censuses at which there were more than at the one before.
    pub(in crate::rules) fn rises(&self) -> usize {
        let pairs = self.history.windows(2);
        pairs.filter(|pair| pair[1].1 > pair[0].1).count()
    }

    /// Share of the threads that came and have ended since.
    pub(in crate::rules) fn ended_share(&self) -> f64 {
        self.group.vanished as f64 / self.group.appeared.max(1) as f64
    }
}

/// The group that grew most until `census`.
pub(super) fn main<'a>(case: &'a Case, census: &'a ThreadCensus) -> Option<Group<'a>> {
    let until = || {
        let all = case.evidence.all::<ThreadCensus>();
        all.filter(|one| one.taken.up_ms <= census.taken.up_ms)
    };
    let first = until().next()?;
    let live = |census: &ThreadCensus, pattern: &str| {
        let group = census.groups.iter().find(|group| group.pattern == pattern);
        group.map_or(0, |group| group.live)
    };
    let group = census
        .groups
        .iter()
        .filter(|group| !is_own(case, group))
        .max_by_key(|group| group.live.saturating_sub(live(first, &group.pattern)))?;
    let grown = group.live.saturating_sub(live(first, &group.pattern));
    (grown > 0).then(|| Group {
        group,
        grown,
        first: first.taken,
        history: until()
            .map(|one| (one.taken.up_ms, live(one, &group.pattern)))
            .collect(),
    })
}

/// How Flink calls the threads of its own pools, which libraries start for it.
const OF_FLINK: [&str; 6] = [
    "flink",
    "Flink",
    "cluster-io",
    "jobmanager-io",
    "pekko",
    "akka",
];

/// Flink's own pools have bounds, to which they fill over some jobs, and its tasks are as many as the job has.
fn is_own(case: &Case, group: &ThreadGroup) -> bool {
    let by_name = OF_FLINK.iter().any(|name| group.pattern.starts_with(name));
    by_name || creator(case, group).is_some_and(|creator| creator.origin == Origin::Flink)
}

/// Who started most of a group.
pub(super) fn creator(case: &Case, group: &ThreadGroup) -> Option<Creator> {
    let site = group.creators.iter().find_map(|id| case.sites.get(id))?;
    let (owner, frame) = owner_of(site)?;
    let by_pool = site.frames.iter().any(|frame| {
        frame.class == "java.util.concurrent.ThreadPoolExecutor" && frame.method == "addWorker"
    });
    Some(Creator {
        origin: owner.origin,
        method: owner.method,
        line: frame.line,
        by_pool,
    })
}
