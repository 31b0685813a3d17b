//! When a limit will be exhausted: the time at which a growing series reaches it, with an interval.
//!
//! ```text
//!   limit ─────────────────────────╱──┬────╱──
//!                              high   │ slope    low
//!   last level ·············●         │
//!                           └ earliest┴─ exhausted ─ latest
//! ```
//! - The line is the robust one of [`crate::statistics`]: Theil–Sen's slope, and both ends of its 95 % interval. They start at the last point
//!   that counts (what the last collection left, for what collections give back), for that was measured.
//! - What slows down approaches a bound; it takes the longer for it. The time and the latest bend so; the earliest goes
//!   straight on.
//! - **No forecast without a trend**: the rise must be more than chance, its lower end above 0, and of a shape that goes on. What has
//!   settled, falls back again, or came in one step ends nowhere that could be told.
//!
//! Any rule with a [`Growth`] asks [`forecast`]. Whether there is a future at all (the process runs, the limit was not met yet) is for the rule.

use crate::statistics::shape::MOST_CHANCE;
use crate::statistics::{Growth, Point, Shape};
use crate::units::{duration, duration_range};
use serde::Serialize;

/// What is to come if nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Forecast {
    /// Seconds from the last sample until the limit is reached.
    pub exhausted_in_s: f64,
    /// The earliest, with the steepest slope that the samples allow (95 %).
    pub earliest_s: f64,
    /// The latest, with the flattest slope that the samples allow (95 %).
    pub latest_s: f64,
}

impl Forecast {
    /// Such as `14 min (11 to 19 min)`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let about = duration(self.exhausted_in_s);
        let range = duration_range(self.earliest_s, self.latest_s);
        if range == about {
            about
        } else {
            format!("{about} ({range})")
        }
    }
}

/// When what grows so, and was at `last` at its last point that counts, reaches the limit; seconds after `now_s`, which is on the points' clock.
/// `None` without a trend that goes on to the limit.
#[must_use]
pub fn forecast(growth: &Growth, last: Point, limit_bytes: u64, now_s: f64) -> Option<Forecast> {
    let trend = growth.trend;
    let bound = match growth.shape {
        Shape::Steady => None,
        Shape::Slowing { bound } => Some(bound),
        Shape::Flat | Shape::Sawtooth | Shape::Step | Shape::Settled => return None,
    };
    let left = (limit_bytes as f64 - last.bytes).max(0.0);
    let is_out_of_reach = bound.is_some_and(|bound| bound - last.bytes <= left);
    if !trend.is_rising(MOST_CHANCE) || is_out_of_reach {
        return None;
    }
    let passed = now_s - last.s;
    let from_now = |seconds: f64| (seconds - passed).max(0.0).round();
    let course = |slope| Course::new(slope, trend.span_s, bound.map(|bound| bound - last.bytes));
    let forecast = Forecast {
        exhausted_in_s: from_now(course(trend.slope).seconds_to(left)),
        earliest_s: from_now(left / course(trend.high).slope_now),
        latest_s: from_now(course(trend.low).seconds_to(left)),
    };
    let is_a_time = forecast.latest_s.is_finite() && forecast.exhausted_in_s.is_finite();
    is_a_time.then_some(forecast)
}

/// How a series goes on after its last point.
struct Course {
    /// Bytes a second at the last point.
    slope_now: f64,
    /// What is still to come, where it comes ever more slowly.
    to_come: Option<f64>,
}

impl Course {
    /// What rises at `slope` over `span_s`. What approaches a bound exponentially and has `to_come` before it has left that share of its way:
    /// `to_come / (rise + to_come) = exp(-rate · span)`, and now rises at `rate · to_come`.
    fn new(slope: f64, span_s: f64, to_come: Option<f64>) -> Self {
        let slope_now = match to_come {
            Some(to_come) => (slope * span_s / to_come).ln_1p() / span_s * to_come,
            None => slope,
        };
        Self { slope_now, to_come }
    }

