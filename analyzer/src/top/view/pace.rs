//! How fast something grows, so that one outlier does not matter.

use crate::statistics::shape::MOST_CHANCE;
use crate::statistics::{Point, Shape, Trend, growth, trend};

/// What counts as now, seconds.
pub(super) const RECENT_S: f64 = 60.0;

/// How fast a series grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Neither rises nor falls by more than chance would have it.
    Steady,
    /// By so much a minute, in the series' unit; negative where it falls.
    PerMinute(f64),
}

impl Pace {
    /// Of points in the order of time; `None` where they are too few. What the last minute shows comes first: growth that has begun is not
    /// to drown in the calm before it.
    #[must_use]
    pub fn of(points: &[Point]) -> Option<Self> {
        let since = points.last()?.s - RECENT_S;
        let begin = points.partition_point(|point| point.s < since);
        let recent = points.get(begin..).and_then(Self::over);
        recent
            .filter(|pace| *pace != Self::Steady)
            .or_else(|| Self::over(points))
    }

    fn over(points: &[Point]) -> Option<Self> {
        let line = trend(points)?;
        let is_real = |trend: &Trend| trend.is_rising(MOST_CHANCE);
        // What came in one step, as memory that is taken at the start, or went up and down, does not grow.
        let goes_on = growth(points)
            .is_none_or(|growth| matches!(growth.shape, Shape::Steady | Shape::Slowing { .. }));
        let turned: Vec<Point> = points
            .iter()
            .map(|point| Point::new(point.s, -point.bytes))
            .collect();
        let rises = is_real(&line) && goes_on;
        let falls = trend(&turned).is_some_and(|falling| is_real(&falling));
        Some(match rises || falls {
            true => Self::PerMinute(line.slope * 60.0),
            false => Self::Steady,
        })
    }

    /// For ordering: 0 where it is steady.
    #[must_use]
    pub fn per_minute(self) -> f64 {
        match self {
            Self::Steady => 0.0,
            Self::PerMinute(change) => change,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(value: impl Fn(f64) -> f64) -> Vec<Point> {
        (0..60)
            .map(|second| Point::new(f64::from(second), value(f64::from(second))))
            .collect()
    }

    #[test]
    fn a_rise_a_fall_and_neither_are_told_apart() {
        assert_eq!(
            Pace::of(&series(|s| 1e8 + 1000.0 * s)),
            Some(Pace::PerMinute(60_000.0))
        );
        assert_eq!(
            Pace::of(&series(|s| 1e8 - 1000.0 * s)),
            Some(Pace::PerMinute(-60_000.0))
        );
        assert_eq!(Pace::of(&series(|_| 1e8)), Some(Pace::Steady));
        assert_eq!(
            Pace::of(&series(|s| 1e8 + 1000.0 * (s % 2.0))),
            Some(Pace::Steady)
        );
    }

    #[test]
    fn what_is_taken_at_the_start_does_not_grow() {
        assert_eq!(
            Pace::of(&series(|s| if s < 20.0 { 1e7 } else { 1e8 + s })),
            Some(Pace::Steady)
        );
    }

    #[test]
    fn growth_that_has_begun_is_told_at_once() {
        let calm_then_growth = |second: u32| {
            let s = f64::from(second);
            Point::new(s, 1e8 + 1000.0 * (s - 200.0).max(0.0))
        };
        let points: Vec<Point> = (0..300).map(calm_then_growth).collect();
        assert_eq!(Pace::of(&points), Some(Pace::PerMinute(60_000.0)));
        let calm: Vec<Point> = points.into_iter().take(200).collect();
        assert_eq!(Pace::of(&calm), Some(Pace::Steady));
    }

    #[test]
    fn one_outlier_does_not_matter() {
        let spike = |s: f64| if s == 30.0 { 1e12 } else { 1e8 + 1000.0 * s };
        let Some(Pace::PerMinute(found)) = Pace::of(&series(spike)) else {
            panic!("no rise");
        };
        assert!((found - 60_000.0).abs() < 6_000.0, "{found}");
    }

    #[test]
    fn few_points_are_no_series() {
        assert_eq!(Pace::of(&series(|s| s)[..4]), None);
    }
}
