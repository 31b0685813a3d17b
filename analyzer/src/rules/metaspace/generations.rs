//! Class loaders of jobs over time: who is alive, whose job has ended, and who was ever collected.

use crate::case::{Case, Moment};
use flinkmem_trace::{EventKind, Loader, LoaderClass, Loaders};
use std::collections::BTreeSet;

/// Loaders at one census, and what became of those of earlier ones.
pub(in crate::rules) struct Generations<'a> {
    /// The census.
    pub(in crate::rules) census: &'a Loaders,
    /// Loaders of ended jobs that are alive in it, oldest first.
    pub(in crate::rules) ended: Vec<&'a Loader>,
    /// Loaders of jobs that are alive in it.
    pub(in crate::rules) live: usize,
    /// Jobs that ran at that time; absent where Flink was not asked.
    pub(in crate::rules) running: Option<usize>,
    /// Jobs seen until then.
    pub(in crate::rules) jobs_seen: usize,
    /// Loaders that were seen ended in any census until then.
    pub(in crate::rules) ever_ended: usize,
    /// Of them, those that are gone: they were collected.
    pub(in crate::rules) collected: usize,
    /// When a census first saw each of `ended` with its job over, milliseconds since the agent started; the earliest.
    pub(in crate::rules) ended_since_ms: u64,
    /// Metaspace of `ended`, bytes; estimated from their share of classes where the JVM tells sums only.
    pub(in crate::rules) ended_bytes: Option<u64>,
}

/// Loaders that Flink makes for the code of a job.
pub(in crate::rules) fn is_of_job(class: &str) -> bool {
    class.ends_with("ChildFirstClassLoader") || class.contains("FlinkUserCodeClassLoaders")
}

impl<'a> Generations<'a> {
    /// Until a time: at the census that was taken last.
    pub(super) fn until(case: &'a Case, census: &'a Loaders) -> Self {
        let up_ms = census.taken.up_ms;
        let running = running_jobs(case, up_ms);
        let ended = ended(census, running);
        let ids: BTreeSet<u32> = ended.iter().filter_map(|loader| loader.id).collect();
        let mut ever: BTreeSet<u32> = ids.clone();
        let mut ended_since_ms = up_ms;
        let earlier = case.evidence.all::<Loaders>();
        for earlier in earlier.filter(|earlier| earlier.taken.up_ms < up_ms) {
            let then = self::ended(earlier, running_jobs(case, earlier.taken.up_ms));
            let then: BTreeSet<u32> = then.iter().filter_map(|loader| loader.id).collect();
            if !then.is_disjoint(&ids) {
                ended_since_ms = ended_since_ms.min(earlier.taken.up_ms);
            }
            ever.extend(then);
        }
        let row = census.by_class.iter().find(|row| is_of_job(&row.class));
        let listed = census.loaders.iter().filter(|l| is_of_job(&l.class));
        Self {
            census,
            live: row.map_or(listed.count(), |row| row.loaders as usize),
            running,
            jobs_seen: jobs_seen(case, up_ms),
            // Of many loaders a census lists some only, so that one may be missing that is alive.
            collected: match complete(census) {
                true => ever.difference(&ids).count(),
                false => 0,
            },
            ever_ended: ever.len(),
            ended_since_ms,
            ended_bytes: bytes_of(&ended, census, case),
            ended,
        }
    }

    /// Share of what metaspace holds at that time that ended jobs' loaders have.
    pub(in crate::rules) fn ended_share(&self, case: &Case) -> Option<f64> {
        let used = used_at(case, self.census.taken.up_ms)?;
        let bytes = self.ended_bytes?;
        (used > 0).then(|| bytes as f64 / used as f64)
    }
}

/// Whether a census lists all loaders that are not the JDK's own.
fn complete(census: &Loaders) -> bool {
    census.loaders.len() >= census.user_loaders as usize
}

fn ended(census: &Loaders, running: Option<usize>) -> Vec<&Loader> {
    let closed = |loader: &&Loader| loader.closed == Some(true);
    let closed: Vec<&Loader> = census.loaders.iter().filter(closed).collect();
    if !closed.is_empty() {
        return closed;
    }
    // Old versions of Flink do not close them. Of loaders with the same classes those are over that are older than as many
    // others as jobs run.
    let Some(running) = running else {
        return Vec::new();
    };
    let superseded = |loader: &&Loader| {
        is_of_job(&loader.class) && loader.newer_generations as usize >= running.max(1)
    };
    census.loaders.iter().filter(superseded).collect()
}

/// Jobs with tasks here, or that the JobManager runs.
pub(in crate::rules) fn running_jobs(case: &Case, up_ms: u64) -> Option<usize> {
    let inside = &case.timeline.inside;
    let until = inside.partition_point(|inside| inside.up_ms <= up_ms);
    let flink = inside[..until].last()?.flink.as_ref()?;
    let over = |state: &str| ["FINISHED", "FAILED", "CANCELED", "SUSPENDED"].contains(&state);
    let runs = flink
        .jobs
        .iter()
        .filter(|job| !job.state.as_deref().is_some_and(over));
    Some(runs.count())
}

fn jobs_seen(case: &Case, up_ms: u64) -> usize {
    let seen = case
        .events
        .iter()
        .filter(|event| event.event == EventKind::JobSeen && event.up_ms <= up_ms);
    let ids: BTreeSet<&str> = seen.filter_map(|event| event.job.as_deref()).collect();
    ids.len()
}

fn used_at(case: &Case, up_ms: u64) -> Option<u64> {
    let moments = &case.timeline.moments;
    let until = moments.partition_point(|moment| moment.up_ms <= up_ms);
    let used = |moment: &Moment| Some(moment.metaspace?.used_bytes);
    moments[..until].iter().rev().find_map(used)
}

/// The share of loaders in their class's metaspace, by classes.
fn bytes_of(loaders: &[&Loader], census: &Loaders, case: &Case) -> Option<u64> {
    let mut sum = 0.0;
    for loader in loaders {
        let row = census
            .by_class
            .iter()
            .find(|row| row.class == loader.class)?;
        sum += per_class(row, census, case)? * f64::from(loader.classes);
    }
    Some(crate::units::to_bytes(sum))
}

fn per_class(row: &LoaderClass, census: &Loaders, case: &Case) -> Option<f64> {
    let classes = f64::from(row.classes.max(1));
    let told = row.metaspace_used_bytes.map(|used| used as f64 / classes);
    told.or_else(|| {
        let used = used_at(case, census.taken.up_ms)?;
        Some(used as f64 / f64::from(census.classes.max(1)))
    })
}
