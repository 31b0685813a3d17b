//! The live set over time: what collections left, as far as each kind of collection tells.

use super::super::direct::Climb;
use crate::case::{Moment, seconds};
use crate::statistics::{Growth, Point, Reading, growth, troughs};

/// What the points of a live set are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Basis {
    /// Left by collections of the whole heap, or of the old generation: no garbage but the youngest.
    Old,
    /// Left by any collection: garbage in the old generation is among it.
    Any,
}

/// The live set until a moment.
#[derive(Debug, Default)]
pub(in crate::rules) struct Live {
    /// Left by collections that look at the old generation.
    pub(in crate::rules) old: Vec<Point>,
    /// Left by any collection.
    pub(in crate::rules) any: Vec<Point>,
    /// How the better of the two grew, where there are enough points.
    pub(in crate::rules) growth: Option<(Growth, Basis)>,
    /// The way up to the last moment.
    pub(in crate::rules) climb: Option<Climb>,
    /// The largest that collections left, bytes.
    pub(in crate::rules) peak: u64,
    /// The last that collections left, bytes.
    pub(in crate::rules) last: u64,
}

/// What an old generation is said to have left is the live set only where it is most of what is in use: some collectors tell the
/// figure of another pool until the old generation is collected for the first time.
const PLAUSIBLE: f64 = 0.5;

impl Live {
    /// `is_g1`: whether its concurrent marking can be told by its pauses.
    pub(super) fn of(moments: &[Moment], is_g1: bool) -> Self {
        // What an incident read may be of a moment later, when all was over.
        let ticks: Vec<Moment> = moments
            .iter()
            .filter(|moment| moment.incident.is_none())
            .copied()
            .collect();
        let moments = ticks.as_slice();
        let any = after_any(moments);
        let mut old = after_old(moments);
        let marked = if is_g1 {
            after_marking(moments)
        } else {
            Vec::new()
        };
        if marked.len() > old.len() {
            old = marked;
        }
        let growth_of = |points: &[Point], basis| growth(points).map(|growth| (growth, basis));
        let growth = growth_of(&old, Basis::Old).or_else(|| growth_of(&any, Basis::Any));
        let levels: Vec<(u64, f64)> = any.iter().map(level).chain(last_reading(moments)).collect();
        let largest = |points: &[Point]| points.iter().map(|point| point.bytes).fold(0.0, f64::max);
        let best = if old.is_empty() { &any } else { &old };
        Self {
            growth,
            climb: Climb::to_the_last(&levels),
            peak: crate::units::to_bytes(largest(best)),
            last: best
                .last()
                .map_or(0, |point| crate::units::to_bytes(point.bytes)),
            old,
            any,
        }
    }
}

fn level(point: &Point) -> (u64, f64) {
    (crate::units::to_bytes(point.s * 1000.0), point.bytes)
}

/// Where an error was met after the last collection that was seen, the heap in use then is the top of the climb.
fn last_reading(moments: &[Moment]) -> Option<(u64, f64)> {
    let moment = moments.iter().rev().find(|moment| moment.heap.is_some())?;
    Some((moment.up_ms, moment.heap?.used_bytes as f64))
}

fn after_any(moments: &[Moment]) -> Vec<Point> {
    let reading = |moment: &Moment| {
        Some(Reading {
            point: Point::new(seconds(moment.up_ms), moment.heap?.used_bytes as f64),
            collections: moment
                .pauses
                .map(|pauses| pauses.count)
                .or(moment.collections)?,
        })
    };
    let readings: Vec<Reading> = moments.iter().filter_map(reading).collect();
    troughs(&readings)
}

/// What was in use at the least between one marking and the next. G1 collects the old generation after a marking that has found garbage
/// worth it (5 % of the heap); where it does not, what is in use is live but for that.
fn after_marking(moments: &[Moment]) -> Vec<Point> {
    /// Pauses of a concurrent cycle that are no collections: remark and cleanup.
    const OF_A_CYCLE: u64 = 2;
    let reading = |moment: &Moment| {
        let pauses = moment.pauses?;
        Some(Reading {
            point: Point::new(seconds(moment.up_ms), moment.heap?.used_bytes as f64),
            collections: pauses.count.saturating_sub(pauses.collections) / OF_A_CYCLE,
        })
    };
    let readings: Vec<Reading> = moments.iter().filter_map(reading).collect();
    troughs(&readings)
}

/// A point whenever the figure of the last collection of the old generation changes.
fn after_old(moments: &[Moment]) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut known = None;
    for moment in moments {
        let Some((heap, left)) = moment
            .heap
            .and_then(|heap| Some((heap, heap.after_gc_bytes?)))
        else {
            continue;
        };
        let is_plausible = left as f64 >= PLAUSIBLE * heap.used_bytes as f64;
        if known != Some(left) && is_plausible {
            points.push(Point::new(seconds(moment.up_ms), left as f64));
        }
        known = Some(left);
    }
    points
}