    /// Seconds until `left` more bytes are there.
    fn seconds_to(&self, left: f64) -> f64 {
        match self.to_come {
            Some(to_come) => -(-left / to_come).ln_1p() * to_come / self.slope_now,
            None => left / self.slope_now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::growth;
    use proptest::prelude::*;

    const MIB: f64 = 1_048_576.0;

    /// A point every 10 s, `n` of them; `value` in MiB of seconds.
    fn series(n: u32, value: impl Fn(f64) -> f64) -> Vec<Point> {
        (0..n)
            .map(|i| f64::from(i) * 10.0)
            .map(|s| Point::new(s, value(s) * MIB))
            .collect()
    }

    fn forecast_of(points: &[Point], limit_mib: u64) -> Option<Forecast> {
        let last = *points.last().unwrap();
        forecast(&growth(points).unwrap(), last, limit_mib << 20, last.s)
    }

    #[test]
    fn a_straight_line_meets_the_limit_when_it_must() {
        // 1 MiB/s, 590 MiB at the last point, 1190 MiB is 600 s away.
        let found = forecast_of(&series(60, |s| s), 1190).unwrap();
        assert_eq!(found.exhausted_in_s, 600.0);
        assert_eq!((found.earliest_s, found.latest_s), (600.0, 600.0));
        assert_eq!(found.in_words(), "10 min");
    }

    #[test]
    fn time_since_the_last_point_has_passed() {
        let points = series(60, |s| s);
        let last = *points.last().unwrap();
        let found = forecast(&growth(&points).unwrap(), last, 1190 << 20, last.s + 100.0);
        assert_eq!(found.unwrap().exhausted_in_s, 500.0);
    }

    #[test]
    fn noise_makes_an_interval_around_the_time() {
        let noise = |s: f64| s + 60.0 * (s * 0.7).sin();
        let found = forecast_of(&series(60, noise), 2000).unwrap();
        assert!(found.earliest_s < found.exhausted_in_s, "{found:?}");
        assert!(found.exhausted_in_s < found.latest_s, "{found:?}");
    }

    #[test]
    fn what_slows_down_takes_longer_than_a_line() {
        // Towards 1000 MiB with a time constant of 400 s, seen for 600 s: at 777 MiB.
        let points = series(61, |s| 1000.0 * (1.0 - (-s / 400.0).exp()));
        let found = forecast_of(&points, 850).unwrap();
        // 850 is reached at 400·ln(1/0.15) = 759 s, so 159 s from now.
        assert!((110.0..230.0).contains(&found.exhausted_in_s), "{found:?}");
        assert!(found.earliest_s <= 159.0, "{found:?}");
        assert_eq!(
            forecast_of(&points, 1200),
            None,
            "its bound is below the limit"
        );
    }

    #[test]
    fn what_does_not_grow_on_has_no_forecast() {
        assert_eq!(forecast_of(&series(60, |_| 100.0), 200), None);
        assert_eq!(forecast_of(&series(90, |s| s.min(400.0)), 900), None);
        assert_eq!(forecast_of(&series(60, |s| 100.0 + s % 97.0), 900), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_time_and_the_truth_is_near(
            slope in 0.01..10.0f64,
            noise in prop::collection::vec(-1.0..1.0f64, 80),
        ) {
            let points: Vec<Point> = noise.iter().enumerate()
                .map(|(i, n)| Point::new(i as f64 * 10.0, (i as f64 * 10.0 * slope + n * slope * 20.0) * MIB))
                .collect();
            let last = *points.last().unwrap();
            let limit = crate::units::to_bytes(slope * 2000.0 * MIB);
            let found = forecast(&growth(&points).unwrap(), last, limit, last.s).unwrap();
            prop_assert!(found.earliest_s <= found.exhausted_in_s && found.exhausted_in_s <= found.latest_s);
            // 2000 s after the beginning, and 790 s have passed; the last point is off by 20 s at most.
            prop_assert!((found.exhausted_in_s / 1210.0 - 1.0).abs() < 0.15, "{:?}", found);
        }

        #[test]
        fn any_input_gives_times_or_nothing(values in prop::collection::vec(any::<f64>(), 0..100), limit in any::<u64>(), now in any::<f64>()) {
            let points: Vec<Point> = values.iter().enumerate().map(|(i, v)| Point::new(i as f64, *v)).collect();
            if let (Some(growth), Some(last)) = (growth(&points), points.last())
                && let Some(found) = forecast(&growth, *last, limit, now)
            {
                prop_assert!(found.exhausted_in_s >= 0.0 && found.latest_s.is_finite());
            }
        }
    }
}
