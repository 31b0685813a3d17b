//! Series, thinned so that a day of samples fits into a page and no peak is lost.

use crate::case::{Moment, Timeline};
use serde::Serialize;
use std::ops::Range;

/// Pieces that a long timeline is cut into, each of the same length.
const PIECES: u64 = 1000;
/// Around an incident and before the end every sample stays, for so long on either side: that is where one looks.
const WHOLE_MS: u64 = 30_000;
/// Incidents whose surroundings stay whole: the first and the last of them.
const WHOLE_INCIDENTS: usize = 3;

/// Which samples make up the rows of all series of a timeline.
pub(super) struct Rows {
    pieces: Vec<Piece>,
    /// Times of the rows, milliseconds since the agent started.
    pub(super) up_ms: Vec<u64>,
}

enum Piece {
    /// Each sample is a row.
    Whole(Range<usize>),
    /// Two rows for all of them: the lowest and the highest value of each series, in the order in which they came.
    Extremes(Range<usize>),
}

/// Values of one series, one for each row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Values {
    /// The same in all rows.
    Constant(u64),
    /// One for each row; null where there is none.
    Each(Vec<Option<u64>>),
}

impl Values {
    /// Whether there is more than nothing in any row.
    pub(super) fn any_above_zero(&self) -> bool {
        match self {
            Self::Constant(value) => *value > 0,
            Self::Each(rows) => rows.iter().flatten().any(|value| *value > 0),
        }
    }
}

impl Rows {
    pub(super) fn of(timeline: &Timeline) -> Self {
        let moments = &timeline.moments;
        let pieces = match (moments.first(), moments.last()) {
            (Some(first), Some(last)) if moments.len() as u64 > 2 * PIECES => {
                cut(moments, first.up_ms, last.up_ms, &whole_times(moments))
            }
            _ => vec![Piece::Whole(0..moments.len())],
        };
        let mut up_ms = Vec::new();
        for piece in &pieces {
            match piece {
                Piece::Whole(range) => {
                    up_ms.extend(moments[range.clone()].iter().map(|moment| moment.up_ms));
                }
                Piece::Extremes(range) => {
                    up_ms.extend([moments[range.start].up_ms, moments[range.end - 1].up_ms]);
                }
            }
        }
        Self { pieces, up_ms }
    }

    /// The rows of one series; `None` where it has no value at all.
    pub(super) fn values(&self, value: impl Fn(usize) -> Option<u64>) -> Option<Values> {
        let mut rows = Vec::with_capacity(self.up_ms.len());
        for piece in &self.pieces {
            match piece {
                Piece::Whole(range) => rows.extend(range.clone().map(&value)),
                Piece::Extremes(range) => rows.extend(extremes(range.clone(), &value)),
            }
        }
        let first = (*rows.iter().find(|row| row.is_some())?)?;
        let is_constant = rows.iter().all(|row| *row == Some(first));
        Some(if is_constant {
            Values::Constant(first)
        } else {
            Values::Each(rows)
        })
    }
}

/// The lowest and the highest value, the earlier first.
fn extremes(range: Range<usize>, value: &impl Fn(usize) -> Option<u64>) -> [Option<u64>; 2] {
    let mut lowest: Option<(u64, usize)> = None;
    let mut highest: Option<(u64, usize)> = None;
    for index in range {
        let Some(found) = value(index) else {
            continue;
        };
        if lowest.is_none_or(|(low, _)| found < low) {
            lowest = Some((found, index));
        }
        if highest.is_none_or(|(high, _)| found > high) {
            highest = Some((found, index));
        }
    }
    let (Some((low, low_at)), Some((high, high_at))) = (lowest, highest) else {
        return [None, None];
    };
    if low_at <= high_at {
        [Some(low), Some(high)]
    } else {
        [Some(high), Some(low)]
    }
}

/// Stretches of time that stay whole.
fn whole_times(moments: &[Moment]) -> Vec<Range<u64>> {
    let incidents = moments.iter().filter(|moment| moment.incident.is_some());
    let incidents: Vec<u64> = incidents.map(|moment| moment.up_ms).collect();
    let first = incidents.iter().take(WHOLE_INCIDENTS);
    let last = incidents.iter().rev().take(WHOLE_INCIDENTS);
    let end = moments.last().map(|moment| &moment.up_ms);
    first
        .chain(last)
        .chain(end)
        .map(|at| at.saturating_sub(WHOLE_MS)..at.saturating_add(WHOLE_MS))
        .collect()
}

fn cut(moments: &[Moment], first_ms: u64, last_ms: u64, whole: &[Range<u64>]) -> Vec<Piece> {
    let length = (last_ms - first_ms).div_ceil(PIECES).max(1);
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < moments.len() {
        let piece = (moments[start].up_ms - first_ms) / length;
        let end_ms = first_ms + (piece + 1) * length;
        let begin_ms = end_ms - length;
        let rest = &moments[start..];
        let end = start + rest.partition_point(|moment| moment.up_ms < end_ms);
        let stays = |time: &Range<u64>| time.start < end_ms && begin_ms < time.end;
        pieces.push(if end - start <= 2 || whole.iter().any(stays) {
            Piece::Whole(start..end)
        } else {
            Piece::Extremes(start..end)
        });
        start = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Timeline {
        let moment = |second: u64| Moment {
            up_ms: second * 1000,
            incident: (second == 40_000).then_some(1),
            ..Moment::default()
        };
        Timeline {
            moments: (0..86_400).map(moment).collect(),
            ..Timeline::default()
        }
    }

    fn each(values: Option<Values>) -> Vec<Option<u64>> {
        match values {
            Some(Values::Each(rows)) => rows,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_peak_of_one_sample_in_a_day_stays_and_so_does_a_dip() {
        let timeline = day();
        let rows = Rows::of(&timeline);
        let value = |index: usize| match index {
            12_345 => Some(9_000),
            12_350 => Some(1),
            _ => Some(100 + index as u64 % 3),
        };
        let values = each(rows.values(value));
        assert!(rows.up_ms.len() < 3_000, "{}", rows.up_ms.len());
        assert_eq!(values.len(), rows.up_ms.len());
        let peak = values.iter().position(|row| *row == Some(9_000)).unwrap();
        assert_eq!(values[peak + 1], Some(1), "the dip came after the peak");
        assert!(rows.up_ms[peak].abs_diff(12_345_000) < 87_000);
        assert!(rows.up_ms.is_sorted());
    }

    #[test]
    fn around_an_incident_every_sample_stays() {
        let rows = Rows::of(&day());
        for second in 39_970..=40_029 {
            assert!(rows.up_ms.contains(&(second * 1000)), "{second}");
        }
    }

    #[test]
    fn a_short_timeline_is_whole_and_a_limit_is_one_figure() {
        let mut timeline = day();
        timeline.moments.truncate(300);
        let rows = Rows::of(&timeline);
        assert_eq!(rows.up_ms.len(), 300);
        assert_eq!(rows.values(|_| Some(7)), Some(Values::Constant(7)));
        assert_eq!(rows.values(|_| None), None);
        let values = each(rows.values(|index| (index > 0).then_some(7)));
        assert_eq!((values[0], values[1]), (None, Some(7)));
    }
}
