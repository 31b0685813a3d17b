//! A number of bytes as Flink reads, computes and prints it.

use super::decimal::Decimal;
use super::java_number::java_trim;
use super::refusal::Refusal;
use std::fmt;

/// A size in bytes, from 0 to 2^63 - 1: Flink keeps sizes in a signed 64-bit number that must not be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct MemorySize(u64);

/// Units with their spellings; each is 1,024 of the one before.
const UNITS: [(&str, u64); 13] = [
    ("", 1),
    ("b", 1),
    ("bytes", 1),
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("kibibytes", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("mebibytes", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("gibibytes", 1 << 30),
    ("t", 1 << 40),
];
const TEBI: [&str; 2] = ["tb", "tebibytes"];

impl MemorySize {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest size that Flink can express.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// `bytes`, or the largest size if that is more.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        if bytes > Self::MAX.0 {
            Self::MAX
        } else {
            Self(bytes)
        }
    }

    /// `mebibytes` × 2^20, or the largest size if that is more.
    #[must_use]
    pub const fn from_mebibytes(mebibytes: u64) -> Self {
        Self::from_bytes(mebibytes.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Whole mebibytes.
    #[must_use]
    pub const fn mebibytes(self) -> u64 {
        self.0 >> 20
    }

    /// Reads a size as Flink does: digits, then a unit of 1,024s, blanks around either.
    ///
    /// # Errors
    /// The exception that Flink would have at the bottom of its chain.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let trimmed = java_trim(text);
        if trimmed.is_empty() {
            let message = "argument is an empty- or whitespace-only string";
            return Err(Refusal::argument(message));
        }
        let end = trimmed
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(trimmed.len());
        let (digits, unit) = trimmed.split_at(end);
        if digits.is_empty() {
            return Err(Refusal::number_format("text does not start with a number"));
        }
        let value: i64 = digits.parse().map_err(|_| {
            Refusal::argument(format!(
                "The value '{digits}' cannot be re represented as 64bit number (numeric overflow)."
            ))
        })?;
        let factor = unit_factor(java_trim(unit))?;
        let product = value.checked_mul(factor).ok_or_else(|| {
            Refusal::argument(format!(
                "The value '{text}' cannot be re represented as 64bit number of bytes (numeric overflow)."
            ))
        })?;
        Self::from_signed(product)
    }

    /// A size from Flink's signed number.
    pub(crate) fn from_signed(bytes: i64) -> Result<Self, Refusal> {
        u64::try_from(bytes)
            .map(Self)
            .map_err(|_| Refusal::argument("bytes must be >= 0"))
    }

    /// The sum; Flink fails where it does not fit.
    pub(crate) fn plus(self, other: Self) -> Result<Self, Refusal> {
        let sum = self
            .0
            .checked_add(other.0)
            .filter(|sum| *sum <= Self::MAX.0);
        sum.map(Self).ok_or_else(Refusal::long_overflow)
    }

    /// The sum of several sizes, from the left.
    pub(crate) fn sum(sizes: &[Self]) -> Result<Self, Refusal> {
        sizes
            .iter()
            .try_fold(Self::ZERO, |sum, size| sum.plus(*size))
    }

    /// The difference; Flink fails where it is negative.
    pub(crate) fn minus(self, other: Self) -> Result<Self, Refusal> {
        let difference = self.0.checked_sub(other.0).map(Self);
        difference.ok_or_else(|| Refusal::argument("bytes must be >= 0"))
    }

    /// `self × factor` in decimal, cut to whole bytes.
    pub(crate) fn times(self, factor: f64) -> Result<Self, Refusal> {
        let decimal = Decimal::shortest(factor).ok_or_else(Refusal::long_overflow)?;
        let product = decimal.times_truncated(self.0).map(Self);
        product.ok_or_else(Refusal::long_overflow)
    }

    /// The difference, or nothing where it would be negative.
    #[must_use]
    pub const fn saturating_minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// As short as it can be said exactly in a configuration, such as `512m` or `1879048191b`.
    #[must_use]
    pub fn to_option(self) -> String {
        for (shift, unit) in [(40, "t"), (30, "g"), (20, "m"), (10, "k")] {
            let is_whole = self.0 > 0 && self.0.trailing_zeros() >= shift;
            if is_whole {
                return format!("{}{unit}", self.0 >> shift);
            }
        }
        format!("{}b", self.0)
    }

    /// Rounded for reading, such as `1.25 GiB`.
    #[must_use]
    pub fn to_human(self) -> String {
        crate::units::bytes(self.0)
    }
}

fn unit_factor(unit: &str) -> Result<i64, Refusal> {
    let lower = unit.to_lowercase();
    let tebi = TEBI.contains(&lower.as_str()).then_some(1 << 40);
    let known = UNITS.iter().find(|(name, _)| *name == lower);
    let factor = known.map(|(_, factor)| *factor).or(tebi);
    factor
        .and_then(|factor| i64::try_from(factor).ok())
        .ok_or_else(|| {
            Refusal::argument(format!(
                "Memory size unit '{lower}' does not match any of the recognized units: \
                 (b | bytes) / (k | kb | kibibytes) / (m | mb | mebibytes) / (g | gb | gibibytes) / (t | tb | tebibytes)"
            ))
        })
}

/// As Flink prints sizes in its messages: `1.172gb (1258291200 bytes)`.
impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The unit is the largest that is strictly smaller than the size, so 1 GiB prints as 1024.000mb.
        let unit = [(40, "tb"), (30, "gb"), (20, "mb"), (10, "kb")]
            .into_iter()
            .find(|(shift, _)| self.0 > 1 << shift);
        match unit {
            None => write!(f, "{} bytes", self.0),
            Some((shift, unit)) => {
                let value = self.0 as f64 / (1_u64 << shift) as f64;
                let text =
                    Decimal::shortest(value).map_or_else(String::new, Decimal::to_three_places);
                write!(f, "{text}{unit} ({} bytes)", self.0)
            }
        }
    }
}

