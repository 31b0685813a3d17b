//! The growth of what collections leave: of the pool, and of its main owner. In a pool whose use goes up and down, a slow
//! leak drowns in the others' noise; its own call sites still show it.

use super::climb::NETWORK_TAKEN;
use crate::case::{Account, Case, Moment, Owner, live_bytes_of, seconds};
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

/// Growth over troughs.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct Rise {
    pub(in crate::rules) growth: Growth,
    pub(in crate::rules) basis: Basis,
    pub(in crate::rules) first: Point,
    pub(in crate::rules) last: Point,
    /// Full collections took most of it back.
    pub(in crate::rules) given_back_by_full: bool,
    /// These are the main owner's bytes, not the whole pool's.
    pub(in crate::rules) of_owner: bool,
    /// What the whole pool held at its last trough, bytes.
    pub(in crate::rules) pool_level: f64,
}

/// One value with the collections that had run by then.
struct Value {
    point: Point,
    collections: Option<u64>,
    full_collections: Option<u64>,
}

/// Full collections that leave at least this share of the expected growth confirm it.
const CONFIRMED: f64 = 0.5;

impl Rise {
    /// The growth of the pool over these moments, or `None` when too few collections ran. What came before Flink had taken its `network` memory is
    /// left out: that is one step in every start.
    pub(in crate::rules) fn of_pool(moments: &[Moment], network: u64) -> Option<Self> {
        let value = |moment: &Moment| Some(Value::at(moment, moment.direct_bytes()?));
        let taken = network as f64 * NETWORK_TAKEN;
        let values: Vec<Value> = moments
            .iter()
            .filter_map(value)
            .skip_while(|value| value.point.bytes < taken)
            .collect();
        Self::of(&values)
    }

    /// The growth of one owner's bytes, likewise.
    pub(in crate::rules) fn of_owner(
        case: &Case,
        account: &Account,
        owner: &Owner,
        pool: Option<&Self>,
    ) -> Option<Self> {
        let values: Vec<Value> = live_bytes_of(case, account, owner)
            .into_iter()
            .filter_map(|(up_ms, bytes)| {
                let mut value = Value::at(case.timeline.at_or_before(up_ms)?, bytes);
                value.point.s = seconds(up_ms);
                Some(value)
            })
            .collect();
        let rise = Self::of(&values)?;
        Some(Self {
            of_owner: true,
            pool_level: pool?.pool_level,
            ..rise
        })
    }

    fn of(values: &[Value]) -> Option<Self> {
        let of_kind = |collections: fn(&Value) -> Option<u64>| {
            let reading = |value: &Value| {
                Some(Reading {
                    point: value.point,
                    collections: collections(value)?,
                })
            };
            let readings: Vec<Reading> = values.iter().filter_map(reading).collect();
            troughs(&readings)
        };
        let after_full = of_kind(|value| value.full_collections);
        if let Some(growth) = growth(&after_full) {
            return Self::new(&after_full, growth, Basis::FullCollections, false);
        }
        let after_any = of_kind(|value| value.collections);
        let growth = growth(&after_any)?;
        let left = left_by_full(&after_any, &after_full, growth.trend.slope);
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
            first: on_the_line(points, growth.trend.slope)?,
            last: *points.last()?,
            given_back_by_full,
            of_owner: false,
            pool_level: points.last()?.bytes,
        })
    }
}

impl Value {
    fn at(moment: &Moment, bytes: u64) -> Self {
        Self {
            point: Point::new(seconds(moment.up_ms), bytes as f64),
            collections: moment.collections,
            full_collections: moment.full_collections,
        }
    }
}

/// The first point that lies on the line through the last one. A robust slope does not mind points before the growth, such
/// as those before Flink allocated its network memory; whoever reads "from, to, in" must not be shown them.
fn on_the_line(points: &[Point], slope: f64) -> Option<Point> {
    /// How far from the line a point may lie, as a share of the whole rise.
    const NEAR: f64 = 0.1;
    let (first, last) = (points.first()?, points.last()?);
    let near = (last.bytes - first.bytes).abs() * NEAR;
    let expected = |point: &Point| last.bytes - slope * (last.s - point.s);
    points
        .iter()
        .find(|point| (point.bytes - expected(point)).abs() <= near)
        .copied()
}

/// What the last full collection left of the growth until then, as a share of what the slope lets expect; `None` without
/// a full collection.
fn left_by_full(after_any: &[Point], after_full: &[Point], slope: f64) -> Option<f64> {
    let (first, last) = (after_any.first()?, after_full.last()?);
    let expected = slope * (last.s - first.s);
    (expected > 0.0).then(|| (last.bytes - first.bytes) / expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_before_the_growth_are_not_where_it_began() {
        let before = (0..5).map(|s| Point::new(f64::from(s), 0.0));
        let growth = (5..50).map(|s| Point::new(f64::from(s), 1000.0 + 10.0 * f64::from(s)));
        let points: Vec<Point> = before.chain(growth).collect();
        let first = on_the_line(&points, 10.0).unwrap();
        assert_eq!((first.s, first.bytes), (5.0, 1050.0));
    }
}
