//! How many incidents of one kind are written: a failing job fails again within a second, for hours.

use std::time::{Duration, Instant};

/// Written at once, whatever their distance.
const BURST: u32 = 10;

/// After the burst one more is written each time this much has passed …
const PERIOD: Duration = Duration::from_secs(10);

/// … and after this many only each [`LONG_PERIOD`]: a day of failing then stays far below the trace's share for facts.
const MANY: u32 = 100;

const LONG_PERIOD: Duration = Duration::from_secs(600);

/// State for one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limiter {
    written: u32,
    suppressed: u64,
    last: Option<Instant>,
}

impl Limiter {
    pub(super) const fn new() -> Self {
        Self {
            written: 0,
            suppressed: 0,
            last: None,
        }
    }

    /// `Some` when this one is to be written, with the number of those left out since the last.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        let period = if self.written < MANY {
            PERIOD
        } else {
            LONG_PERIOD
        };
        let waited = self
            .last
            .is_none_or(|last| now.duration_since(last) >= period);
        if self.written >= BURST && !waited {
            self.suppressed += 1;
            return None;
        }
        self.written += 1;
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_counted_and_a_day_of_it_stays_small() {
        let (start, mut limiter) = (Instant::now(), Limiter::new());
        let (mut written, mut left_out) = (0, 0);
        for second in 0..86_400 {
            if let Some(suppressed) = limiter.admit(start + Duration::from_secs(second)) {
                written += 1;
                left_out += suppressed;
            }
        }
        assert!((100..400).contains(&written), "{written}");
        assert!(
            left_out + 600 >= 86_400 - written,
            "all but those since the last one are told"
        );
    }

    #[test]
    fn the_first_ones_are_all_written() {
        let (now, mut limiter) = (Instant::now(), Limiter::new());
        assert!((0..BURST).all(|_| limiter.admit(now) == Some(0)));
        assert_eq!(limiter.admit(now), None);
        assert_eq!(limiter.admit(now + PERIOD), Some(1));
    }
}