impl serde::Serialize for MemorySize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Result<u64, String> {
        MemorySize::parse(text)
            .map(MemorySize::bytes)
            .map_err(|refusal| refusal.message)
    }

    #[test]
    fn reads_every_spelling_of_a_unit() {
        for (text, expected) in [
            ("1234", 1234),
            (" 5 bytes ", 5),
            ("007k", 7 << 10),
            ("2 MebiBytes", 2 << 20),
            ("3Gb", 3 << 30),
            ("1tb", 1 << 40),
            ("1t", 1 << 40),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_in_flinks_words() {
        let overflow = "(numeric overflow).";
        for (text, part) in [
            ("  ", "empty- or whitespace-only"),
            ("m", "does not start with a number"),
            ("-1m", "does not start with a number"),
            ("1mib", "unit 'mib' does not match"),
            ("1.5g", "unit '.5g' does not match"),
            ("9223372036854775808", overflow),
            ("9007199254740993k", overflow),
            ("8388608t", overflow),
        ] {
            let message = bytes(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn a_gibibyte_prints_in_mebibytes() {
        assert_eq!(
            MemorySize(1 << 30).to_string(),
            "1024.000mb (1073741824 bytes)"
        );
        assert_eq!(MemorySize(1024).to_string(), "1024 bytes");
        assert_eq!(
            MemorySize(1_258_291_200).to_string(),
            "1.172gb (1258291200 bytes)"
        );
        assert_eq!(
            MemorySize::MAX.to_string(),
            "8388608.000tb (9223372036854775807 bytes)"
        );
    }

    #[test]
    fn an_option_text_reads_back_as_the_same_size() {
        for size in [0, 1, 1024, 512 << 20, (512 << 20) + 1, 3 << 40] {
            assert_eq!(bytes(&MemorySize(size).to_option()), Ok(size));
        }
    }
}
