//! The figures of one run.

use super::{Series, Spread, Topic, Variant};
use crate::Jdk;
use serde::Serialize;

/// Everything that was measured, with where and when.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When, UTC, RFC 3339.
    pub when: String,
    /// Version of the JVM, where a row does not name another.
    pub jdk: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Kernel release, major and minor.
    pub kernel: String,
    /// Load average of the last minute, before and after: what else the machine had to do.
    pub load: [f64; 2],
    /// Rounds.
    pub rounds: usize,
    /// A glance only.
    pub quick: bool,
    /// The figures.
    pub rows: Vec<Row>,
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Name of the topic.
    pub topic: &'static str,
    /// What was measured.
    pub what: String,
    /// With what.
    pub variant: &'static str,
    /// Unit of `value` and of `added`.
    pub unit: &'static str,
    /// The figure itself.
    pub value: Option<Spread>,
    /// How many times the bare JVM's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Spread>,
    /// How much more than the bare JVM's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<Spread>,
    /// What it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aim: Option<Aim>,
}

/// What a figure should be, and whether it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Aim {
    /// In words.
    pub text: String,
    /// Whether the median met it.
    pub met: bool,
}

impl Aim {
    /// At most `limit`; nothing measured meets nothing.
    #[must_use]
    pub fn at_most(text: &str, limit: f64, value: Option<f64>) -> Self {
        Self {
            text: text.to_owned(),
            met: value.is_some_and(|value| value <= limit),
        }
    }

    /// At least `limit`.
    #[must_use]
    pub fn at_least(text: &str, limit: f64, value: Option<f64>) -> Self {
        Self {
            text: text.to_owned(),
            met: value.is_some_and(|value| value >= limit),
        }
    }
}

impl Row {
    /// A figure that stands alone.
    #[must_use]
    pub fn alone(
        topic: Topic,
        what: &str,
        variant: Variant,
        unit: &'static str,
        series: &Series,
    ) -> Self {
        Self {
            topic: topic.name(),
            what: what.to_owned(),
            variant: variant.name(),
            unit,
            value: series.spread(),
            ratio: None,
            added: None,
            aim: None,
        }
    }

    /// The same with an aim.
    #[must_use]
    pub fn aim(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }
}

/// Variants of one measurement, of which the first is what the others are compared with.
#[derive(Debug)]
pub struct Comparison {
    /// Topic of the rows.
    pub topic: Topic,
    /// What was measured.
    pub what: String,
    /// Its unit.
    pub unit: &'static str,
    /// One series for each variant.
    pub series: Vec<(Variant, Series)>,
}

impl Comparison {
    /// Median of what `variant` adds to the first one.
    #[must_use]
    pub fn added(&self, variant: Variant) -> Option<f64> {
        let (_, first) = self.series.first()?;
        let (_, own) = self.series.iter().find(|(found, _)| *found == variant)?;
        own.minus(first).median()
    }

    /// Median of `variant` over the first one.
    #[must_use]
    pub fn ratio(&self, variant: Variant) -> Option<f64> {
        let (_, first) = self.series.first()?;
        let (_, own) = self.series.iter().find(|(found, _)| *found == variant)?;
        own.over(first).median()
    }

    /// One row for each variant; `aim` says what one of them should be.
    #[must_use]
    pub fn rows(&self, aim: impl Fn(Variant) -> Option<Aim>) -> Vec<Row> {
        let Some((_, first)) = self.series.first() else {
            return Vec::new();
        };
        let rows = self
            .series
            .iter()
            .enumerate()
            .map(|(index, (variant, own))| {
                let row = Row::alone(self.topic, &self.what, *variant, self.unit, own);
                if index == 0 {
                    return row;
                }
                Row {
                    ratio: own.over(first).spread(),
                    added: own.minus(first).spread(),
                    aim: aim(*variant),
                    ..row
                }
            });
        rows.collect()
    }
}

impl Report {
    /// A report of this machine, without figures yet.
    #[must_use]
    pub fn new(jdk: &Jdk, rounds: usize, quick: bool) -> Self {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            when: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%MZ")
                .to_string(),
            jdk: jdk.version.clone(),
            cores: cores(),
            kernel: kernel
                .trim()
                .split('.')
                .take(2)
                .collect::<Vec<_>>()
                .join("."),
            load: [load_average(); 2],
            rounds,
            quick,
            rows: Vec::new(),
        }
    }

    /// Notes that all is measured.
    pub fn finish(&mut self) {
        self.load[1] = load_average();
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    first.unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_is_with_the_first_variant_and_the_aim_of_the_others() {
        let comparison = Comparison {
            topic: Topic::Start,
            what: "start".to_owned(),
            unit: "ms",
            series: vec![
                (Variant::Bare, [40.0, 50.0, 60.0].into_iter().collect()),
                (Variant::Agent, [44.0, 55.0, 66.0].into_iter().collect()),
            ],
        };
        let added = comparison.added(Variant::Agent);
        let rows = comparison.rows(|_| Some(Aim::at_most("≤ 4 ms", 4.0, added)));
        assert_eq!(rows[0].ratio, None);
        assert_eq!(rows[0].aim, None);
        assert_eq!(rows[1].added.unwrap().median, 5.0);
        assert!((rows[1].ratio.unwrap().median - 1.1).abs() < 1e-9);
        assert!(!rows[1].aim.as_ref().unwrap().met);
    }

    #[test]
    fn what_was_not_measured_meets_no_aim() {
        assert!(!Aim::at_most("≤ 1", 1.0, None).met);
        assert!(!Aim::at_least("≥ 1", 1.0, None).met);
        assert!(Aim::at_least("≥ 1", 1.0, Some(1.0)).met);
    }
}
