//! Which allocations are looked at, and how much each stands for.
//!
//! Poisson sampling by bytes: the distance to the next sample is exponential with mean `T`, so a block of `s` bytes is
//! sampled with probability `1 - exp(-s/T)` and stands for `s` divided by that. Sums over samples are unbiased for any
//! mixture of sizes, and large blocks are practically always sampled. `T` may change between draws without harm, as long as
//! a sample is weighed with the `T` that its distance was drawn with: it grows with the number of live samples (so that the table never fills) and
//! with their rate (so that stacks never cost more than a fixed share of a core).

use crate::gc_clock;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// `T` at rest.
const BASE_BYTES: u64 = 512 << 10;

/// `T` doubles for each this many live samples.
const LIVE_SAMPLES_A_STEP: usize = 2048;

const MOST_STEPS: u32 = 16;

/// The sampling of one account: how rare samples are, for all threads.
pub(crate) struct Sampling {
    rate: Rate,
}

impl Sampling {
    pub(crate) const fn new() -> Self {
        Self { rate: Rate::new() }
    }

    /// Mean distance between samples now, bytes.
    pub(crate) fn interval_bytes(&self, live_samples: usize) -> u64 {
        let occupancy = u32::try_from(live_samples / LIVE_SAMPLES_A_STEP).unwrap_or(MOST_STEPS);
        BASE_BYTES << occupancy.saturating_add(self.rate.steps()).min(MOST_STEPS)
    }

    /// Counts one sample.
    pub(crate) fn count(&self) {
        self.rate.count(gc_clock::now_us);
    }

    /// Lets the interval shrink again when samples are rare; called by the agent's thread with the time since the last
    /// call.
    pub(crate) fn relax(&self, elapsed: Duration) {
        self.rate.relax(elapsed);
    }
}

/// One thread's way to its next sample.
pub(crate) struct Countdown {
    /// Bytes until the next sample.
    left: AtomicI64,
    /// Mean distance that `left` was drawn with; 0 before the first draw.
    drawn_interval_bytes: AtomicU64,
    /// State of the generator; 0 before it is seeded.
    random: AtomicU64,
}

impl Countdown {
    pub(crate) const fn new() -> Self {
        Self {
            left: AtomicI64::new(0),
            drawn_interval_bytes: AtomicU64::new(0),
            random: AtomicU64::new(0),
        }
    }

    /// Counts `bytes` down. True when a sample is due; the caller then weighs the block.
    #[inline]
    pub(crate) fn count_down(&self, bytes: u64) -> bool {
        let left = self
            .left
            .load(Ordering::Relaxed)
            .saturating_sub_unsigned(bytes);
        self.left.store(left, Ordering::Relaxed);
        left < 0
    }

    /// Bytes that the block stands for on which the countdown fell, and the draw of the distance to the next.
    pub(crate) fn weigh(&self, size: u64, interval_bytes: u64) -> Option<u64> {
        let drawn = || self.drawn_interval_bytes.load(Ordering::Relaxed);
        // A thread's first countdown starts at zero; it is drawn now, and this block is judged by it.
        if drawn() == 0 {
            self.draw(interval_bytes);
            if !self.count_down(size) {
                return None;
            }
        }
        // The block was hit with the probability that its distance was drawn with, whatever the interval is by now.
        let weight = weight_bytes(size, drawn());
        self.draw(interval_bytes);
        Some(weight)
    }

    fn draw(&self, interval_bytes: u64) {
        let distance = draw(self.random(), interval_bytes);
        self.left.store(distance, Ordering::Relaxed);
        self.drawn_interval_bytes
            .store(interval_bytes, Ordering::Relaxed);
    }

    /// A number in [0, 1), from a generator of this countdown's own.
    fn random(&self) -> f64 {
        let state = self.random.load(Ordering::Relaxed);
        let state = if state == 0 { self.seed() } else { state };
        // xorshift64*, see Vigna, "An experimental exploration of Marsaglia's xorshift generators".
        let state = state ^ (state >> 12);
        let state = state ^ (state << 25);
        let state = state ^ (state >> 27);
        self.random.store(state, Ordering::Relaxed);
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Different for every countdown and every start of the process.
    fn seed(&self) -> u64 {
        let address = std::ptr::from_ref(self) as u64;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        (address ^ u64::from(now.subsec_nanos()).wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1
    }
}

/// Keeps the rate of samples bounded. A stack takes 2 to 10 µs, so a thousand a second are at most 1 % of a core.
pub(crate) struct Rate {
    samples: AtomicU64,
    /// Samples at the last slow look.
    seen: AtomicU64,
    /// When the current batch began.
    batch_began_us: AtomicU64,
    /// How often `T` is doubled.
    steps: AtomicU32,
}

impl Rate {
    /// Samples that are looked at together.
    const BATCH: u64 = 250;

    /// A batch that takes less than this is too fast: `T` doubles at once, for a tight loop allocates gigabytes a second.
    const BATCH_US: u64 = 250_000;

    /// Samples a second below which `T` halves again.
    const IDLE: f64 = 200.0;

    pub(crate) const fn new() -> Self {
        Self {
            samples: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            batch_began_us: AtomicU64::new(0),
            steps: AtomicU32::new(0),
        }
    }

    /// How often the distance between samples is doubled now.
    pub(crate) fn steps(&self) -> u32 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Counts one sample; `now_us` is only asked at the end of a batch.
    pub(crate) fn count(&self, now_us: impl FnOnce() -> u64) {
        let samples = self.samples.fetch_add(1, Ordering::Relaxed) + 1;
        if !samples.is_multiple_of(Self::BATCH) {
            return;
        }
        let now_us = now_us();
        let began_us = self.batch_began_us.swap(now_us, Ordering::Relaxed);
        if now_us.saturating_sub(began_us) < Self::BATCH_US {
            self.steps
                .store((self.steps() + 1).min(MOST_STEPS), Ordering::Relaxed);
        }
    }

    /// Looks whether samples have become rare.
    pub(crate) fn relax(&self, elapsed: Duration) {
        let samples = self.samples.load(Ordering::Relaxed);
        let since = samples.saturating_sub(self.seen.swap(samples, Ordering::Relaxed));
        if (since as f64) < Self::IDLE * elapsed.as_secs_f64() {
            self.steps
                .store(self.steps().saturating_sub(1), Ordering::Relaxed);
        }
    }
}

/// Distance to the next sample for a `uniform` number in [0, 1).
#[allow(
    clippy::cast_possible_truncation,
    reason = "at most 37 times the interval, which fits"
)]
fn draw(uniform: f64, interval_bytes: u64) -> i64 {
    (-(1.0 - uniform).ln() * interval_bytes as f64) as i64
}

