//! Repeated measurements of one thing.

use serde::Serialize;

/// One value a round.
#[derive(Debug, Clone, Default)]
pub struct Series {
    values: Vec<f64>,
}

/// What is reported of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Number of values.
    pub count: usize,
}

impl Series {
    /// Adds the next round's value.
    pub fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Median and range; `None` of an empty series.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2)?;
        let lower = sorted.get((sorted.len() - 1) / 2)?;
        Some(Spread {
            median: f64::midpoint(*lower, *upper),
            min: *sorted.first()?,
            max: *sorted.last()?,
            count: sorted.len(),
        })
    }

    /// The median alone; `None` of an empty series.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.spread().map(|spread| spread.median)
    }

    /// What each round has more than the same round of `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.with(other, |own, others| own - others)
    }

    /// How many times `other` each round is.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        self.with(other, |own, others| own / others)
    }

    /// Each value put through `convert`.
    #[must_use]
    pub fn map(&self, convert: impl Fn(f64) -> f64) -> Self {
        self.values.iter().copied().map(convert).collect()
    }

    /// The latest round's value.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.values.last().copied()
    }

    fn with(&self, other: &Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        pairs.map(|(own, others)| combine(*own, *others)).collect()
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self {
            values: values.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        values.iter().copied().collect()
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(series(&[]).spread(), None);
        assert_eq!(series(&[9.0, 1.0, 2.0]).median(), Some(2.0));
        let spread = series(&[40.0, 10.0, 20.0, 30.0]).spread().unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (10.0, 25.0, 40.0));
    }

    #[test]
    fn rounds_are_compared_with_each_other() {
        // The machine was twice as slow in the second round.
        let (bare, agent) = (series(&[10.0, 20.0]), series(&[15.0, 30.0]));
        assert_eq!(agent.over(&bare).spread().unwrap().max, 1.5);
        assert_eq!(agent.over(&bare).spread().unwrap().min, 1.5);
        assert_eq!(agent.minus(&bare).median(), Some(7.5));
    }
}
