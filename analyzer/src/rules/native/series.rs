//! A series of bytes or counts: where it began, where it ended, whether it goes on.

use crate::case::seconds;
use crate::statistics::{Growth, Point, Shape, growth};
use crate::units::to_bytes;

/// Something that was measured over time.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    /// In the order of time.
    pub(super) points: Vec<Point>,
    /// The line through them; absent where there are too few.
    pub(super) growth: Option<Growth>,
}

impl Series {
    /// Of values by milliseconds since the agent started.
    pub(super) fn of(values: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let points = values.into_iter();
        Self::new(
            points
                .map(|(up_ms, value)| Point::new(seconds(up_ms), value as f64))
                .collect(),
        )
    }

    pub(super) fn new(points: Vec<Point>) -> Self {
        Self {
            growth: growth(&points),
            points,
        }
    }

    /// The same, each value that many times.
    pub(super) fn times(&self, factor: u64) -> Self {
        let points = self.points.iter();
        Self::new(
            points
                .map(|point| Point::new(point.s, point.bytes * factor as f64))
                .collect(),
        )
    }

    pub(super) fn first(&self) -> u64 {
        self.points.first().map_or(0, |point| to_bytes(point.bytes))
    }

    pub(super) fn last(&self) -> u64 {
        self.points.last().map_or(0, |point| to_bytes(point.bytes))
    }

    /// What there is more at the end than at the beginning.
    pub(super) fn grown(&self) -> u64 {
        self.last().saturating_sub(self.first())
    }

    /// Whether it rises to the end, more than chance would have it.
    pub(super) fn is_steady(&self) -> bool {
        self.growth
            .is_some_and(|growth| matches!(growth.shape, Shape::Steady | Shape::Slowing { .. }))
    }

    /// Whether it was still rising when the record ended: over the last third by a third at least of what an even rise would bring.
    pub(super) fn rises_at_the_end(&self) -> bool {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return false;
        };
        let since = last.s - (last.s - first.s) / 3.0;
        let before = self.points.iter().rfind(|point| point.s <= since);
        let late = before.map_or(0.0, |before| last.bytes - before.bytes);
        late * 9.0 >= last.bytes - first.bytes && late > 0.0
    }

    /// For how long it rose, seconds: from where it had a twentieth of what it has more at the end.
    pub(super) fn rising_s(&self) -> f64 {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return 0.0;
        };
        let risen = first.bytes + (last.bytes - first.bytes) * 0.05;
        let begin = self.points.iter().rfind(|point| point.bytes <= risen);
        begin.map_or(0.0, |begin| last.s - begin.s)
    }

    /// When it began, milliseconds since the agent started.
    pub(super) fn begin_ms(&self) -> u64 {
        self.points
            .first()
            .map_or(0, |point| to_bytes(point.s * 1000.0))
    }

    /// When it ended.
    pub(super) fn end_ms(&self) -> u64 {
        self.points
            .last()
            .map_or(0, |point| to_bytes(point.s * 1000.0))
    }

    /// Seconds from the first to the last point.
    pub(super) fn span_s(&self) -> f64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => last.s - first.s,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u64, value: impl Fn(u64) -> u64) -> Series {
        Series::of((0..n).map(|i| (i * 1000, value(i))))
    }

    #[test]
    fn a_line_rises_to_the_end_and_a_plateau_does_not() {
        assert!(line(30, |i| i * 10).rises_at_the_end());
        assert!(line(30, |i| i * 10).is_steady());
        let plateau = line(30, |i| i.min(10) * 10);
        assert!(!plateau.rises_at_the_end());
        assert!(!plateau.is_steady());
    }

    #[test]
    fn what_it_grew_is_the_last_less_the_first() {
        let series = line(3, |i| 5 + i);
        assert_eq!((series.first(), series.last(), series.grown()), (5, 7, 2));
        assert_eq!(series.times(100).grown(), 200);
        assert_eq!(Series::default().grown(), 0);
    }
}
