//! A share with a minimum and a maximum: how Flink sizes overhead, network and managed memory.

use super::decimal::java_double;
use super::memory_size::MemorySize;
use super::note::Note;
use super::options::FlinkOption;
use super::origin::{Derived, Origin};
use super::reader::Reader;
use super::refusal::Refusal;

/// A share, its bounds, and the options they came from.
pub(crate) struct Range {
    pub(crate) min: MemorySize,
    pub(crate) max: MemorySize,
    pub(crate) fraction: f64,
    options: RangeOptions,
}

/// The options of a [`Range`]; no bounds means from nothing to everything.
#[derive(Clone, Copy)]
pub(crate) struct RangeOptions {
    pub(crate) bounds: Option<(FlinkOption, FlinkOption)>,
    pub(crate) max_default: MemorySize,
    pub(crate) fraction: FlinkOption,
    /// What Flink calls it in its log, such as `network memory`.
    pub(crate) name: &'static str,
}

impl Range {
    /// Reads the options in Flink's order and checks them.
    pub(crate) fn read(reader: &Reader<'_>, options: RangeOptions) -> Result<Self, Refusal> {
        let (min, max) = match &options.bounds {
            Some((min, max)) => (
                reader.size_or_default(min)?.0,
                reader.size_or(max, options.max_default)?.0,
            ),
            None => (MemorySize::ZERO, MemorySize::MAX),
        };
        let fraction = reader.fraction(&options.fraction)?;
        let range = Self {
            min,
            max,
            fraction,
            options,
        };
        range.check()?;
        Ok(range)
    }

    fn check(&self) -> Result<(), Refusal> {
        let cause = if self.min > self.max {
            "min value must be less or equal to max value"
        } else if !(0.0..1.0).contains(&self.fraction) {
            "fraction must be in range [0, 1)"
        } else {
            return Ok(());
        };
        let message = format!(
            "Inconsistently configured {} ({}) and its min ({}), max ({}) value",
            self.options.fraction.print(),
            java_double(self.fraction),
            self.min,
            self.max
        );
        Err(Refusal::configuration(message)
            .caused_by(Refusal::argument(cause))
            .about(&self.keys()))
    }

    /// The options of the share and its bounds.
    pub(crate) fn keys(&self) -> Vec<&'static str> {
        let mut keys = vec![self.options.fraction.key];
        if let Some((min, max)) = &self.options.bounds {
            keys.extend([min.key, max.key]);
        }
        keys
    }

    pub(crate) fn contains(&self, size: MemorySize) -> bool {
        (self.min..=self.max).contains(&size)
    }

    /// The share of `base`, within bounds.
    pub(crate) fn share_of(
        &self,
        reader: &Reader<'_>,
        base: MemorySize,
        of: &'static str,
    ) -> Result<Derived, Refusal> {
        self.capped(reader, base.times(self.fraction)?, of)
    }

    /// As much as makes up the share when added to `others`, within bounds.
    pub(crate) fn added_to(
        &self,
        reader: &Reader<'_>,
        others: MemorySize,
        of: &'static str,
    ) -> Result<Derived, Refusal> {
        let ratio = self.fraction / (1.0 - self.fraction);
        self.capped(reader, others.times(ratio)?, of)
    }

    fn capped(
        &self,
        reader: &Reader<'_>,
        share: MemorySize,
        of: &'static str,
    ) -> Result<Derived, Refusal> {
        let name = self.options.name;
        let (min, max) = self
            .options
            .bounds
            .map_or(("", ""), |(min, max)| (min.key, max.key));
        if share > self.max {
            reader.note(Note::info(format!(
                "The derived from fraction {name} ({share}) is greater than its max value {}, max value will be used instead",
                self.max
            )));
            let key = max.to_owned();
            let origin = Origin::CutToMax { key, share };
            return Ok(Derived::new((self.max, origin)));
        }
        if share < self.min {
            reader.note(Note::info(format!(
                "The derived from fraction {name} ({share}) is less than its min value {}, min value will be used instead",
                self.min
            )));
            let key = min.to_owned();
            let origin = Origin::RaisedToMin { key, share };
            return Ok(Derived::new((self.min, origin)));
        }
        let origin = Origin::Fraction {
            key: self.options.fraction.key.to_owned(),
            fraction: self.fraction,
            of: of.to_owned(),
        };
        Ok(Derived::new((share, origin)))
    }
}
