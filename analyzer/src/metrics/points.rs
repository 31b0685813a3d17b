//! What one reading of a signal gives: a bounded number of points.

/// Most points of one signal of one process. What a trace holds is not trusted: without a bound, one with a million pools would become a
/// million series.
pub const MOST_POINTS: usize = 64;

/// Longest value of a label, characters.
const LONGEST_VALUE: usize = 200;

/// A label: its name, and its value.
pub type Label = (&'static str, String);

/// One value, with the labels that tell it from the others of its signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Labels beside those of the process.
    pub labels: Vec<Label>,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Bytes, or things that are counted.
    Whole(u64),
    /// Seconds, shares.
    Real(f64),
    /// How many, and their sum.
    Summed {
        /// How many.
        count: u64,
        /// Their sum.
        sum: f64,
    },
}

/// The points of one signal.
#[derive(Debug, Default)]
pub struct Points {
    points: Vec<Point>,
}

impl Points {
    /// Adds a value without labels, if it is known.
    pub fn add(&mut self, value: impl Known) {
        self.add_with(&[], value);
    }

    /// Adds a value with labels, if it is known and there is room.
    pub fn add_with(&mut self, labels: &[(&'static str, &str)], value: impl Known) {
        let Some(value) = value.known() else { return };
        let labels: Vec<Label> = labels
            .iter()
            .map(|&(name, value)| (name, bounded(value)))
            .collect();
        let is_known = self.points.iter().any(|point| point.labels == labels);
        if is_known || self.points.len() >= MOST_POINTS {
            return;
        }
        self.points.push(Point { labels, value });
    }

    pub(super) fn take(self) -> Vec<Point> {
        self.points
    }
}

/// Cut to what a label may hold, without characters that cannot be shown.
fn bounded(value: &str) -> String {
    let shown = value.chars().filter(|c| !c.is_control());
    shown.take(LONGEST_VALUE).collect()
}

/// What may be a value.
pub trait Known {
    /// The value, if it is known.
    fn known(self) -> Option<Value>;
}

impl Known for Value {
    fn known(self) -> Option<Value> {
        Some(self)
    }
}

impl Known for u64 {
    fn known(self) -> Option<Value> {
        Some(Value::Whole(self))
    }
}

impl Known for u32 {
    fn known(self) -> Option<Value> {
        u64::from(self).known()
    }
}

impl Known for f64 {
    fn known(self) -> Option<Value> {
        Some(Value::Real(self))
    }
}

impl<T: Known> Known for Option<T> {
    fn known(self) -> Option<Value> {
        self?.known()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_points_nor_labels_grow_without_bound() {
        let mut points = Points::default();
        for i in 0..1000_u64 {
            points.add_with(&[("pool", &format!("{}{i}", "x".repeat(190)))], i);
        }
        points.add_with(&[("pool", &"y".repeat(1000))], 1_u64);
        let points = points.take();
        assert_eq!(points.len(), MOST_POINTS);
        assert!(points.iter().all(|point| point.labels[0].1.len() <= 200));
    }

    #[test]
    fn of_two_values_with_the_same_labels_the_first_stays() {
        let mut points = Points::default();
        points.add_with(&[("pool", "a\u{7}")], 1_u64);
        points.add_with(&[("pool", "a")], 2_u64);
        let expected = Point {
            labels: vec![("pool", "a".to_owned())],
            value: Value::Whole(1),
        };
        assert_eq!(points.take(), [expected]);
    }
}
