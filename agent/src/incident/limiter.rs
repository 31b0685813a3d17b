//! How many incidents of one kind are written: a failing job fails again within a second, for hours.

use std::time::{Duration, Instant};

/// Written at once, whatever their distance.
const BURST: u32 = 10;

/// After the burst one more is written each time this much has passed …
const PERIOD: Duration = Duration::from_secs(10);

/// … and after this many only each [`LONG_PERIOD`], which doubles with each [`STEP`] more: incidents are never removed from
/// the trace, so even a year of failing must stay below their share of its disk.
const MANY: u32 = 100;

const LONG_PERIOD: Duration = Duration::from_secs(600);

const STEP: u32 = 40;

/// The period doubles at most so often: 600 s become a week.
const MOST_DOUBLINGS: u32 = 10;

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
        let period = match self.written.checked_sub(MANY) {
            None => PERIOD,
            Some(more) => LONG_PERIOD * (1 << (more / STEP).min(MOST_DOUBLINGS)),
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
            left_out + 2400 >= 86_400 - written,
            "all but those since the last one are told"
        );
    }

    #[test]
    fn a_year_of_it_stays_below_the_share_for_incidents() {
        let (start, mut limiter) = (Instant::now(), Limiter::new());
        let minutes = 0..365 * 24 * 60;
        let written = minutes
            .filter(|minute| {
                let now = start + Duration::from_secs(60 * minute);
                limiter.admit(now).is_some()
            })
            .count();
        // 8 MiB at the default `max_disk`, for three kinds, at some 5 KB each.
        assert!((200..560).contains(&written), "{written}");
    }

    #[test]
    fn the_first_ones_are_all_written() {
        let (now, mut limiter) = (Instant::now(), Limiter::new());
        assert!((0..BURST).all(|_| limiter.admit(now) == Some(0)));
        assert_eq!(limiter.admit(now), None);
        assert_eq!(limiter.admit(now + PERIOD), Some(1));
    }
}
