//! The arithmetic behind "leak or not": pure functions over points of (seconds, bytes).
//!
//! - [`after_gc`]: which points count. Direct buffers are given back only after a collection has run their cleaners, so
//!   a raw curve says little; its troughs after collections say what is still held.
//! - [`mod@trend`]: how fast do they rise, and could that be chance? Theil–Sen and Mann–Kendall, which outliers do not move.
//! - [`shape`]: does the rise go on, or does it settle?
//!
//! `docs/leak-or-not.md` tells it in prose. Nothing here knows what the bytes are.

pub mod after_gc;
pub mod shape;
pub mod trend;

pub use after_gc::{Reading, troughs};
pub use shape::{Growth, Shape, growth};
pub use trend::{Trend, trend};

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds on the trace's monotonic clock.
    pub s: f64,
    /// Bytes.
    pub bytes: f64,
}

impl Point {
    /// A point.
    #[must_use]
    pub fn new(s: f64, bytes: f64) -> Self {
        Self { s, bytes }
    }

    fn is_finite(&self) -> bool {
        self.s.is_finite() && self.bytes.is_finite()
    }
}

/// The middle of the values, or `None` without any. Reorders them.
#[must_use]
pub fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    let is_even = values.len().is_multiple_of(2);
    match lower {
        Some(lower) if is_even => Some(lower / 2.0 + upper / 2.0),
        _ => Some(upper),
    }
}

/// At most `most` points: equal stretches of time, of each the median time and the median value. Points must be in the
/// order of time; those that are not finite are left out.
#[must_use]
pub fn thin_out(points: &[Point], most: usize) -> Vec<Point> {
    let finite: Vec<Point> = points.iter().copied().filter(Point::is_finite).collect();
    let (Some(first), Some(last)) = (finite.first(), finite.last()) else {
        return Vec::new();
    };
    let span = last.s - first.s;
    if finite.len() <= most || most == 0 || span <= 0.0 {
        return finite;
    }
    let width = span / most as f64;
    let mut thinned = Vec::with_capacity(most);
    let mut rest = finite.as_slice();
    for bucket in 1..=most {
        let end = first.s + width * bucket as f64;
        let is_last = bucket == most;
        let length = if is_last {
            rest.len()
        } else {
            rest.partition_point(|point| point.s < end)
        };
        let (bucket, others) = rest.split_at(length);
        rest = others;
        let mut times: Vec<f64> = bucket.iter().map(|point| point.s).collect();
        let mut values: Vec<f64> = bucket.iter().map(|point| point.bytes).collect();
        if let (Some(s), Some(bytes)) = (median(&mut times), median(&mut values)) {
            thinned.push(Point { s, bytes });
        }
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_median_of_an_odd_and_an_even_number_of_values() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut [7.0]), Some(7.0));
        assert_eq!(median(&mut []), None);
    }

    proptest! {
        #[test]
        fn the_median_is_the_middle_of_the_sorted_values(mut values in prop::collection::vec(-1e12..1e12f64, 1..60)) {
            let found = median(&mut values.clone()).unwrap();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            let want = if n % 2 == 1 { values[n / 2] } else { values[n / 2 - 1] / 2.0 + values[n / 2] / 2.0 };
            prop_assert_eq!(found, want);
        }

        #[test]
        fn thinning_keeps_the_range_and_the_order_of_time(values in prop::collection::vec(0.0..1e12f64, 1..500), most in 1usize..50) {
            let points: Vec<Point> = values.iter().enumerate().map(|(i, &v)| Point::new(i as f64, v)).collect();
            let thinned = thin_out(&points, most);
            prop_assert!(!thinned.is_empty());
            prop_assert!(thinned.len() <= most.max(points.len().min(most)));
            prop_assert!(thinned.windows(2).all(|pair| pair[0].s < pair[1].s));
            let (low, high) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(0.0, f64::max));
            prop_assert!(thinned.iter().all(|point| (low..=high).contains(&point.bytes)));
        }
    }
}
