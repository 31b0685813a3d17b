//! Which samples of a segment stay when it is thinned: of each ten the one that says most, and those that hold a peak.
//!
//! An overview of days reads nothing else of old segments, so what it calls a peak must be one. The figures whose peaks count are those that
//! are held against a limit. Totals need none: the next sample that stays has them all.

use crate::record::{PoolKind, Sample};

/// One sample in ten stays: enough for a trend over days.
const ONE_IN: u32 = 10;

/// The process was held back for so long that nobody should have to look for it among the rest.
const HELD_BACK_US: u64 = 500_000;

/// Samples of the open segment that stay, as they are noted one after the other.
#[derive(Debug, Default)]
pub(super) struct Keepers {
    samples: u32,
    /// The best of the ten that are being noted: how much it says, and its number.
    best: Option<(usize, u32)>,
    kept: Vec<u32>,
    held_back: u32,
    peaks: [Option<(u64, u32)>; PEAKS],
}

impl Keepers {
    /// Takes note of the next sample of the segment.
    pub(super) fn note(&mut self, sample: &Sample) {
        let number = self.samples;
        self.samples = number.saturating_add(1);
        for (peak, value) in self.peaks.iter_mut().zip(figures(sample)) {
            let is_higher = match (value, &peak) {
                (Some(value), Some((highest, _))) => value > *highest,
                (value, None) => value.is_some(),
                (None, _) => false,
            };
            if is_higher {
                *peak = value.map(|value| (value, number));
            }
        }
        let says = says(sample);
        if self.best.is_none_or(|(most, _)| says > most) {
            self.best = Some((says, number));
        }
        if self.samples.is_multiple_of(ONE_IN) {
            self.kept.extend(self.best.take().map(|(_, number)| number));
        }
        let was_held_back = held_back_us(sample) >= HELD_BACK_US;
        // A process that is held back all the time must not keep everything.
        if was_held_back && self.held_back < self.samples / ONE_IN + 10 {
            self.held_back += 1;
            self.kept.push(number);
        }
    }

    /// The numbers of the samples that stay, in order.
    pub(super) fn numbers(mut self) -> Vec<u32> {
        self.kept.extend(self.best.map(|(_, number)| number));
        self.kept
            .extend(self.peaks.iter().flatten().map(|(_, number)| number));
        self.kept.sort_unstable();
        self.kept.dedup();
        self.kept
    }
}

/// Near a limit nine samples in ten have but the figures that cost nothing.
fn says(sample: &Sample) -> usize {
    let throttling = sample.cpu.is_some_and(|cpu| cpu.periods.is_some());
    [
        !sample.sites.is_empty(),
        !sample.netty.is_empty(),
        sample.flink.is_some(),
        sample.psi.is_some(),
        sample.rocksdb.is_some(),
        throttling,
    ]
    .into_iter()
    .filter(|said| *said)
    .count()
}

fn held_back_us(sample: &Sample) -> u64 {
    let paused = sample.pauses.map_or(0, |pauses| pauses.longest_us);
    paused.max(sample.agent.overslept_us)
}

const PEAKS: usize = 19;

/// What may be held against a limit, or tells how long nothing ran.
fn figures(sample: &Sample) -> [Option<u64>; PEAKS] {
    let pool = |kind| {
        let of_kind = sample.pools.iter().filter(|pool| pool.kind == kind);
        let sum = of_kind.fold(0_u64, |sum, pool| sum.saturating_add(pool.used_bytes));
        (sum > 0).then_some(sum)
    };
    let network = sample
        .flink
        .as_ref()
        .and_then(|flink| flink.network.as_ref());
    let managed = sample.flink.as_ref().map(|flink| {
        flink.slots.iter().fold(0_u64, |sum, slot| {
            let free = slot.managed_available_bytes;
            let taken = slot
                .managed_bytes
                .zip(free)
                .map(|(all, free)| all.saturating_sub(free));
            sum.saturating_add(taken.unwrap_or(0))
        })
    });
    let netty = sample.netty.iter().filter_map(|copy| copy.used_bytes);
    [
        sample.direct.map(|direct| direct.capacity_bytes),
        sample.off_heap.map(|off_heap| off_heap.live_bytes),
        sample.heap.map(|heap| heap.used_bytes),
        sample.heap.and_then(|heap| heap.after_gc_bytes),
        pool(PoolKind::Metaspace),
        pool(PoolKind::ClassSpace),
        pool(PoolKind::CodeCache),
        sample.process.map(|process| process.vm_rss_bytes),
        sample.process.map(|process| process.rss_anon_bytes),
        sample.process.map(|process| process.vm_swap_bytes),
        sample.cgroup.map(|cgroup| cgroup.usage_bytes),
        sample.cgroup.and_then(|cgroup| cgroup.anon_bytes),
        sample.pids.map(|pids| pids.current),
        sample.threads.map(|threads| threads.live),
        network.and_then(|pool| Some(pool.segments_total.saturating_sub(pool.segments_available?))),
        managed,
        netty.max(),
        sample.rocksdb.and_then(|rocksdb| rocksdb.cache_usage_bytes),
        sample.rocksdb.and_then(|rocksdb| rocksdb.memtables_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{DirectMemory, Pauses, SiteUse};

    fn sample(direct: u64) -> Sample {
        Sample {
            direct: Some(DirectMemory {
                capacity_bytes: direct,
                ..DirectMemory::default()
            }),
            ..Sample::default()
        }
    }

    fn kept(samples: &[Sample]) -> Vec<u32> {
        let mut keepers = Keepers::default();
        for sample in samples {
            keepers.note(sample);
        }
        keepers.numbers()
    }

    #[test]
    fn one_in_ten_stays_and_each_peak() {
        let mut samples = vec![sample(5); 35];
        assert_eq!(kept(&samples), [0, 10, 20, 30]);
        samples[17] = sample(9);
        assert_eq!(kept(&samples), [0, 10, 17, 20, 30]);
    }

    #[test]
    fn of_ten_the_sample_that_says_most_stays() {
        let mut samples = vec![sample(5); 20];
        for number in [3, 13] {
            samples[number].sites = vec![SiteUse::default()];
        }
        // The first also holds the peak.
        assert_eq!(kept(&samples), [0, 3, 13]);
    }

    #[test]
    fn stops_stay_but_not_without_bound() {
        let mut samples = vec![sample(5); 1000];
        let stopped = Some(Pauses {
            longest_us: 700_000,
            ..Pauses::default()
        });
        samples[55].pauses = stopped;
        assert!(kept(&samples).contains(&55));
        samples
            .iter_mut()
            .for_each(|sample| sample.pauses = stopped);
        let all = kept(&samples).len();
        assert!((100..=210).contains(&all), "{all}");
    }
}
