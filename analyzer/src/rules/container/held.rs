//! What the container holds and the kernel cannot take back, sample by sample.

use crate::case::{Case, Moment, seconds};
use crate::statistics::Point;
use crate::units::to_bytes;
use flinkmem_trace::Surroundings;

/// What was held over time.
#[derive(Debug, Default)]
pub(in crate::rules) struct Held {
    /// One point a sample.
    pub(in crate::rules) points: Vec<Point>,
    /// The most.
    pub(in crate::rules) peak: Option<u64>,
    /// At the last sample.
    pub(in crate::rules) last: Option<u64>,
    /// Bytes a second over the last samples, for what is to come before the next one.
    pub(in crate::rules) pace_at_end: f64,
}

/// The pace at the end is that of this many seconds.
const AT_END_S: f64 = 3.0;

impl Held {
    pub(super) fn of(case: &Case) -> Self {
        let shmem = Shmem::of(case);
        // Version 1 tells its page cache with every fifth sample only.
        let mut cache = None;
        let moments = case.timeline.moments.iter();
        let values: Vec<(u64, u64)> = moments
            .filter_map(|moment| {
                let told = moment.cgroup.and_then(|cgroup| cgroup.file_bytes);
                cache = told.or(cache);
                let kept = shmem.at(moment.up_ms);
                let given_back = cache.unwrap_or(0).saturating_sub(kept);
                Some((moment.up_ms, held_bytes(moment, given_back)?))
            })
            .collect();
        let points: Vec<Point> = values
            .iter()
            .map(|&(up_ms, bytes)| Point::new(seconds(up_ms), bytes as f64))
            .collect();
        Self {
            peak: values.iter().map(|(_, bytes)| *bytes).max(),
            last: values.last().map(|(_, bytes)| *bytes),
            pace_at_end: pace_at_end(&points),
            points,
        }
    }
}

impl Held {
    /// What was held at the last sample until then.
    pub(in crate::rules) fn at(&self, up_ms: u64) -> Option<u64> {
        let after = self
            .points
            .partition_point(|point| point.s <= seconds(up_ms));
        self.points[..after]
            .last()
            .map(|point| to_bytes(point.bytes))
    }
}

fn pace_at_end(points: &[Point]) -> f64 {
    let Some(last) = points.last() else {
        return 0.0;
    };
    let first = points.iter().find(|point| last.s - point.s <= AT_END_S);
    first
        .filter(|first| last.s > first.s)
        .map_or(0.0, |first| (last.bytes - first.bytes) / (last.s - first.s))
}

/// What counts towards the limit and cannot be given back: the cgroup's usage without its page cache, of which shared memory is no part here; without
/// a limit, what the process has of such memory, for the cgroup may be the whole machine's.
fn held_bytes(moment: &Moment, cache: u64) -> Option<u64> {
    let of_process = moment.process.map(|process| {
        process
            .rss_anon_bytes
            .saturating_add(process.rss_shmem_bytes)
    });
    match moment.cgroup {
        Some(cgroup) if cgroup.limit_bytes.is_some() => {
            Some(cgroup.usage_bytes.saturating_sub(cache))
        }
        _ => of_process,
    }
}

/// Shared memory of the cgroup, which is told more rarely than its page cache of which it is a part.
struct Shmem(Vec<(u64, u64)>);

impl Shmem {
    fn of(case: &Case) -> Self {
        let all = case.evidence.all::<Surroundings>();
        let known = all.filter_map(|found| Some((found.taken.up_ms, found.cgroup?.shmem_bytes?)));
        Self(known.collect())
    }

    fn at(&self, up_ms: u64) -> u64 {
        let after = self.0.partition_point(|(known, _)| *known <= up_ms);
        let nearest = self.0[..after].last().or(self.0.first());
        nearest.map_or(0, |(_, bytes)| *bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::{Cgroup, CgroupMemory, Process, Record};

    fn moment(up_ms: u64, usage_bytes: u64, file_bytes: Option<u64>) -> Moment {
        Moment {
            up_ms,
            cgroup: Some(Cgroup {
                usage_bytes,
                limit_bytes: Some(1000),
                file_bytes,
                ..Cgroup::default()
            }),
            ..Moment::default()
        }
    }

    #[test]
    fn page_cache_is_not_held_also_where_a_sample_does_not_tell_it() {
        let mut case = Case::default();
        case.timeline.moments = vec![moment(0, 1000, Some(700)), moment(1, 1000, None)];
        let held = Held::of(&case);
        assert_eq!((held.last, held.peak), (Some(300), Some(300)));
    }

    #[test]
    fn shared_memory_is_held() {
        let mut case = Case::default();
        case.timeline.moments = vec![moment(0, 1000, Some(700))];
        let cgroup = CgroupMemory {
            shmem_bytes: Some(200),
            ..CgroupMemory::default()
        };
        case.evidence
            .push(Record::Surroundings(Box::new(Surroundings {
                cgroup: Some(cgroup),
                ..Surroundings::default()
            })));
        assert_eq!(Held::of(&case).last, Some(500));
    }

    #[test]
    fn without_a_limit_the_process_alone_counts() {
        let moment = Moment {
            cgroup: Some(Cgroup {
                usage_bytes: 1_000_000,
                ..Cgroup::default()
            }),
            process: Some(Process {
                rss_anon_bytes: 40,
                rss_file_bytes: 30,
                rss_shmem_bytes: 2,
                ..Process::default()
            }),
            ..Moment::default()
        };
        assert_eq!(held_bytes(&moment, 0), Some(42));
    }
}
