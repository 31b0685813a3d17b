//! A robust straight line through a series, and whether it is more than chance.
//!
//! - Slope: Theil–Sen, the median of the slopes of all pairs of points. Up to 29 % of the points may be anything.
//! - Interval: Sen's, from the ranks of those slopes, 95 %.
//! - Significance: Mann–Kendall with correction for ties, one-sided for a rise.
//!
//! Pairs grow with the square, so a long series is first thinned to [`MOST_POINTS`] medians of equal stretches of time.
//! That also takes off most of the dependence between neighbours, which Mann–Kendall does not expect.

use super::{Point, median, thin_out};

/// Points that enter the pairs: 8,128 pairs, and enough for any slope that matters.
pub const MOST_POINTS: usize = 128;

/// Fewer points give no trend: with four, even a perfect rise is chance once in 24.
pub const FEWEST_POINTS: usize = 5;

/// Standard normal quantile of 97.5 %, for a two-sided interval of 95 %.
const Z_95: f64 = 1.959_963_985;

/// A robust straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Bytes a second.
    pub slope: f64,
    /// Lower end of the slope's 95 % interval.
    pub low: f64,
    /// Upper end of the slope's 95 % interval.
    pub high: f64,
    /// How likely a series without a trend looks at least as much like a rise.
    pub p_rise: f64,
    /// Seconds from the first to the last point.
    pub span_s: f64,
    /// Points behind it, after thinning.
    pub points: usize,
}

impl Trend {
    /// What the line rises over the whole series, bytes.
    #[must_use]
    pub fn rise(&self) -> f64 {
        self.slope * self.span_s
    }

    /// Whether the rise is real: neither chance nor within the slope's error.
    #[must_use]
    pub fn is_rising(&self, most_chance: f64) -> bool {
        self.p_rise <= most_chance && self.low > 0.0
    }
}

/// The trend of points in the order of time, or `None` when there are fewer than [`FEWEST_POINTS`] at different times.
#[must_use]
pub fn trend(points: &[Point]) -> Option<Trend> {
    let points = thin_out(points, MOST_POINTS);
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    let mut score = 0.0;
    for (index, earlier) in points.iter().enumerate() {
        for later in &points[index + 1..] {
            let elapsed = later.s - earlier.s;
            let slope = (later.bytes - earlier.bytes) / elapsed;
            if elapsed > 0.0 && slope.is_finite() {
                slopes.push(slope);
                score += if slope > 0.0 {
                    1.0
                } else if slope < 0.0 {
                    -1.0
                } else {
                    0.0
                };
            }
        }
    }
    let fewest_pairs = FEWEST_POINTS * (FEWEST_POINTS - 1) / 2;
    if points.len() < FEWEST_POINTS || slopes.len() < fewest_pairs {
        return None;
    }
    let deviation = score_variance(&points).sqrt();
    let (low, high) = interval(&mut slopes, deviation);
    Some(Trend {
        slope: median(&mut slopes)?,
        low,
        high,
        p_rise: chance_of(score, deviation),
        span_s: points.last()?.s - points.first()?.s,
        points: points.len(),
    })
}

/// Variance of Mann–Kendall's score when there is no trend, corrected for equal values.
fn score_variance(points: &[Point]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut values: Vec<f64> = points.iter().map(|point| point.bytes).collect();
    values.sort_by(f64::total_cmp);
    let ties: f64 = values
        .chunk_by(|a, b| a == b)
        .map(|equal| term(equal.len() as f64))
        .sum();
    ((term(points.len() as f64) - ties) / 18.0).max(0.0)
}