/// Bytes that one sampled block of `size` stands for, at least its size.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and not above size plus interval"
)]
fn weight_bytes(size: u64, interval_bytes: u64) -> u64 {
    let probability = -(-(size as f64) / interval_bytes as f64).exp_m1();
    if probability <= 0.0 {
        size
    } else {
        (size as f64 / probability).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of its own, so that the test does not lean on the code under test.
    fn uniform(state: &mut u64) -> f64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn the_sum_of_weights_is_the_sum_of_sizes_for_any_mixture() {
        let mut state = 42;
        for sizes in [
            vec![64],
            vec![32 << 10],
            vec![5 << 20],
            vec![16, 4096, 100_000, 3 << 20],
        ] {
            let (mut truth, mut estimate, mut samples) = (0, 0, 0_u64);
            let mut countdown = draw(uniform(&mut state), BASE_BYTES);
            for round in 0..4_000_000_usize {
                let size: u64 = sizes[round % sizes.len()];
                truth += size;
                countdown -= i64::try_from(size).unwrap();
                if countdown < 0 {
                    estimate += weight_bytes(size, BASE_BYTES);
                    samples += 1;
                    countdown = draw(uniform(&mut state), BASE_BYTES);
                }
                if samples >= 20_000 {
                    break;
                }
            }
            // The relative standard error of n samples is about 1/sqrt(n); four of them is one in 15,000.
            let error = (estimate as f64 - truth as f64).abs() / truth as f64;
            assert!(
                error < 4.0 / (samples as f64).sqrt(),
                "{sizes:?}: error {error} with {samples} samples"
            );
        }
    }

    #[test]
    fn a_weight_is_never_less_than_the_block() {
        for size in [1, 64, 1 << 19, 1 << 24, 1 << 40] {
            assert!(weight_bytes(size, BASE_BYTES) >= size);
        }
        assert_eq!(
            weight_bytes(1 << 30, BASE_BYTES),
            1 << 30,
            "a large block stands for itself"
        );
    }

    #[test]
    fn more_live_samples_mean_fewer_new_ones() {
        let sampling = Sampling::new();
        assert_eq!(sampling.interval_bytes(0), BASE_BYTES);
        assert_eq!(
            sampling.interval_bytes(3 * LIVE_SAMPLES_A_STEP),
            BASE_BYTES * 8
        );
        assert_eq!(
            sampling.interval_bytes(usize::MAX),
            BASE_BYTES << MOST_STEPS
        );
    }

    #[test]
    fn a_tight_loop_is_sampled_less_within_a_second_and_a_quiet_one_normally_again() {
        let rate = Rate::new();
        let mut now_us = 10_000_000;
        // 100,000 samples a second, if nothing were done.
        let mut taken = 0;
        for _ in 0..1000 {
            now_us += 1000;
            for _ in 0..(100 >> rate.steps()) {
                rate.count(|| now_us);
                taken += 1;
            }
        }
        assert!(taken < 5000, "{taken} stacks in a second");
        for _ in 0..20 {
            rate.count(|| now_us);
            rate.relax(Duration::from_secs(1));
        }
        assert_eq!(rate.steps(), 0);
    }

    #[test]
    fn a_long_life_at_a_modest_rate_changes_nothing() {
        let rate = Rate::new();
        for second in 0..100_000_u64 {
            for sample in 0..300 {
                rate.count(|| second * 1_000_000 + sample * 3000);
            }
        }
        assert_eq!(rate.steps(), 0);
    }
    #[test]
    fn random_numbers_fill_the_unit_interval() {
        let countdown = Countdown::new();
        let numbers: Vec<f64> = (0..10_000).map(|_| countdown.random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }

    #[test]
    fn weights_stay_unbiased_when_the_interval_changes_under_a_countdown() {
        const SIZE: u64 = 64 << 10;
        const HITS: u64 = 20_000;
        let countdown = Countdown::new();
        for (before, after) in [(512 << 10, 8 << 20), (8 << 20, 512 << 10)] {
            let (mut truth, mut estimate) = (0, 0);
            for _ in 0..HITS {
                countdown.draw(before);
                loop {
                    truth += SIZE;
                    if countdown.count_down(SIZE) {
                        estimate += countdown.weigh(SIZE, after).unwrap();
                        break;
                    }
                }
            }
            let error = (estimate as f64 - truth as f64).abs() / truth as f64;
            assert!(error < 4.0 / (HITS as f64).sqrt(), "{before}: {error}");
        }
    }
}
