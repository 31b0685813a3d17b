//! The growth of what collections leave.

use crate::case::{Moment, seconds};
use crate::statistics::{Growth, Point, Reading, growth, troughs};

/// What the points of a [`Rise`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Basis {
    /// Troughs after collections of the whole heap: what is left is reachable.
    FullCollections,
    /// Troughs after any collection, and full ones in between left the growth in place.
    ConfirmedByFull,
    /// Troughs after any collection: buffers in the old generation may wait for a full one.
    AnyCollections,
}

/// Growth of the pool over its troughs.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct Rise {
    pub(in crate::rules) growth: Growth,
    pub(in crate::rules) basis: Basis,
    pub(in crate::rules) first: Point,
    pub(in crate::rules) last: Point,
    /// Full collections took most of it back.
    pub(in crate::rules) given_back_by_full: bool,
}

/// Full collections that leave at least this share of the expected growth confirm it.
const CONFIRMED: f64 = 0.5;

impl Rise {
    /// The growth over these moments, or `None` when too few collections ran.
    pub(in crate::rules) fn of(moments: &[Moment]) -> Option<Self> {
        let of_kind = |collections: fn(&Moment) -> Option<u64>| {
            let reading = |moment: &Moment| {
                Some(Reading {
                    point: Point::new(seconds(moment.up_ms), moment.direct_bytes()? as f64),
                    collections: collections(moment)?,
                })
            };
            let readings: Vec<Reading> = moments.iter().filter_map(reading).collect();
            troughs(&readings)
        };
        let after_full = of_kind(|moment| moment.full_collections);
        if let Some(growth) = growth(&after_full) {
            return Self::new(&after_full, growth, Basis::FullCollections, false);
        }
        let after_any = of_kind(|moment| moment.collections);
        let growth = growth(&after_any)?;
        let left = left_by_full(&after_full, growth.trend.slope);
        let basis = match left {
            Some(share) if share >= CONFIRMED => Basis::ConfirmedByFull,
            _ => Basis::AnyCollections,
        };
        let given_back = left.is_some_and(|share| share < CONFIRMED);
        Self::new(&after_any, growth, basis, given_back)
    }

    fn new(
        points: &[Point],
        growth: Growth,
        basis: Basis,
        given_back_by_full: bool,
    ) -> Option<Self> {
        Some(Self {
            growth,
            basis,
            first: *points.first()?,
            last: *points.last()?,
            given_back_by_full,
        })
    }
}

/// What full collections left of the growth between the first and the last of them, as a share of what the slope lets
/// expect; `None` with fewer than two.
fn left_by_full(after_full: &[Point], slope: f64) -> Option<f64> {
    let (first, last) = (after_full.first()?, after_full.last()?);
    let expected = slope * (last.s - first.s);
    (expected > 0.0).then(|| (last.bytes - first.bytes) / expected)
}
