//! Does a rise go on, or does it settle? What tells a leak from a warm-up and from a cache that fills to its bound.

use super::trend::FEWEST_POINTS;
use super::{Point, Trend, thin_out, trend, trend::MOST_POINTS};

/// A rise counts when chance would show it once in a thousand series.
pub const MOST_CHANCE: f64 = 0.001;

/// Below this share of the whole slope the last third has settled.
const SETTLED: f64 = 0.15;

/// Below this share of the first half's slope the second half slows down; a straight line has 1.
const SLOWING: f64 = 0.5;

/// A rise of which one step is more than this share is a step, not a steady growth.
const STEP: f64 = 0.5;

/// A rise of which more than this share was given back on the way is a sawtooth.
const GIVEN_BACK: f64 = 0.5;

/// A trend with what became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// The line through all points.
    pub trend: Trend,
    /// What the series looks like.
    pub shape: Shape,
}

/// What a series looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// No rise that is more than chance, or a falling series.
    Flat,
    /// Rises and falls back by as much as it rose.
    Sawtooth,
    /// One change of level makes up most of the rise.
    Step,
    /// Rose, then stayed.
    Settled,
    /// Rises ever more slowly, towards about that many bytes.
    Slowing {
        /// Where it would end if it goes on to slow down so.
        bound: f64,
    },
    /// Rises to the end.
    Steady,
}

/// The growth of points in the order of time, or `None` when there are too few for a trend of each third.
#[must_use]
pub fn growth(points: &[Point]) -> Option<Growth> {
    let points = thin_out(points, MOST_POINTS);
    if points.len() < 2 * FEWEST_POINTS {
        return None;
    }
    let trend = trend(&points)?;
    let shape = shape_of(&points, &trend);
    Some(Growth { trend, shape })
}

fn shape_of(points: &[Point], trend: &Trend) -> Shape {
    if !trend.is_rising(MOST_CHANCE) {
        return Shape::Flat;
    }
    let rise = net_rise(points);
    if rise <= 0.0 || largest_fall(points) > GIVEN_BACK * rise {
        return Shape::Sawtooth;
    }
    let (_, last_third) = split_at_share(points, 2.0 / 3.0);
    let still_rising = slope_of(last_third).is_none_or(|slope| slope >= SETTLED * trend.slope);
    if !still_rising {
        return Shape::Settled;
    }
    if largest_step(points) > STEP * rise {
        return Shape::Step;
    }
    slowing(points, trend.span_s).unwrap_or(Shape::Steady)
}

/// Geometric slowing: if each half brings `ratio` of the half before, what is still to come is a geometric series.
fn slowing(points: &[Point], span_s: f64) -> Option<Shape> {
    let (first_half, second_half) = split_at_share(points, 0.5);
    let (before, after) = (slope_of(first_half)?, slope_of(second_half)?);
    let ratio = after / before;
    if before <= 0.0 || !(0.0..SLOWING).contains(&ratio) {
        return None;
    }
    let to_come = after * span_s / 2.0 * ratio / (1.0 - ratio);
    let bound = points.last()?.bytes + to_come;
    Some(Shape::Slowing { bound })
}

fn slope_of(points: &[Point]) -> Option<f64> {
    trend(points).map(|trend| trend.slope)
}

/// The points before and after a share of the time, the latter with at least as many points as a trend takes.
fn split_at_share(points: &[Point], share: f64) -> (&[Point], &[Point]) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return (points, points);
    };
    let time = first.s + (last.s - first.s) * share;
    let at = points.partition_point(|point| point.s < time);
    points.split_at(at.min(points.len() - FEWEST_POINTS.min(points.len())))
}

/// From the level of the first points to that of the last; the median of three, so that one outlier does not count.
fn net_rise(points: &[Point]) -> f64 {
    let level = |points: &[Point]| {
        let mut values: Vec<f64> = points.iter().map(|point| point.bytes).collect();
        super::median(&mut values).unwrap_or(0.0)
    };
    let edge = 3.min(points.len());
    level(&points[points.len() - edge..]) - level(&points[..edge])
}

