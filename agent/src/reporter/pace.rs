//! When the next sample is due.
//!
//! Deadlines are on a grid, so that a slow tick does not shift all that follow. A tick that comes more than half an
//! interval late is counted; those that were missed altogether are skipped, never made up for in a burst.

use super::pressure::FAST;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Pace {
    base: Duration,
    fast: bool,
    deadline: Instant,
    last_base: Option<Instant>,
    late_ticks: u64,
}

impl Pace {
    /// The first sample is due at once.
    pub(super) fn new(base: Duration, now: Instant) -> Self {
        Self {
            base,
            fast: false,
            deadline: now,
            last_base: None,
            late_ticks: 0,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn late_ticks(&self) -> u64 {
        self.late_ticks
    }

    pub(super) fn is_fast(&self) -> bool {
        self.fast
    }

    /// A tick begins.
    pub(super) fn begin(&mut self, now: Instant) {
        let interval = self.interval();
        let lateness = now.saturating_duration_since(self.deadline);
        self.late_ticks += u64::from(lateness > interval / 2);
        self.deadline += interval;
        if self.deadline <= now {
            self.deadline = now + interval;
        }
    }

    /// The time since it was last due, when what is done once a base interval is due, such as summing up the sites.
    /// Asked once a tick.
    pub(super) fn base_tick(&mut self, now: Instant) -> Option<Duration> {
        let elapsed = self
            .last_base
            .map_or(self.base, |last| now.duration_since(last));
        // A tenth of tolerance, for fast ticks do not fall on the grid of the base interval.
        let due = elapsed >= self.base.mul_f64(0.9);
        due.then(|| {
            self.last_base = Some(now);
            elapsed
        })
    }

    /// Changes to fast or back. True when that is a change.
    pub(super) fn set_fast(&mut self, fast: bool, now: Instant) -> bool {
        // A base interval that is fast already cannot become faster.
        let fast = fast && self.base > FAST;
        let changed = std::mem::replace(&mut self.fast, fast) != fast;
        if changed {
            self.deadline = now + self.interval();
        }
        changed
    }

    fn interval(&self) -> Duration {
        if self.fast { FAST } else { self.base }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_slow_tick_does_not_shift_the_next() {
        let start = Instant::now();
        let mut pace = Pace::new(SECOND, start);
        pace.begin(start + SECOND / 4);
        assert_eq!((pace.deadline(), pace.late_ticks()), (start + SECOND, 0));
    }

    #[test]
    fn missed_ticks_are_skipped_and_counted_once() {
        let start = Instant::now();
        let mut pace = Pace::new(SECOND, start);
        pace.begin(start + 7 * SECOND);
        assert_eq!(
            (pace.deadline(), pace.late_ticks()),
            (start + 8 * SECOND, 1)
        );
    }

    #[test]
    fn near_a_limit_it_is_ten_times_a_second_and_back_again() {
        let start = Instant::now();
        let mut pace = Pace::new(SECOND, start);
        pace.begin(start);
        assert!(pace.set_fast(true, start) && !pace.set_fast(true, start));
        assert_eq!(pace.deadline(), start + FAST);
        assert!(pace.set_fast(false, start));
        assert_eq!(pace.deadline(), start + SECOND);
    }

    #[test]
    fn base_work_is_done_once_a_base_interval_while_fast() {
        let start = Instant::now();
        let mut pace = Pace::new(SECOND, start);
        pace.set_fast(true, start);
        let elapsed: Vec<Duration> = (0..100)
            .filter_map(|tick| pace.base_tick(start + FAST * tick))
            .collect();
        assert!((10..=12).contains(&elapsed.len()), "{elapsed:?}");
        assert!(
            elapsed.iter().all(|&elapsed| elapsed >= SECOND * 9 / 10),
            "each tells the time since the last base tick, not since the last tick: {elapsed:?}"
        );
    }
}