/// A stretch of time in which the heap was full and collected over and over.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct Crowded {
    /// Begin, milliseconds since the agent started.
    pub(in crate::rules) from_ms: u64,
    /// End, likewise.
    pub(in crate::rules) to_ms: u64,
    /// Share of the time that collections took.
    pub(in crate::rules) paused: f64,
    /// The least that was in use all the time, bytes.
    pub(in crate::rules) used: u64,
}

/// From this share of the limit on the heap is full.
const FULL: f64 = 0.93;
/// From this share of the time on collections get in the way of all else.
const BUSY: f64 = 0.3;
/// For so long, at least: a heap may be full for a moment.
const LONG_S: f64 = 8.0;

impl Crowded {
    /// The longest such stretch.
    pub(super) fn of(moments: &[Moment], limit: u64) -> Option<Self> {
        let full = limit as f64 * FULL;
        let mut longest: Option<Self> = None;
        let mut begin: Option<(u64, u64, u64)> = None;
        for moment in moments {
            let (Some(heap), Some(pauses)) = (moment.heap, moment.pauses) else {
                continue;
            };
            if (heap.used_bytes as f64) < full {
                begin = None;
                continue;
            }
            let (from_ms, from_us, used) =
                begin.unwrap_or((moment.up_ms, pauses.total_us, heap.used_bytes));
            let used = used.min(heap.used_bytes);
            begin = Some((from_ms, from_us, used));
            let wall_us = moment.up_ms.saturating_sub(from_ms).saturating_mul(1000);
            let paused = pauses.total_us.saturating_sub(from_us) as f64 / wall_us.max(1) as f64;
            let stretch = Self {
                from_ms,
                to_ms: moment.up_ms,
                paused,
                used,
            };
            let is_crowded = stretch.seconds() >= LONG_S && paused >= BUSY;
            if is_crowded && longest.is_none_or(|longest| longest.seconds() < stretch.seconds()) {
                longest = Some(stretch);
            }
        }
        longest
    }

    pub(in crate::rules) fn seconds(&self) -> f64 {
        seconds(self.to_ms) - seconds(self.from_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::{Heap, Pauses};

    fn moment(s: u64, used: u64, after: Option<u64>, paused_ms: u64, count: u64) -> Moment {
        Moment {
            up_ms: s * 1000,
            heap: Some(Heap {
                used_bytes: used,
                max_bytes: 100,
                after_gc_bytes: after,
                ..Heap::default()
            }),
            pauses: Some(Pauses {
                count,
                total_us: paused_ms * 1000,
                ..Pauses::default()
            }),
            ..Moment::default()
        }
    }

    #[test]
    fn a_figure_of_another_pool_is_not_the_live_set() {
        let moments = [
            moment(0, 60, Some(2), 0, 1),
            moment(1, 70, Some(3), 0, 2),
            moment(2, 65, Some(60), 0, 3),
            moment(3, 75, Some(60), 0, 4),
            moment(4, 78, Some(66), 0, 5),
        ];
        let live = Live::of(&moments, false);
        let bytes: Vec<f64> = live.old.iter().map(|point| point.bytes).collect();
        assert_eq!(bytes, [60.0, 66.0]);
        assert_eq!((live.peak, live.last), (66, 66));
    }

    #[test]
    fn markings_of_g1_tell_what_is_live_where_nothing_was_worth_collecting() {
        // A collection a second, and a cycle with its two other pauses every three.
        let moments: Vec<Moment> = (0..30_u64)
            .map(|s| {
                let mut moment = moment(s, 20 + s + 10 * (s % 3), Some(0), 0, s + s / 3 * 2);
                moment.pauses.as_mut().unwrap().collections = s;
                moment
            })
            .collect();
        assert!(Live::of(&moments, false).old.is_empty());
        let live = Live::of(&moments, true);
        let bytes: Vec<f64> = live.old.iter().map(|point| point.bytes).collect();
        assert_eq!(
            bytes,
            [23.0, 26.0, 29.0, 32.0, 35.0, 38.0, 41.0, 44.0, 47.0]
        );
    }

    #[test]
    fn a_full_heap_is_crowded_when_collections_take_the_time() {
        let busy: Vec<Moment> = (0..20).map(|s| moment(s, 98, None, s * 800, s)).collect();
        let crowded = Crowded::of(&busy, 100).unwrap();
        assert_eq!((crowded.from_ms, crowded.to_ms), (0, 19_000));
        assert!((crowded.paused - 0.8).abs() < 0.01);
        let calm: Vec<Moment> = (0..20).map(|s| moment(s, 98, None, s * 20, s)).collect();
        assert!(Crowded::of(&calm, 100).is_none());
        let roomy: Vec<Moment> = (0..20).map(|s| moment(s, 60, None, s * 800, s)).collect();
        assert!(Crowded::of(&roomy, 100).is_none());
    }
}