/// The deepest fall below what was held before, in the levels of three neighbours.
fn largest_fall(points: &[Point]) -> f64 {
    let mut highest = f64::MIN;
    let mut fall: f64 = 0.0;
    for level in levels(points) {
        highest = highest.max(level);
        fall = fall.max(highest - level);
    }
    fall
}

/// The largest rise from one level to the next.
fn largest_step(points: &[Point]) -> f64 {
    let levels: Vec<f64> = levels(points).collect();
    levels
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.0, f64::max)
}

/// Running median of three: keeps steps, drops single outliers.
fn levels(points: &[Point]) -> impl Iterator<Item = f64> + '_ {
    points.windows(3).map(|three| {
        let mut values = [three[0].bytes, three[1].bytes, three[2].bytes];
        values.sort_by(f64::total_cmp);
        values[1]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(n: u32, value: impl Fn(f64) -> f64) -> Vec<Point> {
        (0..n)
            .map(|i| Point::new(f64::from(i), value(f64::from(i) / f64::from(n))))
            .collect()
    }

    fn shape(points: &[Point]) -> Shape {
        growth(points).unwrap().shape
    }

    #[test]
    fn a_straight_rise_is_steady() {
        assert_eq!(shape(&series(60, |x| 1e6 * x)), Shape::Steady);
    }

    #[test]
    fn a_rise_by_equal_steps_is_steady() {
        assert_eq!(
            shape(&series(60, |x| 1e6 * (x * 6.0).floor())),
            Shape::Steady
        );
    }

    #[test]
    fn a_rise_that_ends_is_settled() {
        assert_eq!(shape(&series(90, |x| 1e6 * x.min(0.5))), Shape::Settled);
    }

    #[test]
    fn a_late_step_is_a_step() {
        let points = series(90, |x| 1e6 * x * 0.01 + if x > 0.8 { 1e6 } else { 0.0 });
        assert_eq!(shape(&points), Shape::Step);
    }

    #[test]
    fn an_exponential_fill_is_slowing_towards_its_bound() {
        // Two time constants seen: at 86 % of the bound.
        let Shape::Slowing { bound } = shape(&series(90, |x| 1e8 * (1.0 - (-2.0 * x).exp())))
        else {
            panic!("not slowing");
        };
        assert!((bound / 1e8 - 1.0).abs() < 0.1, "{bound}");
    }

    #[test]
    fn teeth_are_no_growth() {
        let points = series(100, |x| 1e6 * (x * 1.7 % 1.0));
        assert!(matches!(shape(&points), Shape::Flat | Shape::Sawtooth));
    }

    #[test]
    fn a_handful_of_points_is_not_enough() {
        assert_eq!(growth(&series(9, |x| x)), None);
    }

    proptest! {
        #[test]
        fn a_steady_leak_with_noise_is_never_called_settled(noise in prop::collection::vec(-1.0..1.0f64, 80)) {
            let points: Vec<Point> = noise.iter().enumerate()
                .map(|(i, n)| Point::new(i as f64, 1e6 * i as f64 + n * 2e6)).collect();
            prop_assert_eq!(shape(&points), Shape::Steady);
        }

        #[test]
        fn noise_around_a_level_is_never_steady(noise in prop::collection::vec(-1.0..1.0f64, 10..80)) {
            // Shuffled and mirrored, so that the noise itself holds no trend.
            let values: Vec<f64> = noise.iter().chain(noise.iter().rev()).copied().collect();
            let points: Vec<Point> = values.iter().enumerate().map(|(i, n)| Point::new(i as f64, 1e8 + n * 1e6)).collect();
            prop_assert!(shape(&points) != Shape::Steady);
        }

        #[test]
        fn any_input_has_a_shape_or_none(mut values in prop::collection::vec((any::<f64>(), any::<f64>()), 0..200)) {
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            let points: Vec<Point> = values.into_iter().map(|(s, bytes)| Point::new(s, bytes)).collect();
            let _ = growth(&points);
        }
    }
}