/// The probability of a score at least as high without a trend; 1 where nothing varies.
fn chance_of(score: f64, deviation: f64) -> f64 {
    if deviation <= 0.0 {
        return 1.0;
    }
    // The score moves in steps of two, so it is moved half a step towards 0.
    let z = (score - score.signum() * 1.0_f64.min(score.abs())) / deviation;
    libm::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// Sen's interval: slopes at the ranks which the score's deviation spans.
fn interval(slopes: &mut [f64], deviation: f64) -> (f64, f64) {
    slopes.sort_by(f64::total_cmp);
    let count = slopes.len() as f64;
    let width = Z_95 * deviation;
    let at = |rank: f64| {
        let index = rank.clamp(0.0, count - 1.0);
        // Clamped to the slice just above, so the cast neither truncates nor changes sign.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        slopes[index as usize]
    };
    (
        at(((count - width) / 2.0).floor()),
        at(((count + width) / 2.0).ceil()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(n: u32, slope: f64, noise: &[f64]) -> Vec<Point> {
        (0..n)
            .map(|i| {
                let s = f64::from(i) * 10.0;
                let wobble = noise.get(i as usize % noise.len().max(1)).unwrap_or(&0.0);
                Point::new(s, 1e8 + slope * s + wobble)
            })
            .collect()
    }

    #[test]
    fn a_straight_line_is_found_exactly() {
        let found = trend(&line(20, 1234.0, &[])).unwrap();
        assert!((found.slope - 1234.0).abs() < 1e-6, "{found:?}");
        assert!(found.low <= found.slope && found.slope <= found.high);
        assert!(found.p_rise < 1e-6);
        assert!((found.rise() - 1234.0 * 190.0).abs() < 1e-3);
    }

    #[test]
    fn significance_is_that_of_the_mann_kendall_tables() {
        // n = 5, all rising: S = 10, var = 5*4*15/18 = 16.67, z = 9/4.082 = 2.2045, one-sided p = 0.0137.
        let found = trend(&line(5, 1.0, &[])).unwrap();
        assert!((found.p_rise - 0.0137).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn a_constant_series_has_no_trend_at_all() {
        let found = trend(&line(50, 0.0, &[])).unwrap();
        assert_eq!((found.slope, found.p_rise), (0.0, 1.0));
        assert!(!found.is_rising(0.5));
    }

    #[test]
    fn a_fall_is_no_rise() {
        assert!(trend(&line(50, -10.0, &[])).unwrap().p_rise > 0.999);
    }

    #[test]
    fn too_few_points_or_only_one_time_give_none() {
        assert_eq!(trend(&line(4, 5.0, &[])), None);
        assert_eq!(trend(&[]), None);
        assert_eq!(trend(&[Point::new(1.0, 5.0); 40]), None);
    }

    proptest! {
        #[test]
        fn a_planted_slope_is_recovered_under_noise(slope in 100.0..1e6f64, noise in prop::collection::vec(-1.0..1.0f64, 97)) {
            let span = 400.0 * 10.0;
            let noise: Vec<f64> = noise.iter().map(|n| n * slope * span * 0.05).collect();
            let found = trend(&line(400, slope, &noise)).unwrap();
            prop_assert!((found.slope / slope - 1.0).abs() < 0.1, "planted {slope}, found {found:?}");
            prop_assert!(found.is_rising(1e-6));
        }

        #[test]
        fn a_fifth_of_outliers_does_not_move_it(slope in 100.0..1e6f64, outliers in prop::collection::vec((0usize..100, 0.0..1e13f64), 0..20)) {
            let mut points = line(100, slope, &[]);
            for (index, value) in outliers {
                points[index].bytes = value;
            }
            let found = trend(&points).unwrap();
            prop_assert!((found.slope / slope - 1.0).abs() < 0.25, "planted {slope}, found {found:?}");
        }

        #[test]
        fn moving_the_series_in_time_or_size_changes_nothing(slope in -1e5..1e5f64, by_s in 0.0..1e6f64, by in 0.0..1e10f64, noise in prop::collection::vec(-1e6..1e6f64, 31)) {
            let points = line(60, slope, &noise);
            let moved: Vec<Point> = points.iter().map(|p| Point::new(p.s + by_s, p.bytes + by)).collect();
            let (a, b) = (trend(&points).unwrap(), trend(&moved).unwrap());
            prop_assert!((a.slope - b.slope).abs() <= 1e-3 * (1.0 + a.slope.abs()), "{a:?} {b:?}");
            prop_assert!((a.p_rise - b.p_rise).abs() < 1e-2);
        }

        #[test]
        fn any_input_gives_numbers_or_nothing(mut values in prop::collection::vec((any::<f64>(), any::<f64>()), 0..300)) {
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            let points: Vec<Point> = values.into_iter().map(|(s, bytes)| Point::new(s, bytes)).collect();
            if let Some(found) = trend(&points) {
                prop_assert!(found.slope.is_finite() && found.low.is_finite() && found.high.is_finite());
                prop_assert!((0.0..=1.0).contains(&found.p_rise));
            }
        }
    }
}
