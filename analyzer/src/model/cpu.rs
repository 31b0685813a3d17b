//! CPU cores and slots: not memory, but part of Flink's derivation, and able to refuse it.

use super::decimal::{Decimal, java_double};
use super::options::tm;
use super::reader::Reader;
use super::refusal::Refusal;
use super::segment::invalid;

/// CPU cores of a process: a positive, finite number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuCores {
    value: f64,
    decimal: Decimal,
    places: Option<u32>,
}

impl CpuCores {
    pub(crate) fn read(reader: &Reader<'_>) -> Result<Self, Refusal> {
        let value = match reader.double(&tm::CPU)? {
            Some(cores) => cores,
            None => f64::from(SlotCount::read(reader)?.configured()),
        };
        if value <= 0.0 {
            let message = format!(
                "TaskExecutors need to be started with a positive number of CPU cores. Please configure {} accordingly.",
                tm::CPU.key
            );
            return Err(Refusal::configuration(message).about(&[tm::CPU.key, tm::SLOTS.key]));
        }
        let decimal = Decimal::shortest(value).ok_or_else(|| {
            let first = if value.is_nan() { 'N' } else { 'I' };
            Refusal::number_format(format!(
                "Character {first} is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark."
            ))
            .about(&[tm::CPU.key])
        })?;
        Ok(Self {
            value,
            decimal,
            places: reader.behaviour.cpu_places,
        })
    }

    /// As Flink keeps it: cut to eight decimals since 1.14.
    #[must_use]
    pub fn text(self) -> String {
        match self.places {
            Some(places) => self.decimal.to_places_truncated(places),
            None => java_double(self.value),
        }
    }

    /// As the `-D` option prints it.
    #[must_use]
    pub fn as_double(self) -> String {
        let kept = self.text().parse().unwrap_or(self.value);
        java_double(kept)
    }

    /// One slot's share, cut to `places` decimals; none for no slots.
    pub(crate) fn divided(self, slots: u64, places: u32) -> Option<String> {
        let kept = self.text().parse().ok().and_then(Decimal::shortest);
        kept.unwrap_or(self.decimal).divided(slots, places)
    }
}

/// Number of slots, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotCount(i32);

impl SlotCount {
    pub(crate) fn read(reader: &Reader<'_>) -> Result<Self, Refusal> {
        reader.int(&tm::SLOTS).map(|slots| Self(slots.unwrap_or(1)))
    }

    /// The number as it stands in the configuration.
    #[must_use]
    pub fn configured(self) -> i32 {
        self.0
    }

    /// What the process makes of it: -1 counts as 1.
    pub(crate) fn effective(self) -> Result<u32, Refusal> {
        let slots = if self.0 == -1 { 1 } else { self.0 };
        u32::try_from(slots)
            .ok()
            .filter(|slots| *slots > 0)
            .ok_or_else(|| {
                invalid(
                    tm::SLOTS.key,
                    &slots.to_string(),
                    "Number of task slots must be at least one.",
                )
            })
    }
}
