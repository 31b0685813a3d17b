//! A Flink version as an input of the model.

use std::fmt;
use std::str::FromStr;

/// A Flink release, such as 1.20.5. Suffixes (`-SNAPSHOT`, `-scala_2.12`) do not matter to the model and are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlinkVersion {
    /// 1 or 2.
    pub major: u16,
    /// Feature release.
    pub minor: u16,
    /// Bug-fix release.
    pub patch: u16,
}

impl FlinkVersion {
    /// The newest release that the model was held against.
    pub const NEWEST_CHECKED: Self = Self::release(2, 3, 0);
    /// The oldest release that the model knows.
    pub const OLDEST_KNOWN: Self = Self::release(1, 9, 0);

    /// A release by its numbers.
    #[must_use]
    pub const fn release(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Whether this is the given feature release or a later one.
    #[must_use]
    pub fn is_since(self, major: u16, minor: u16) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

/// A text that is not a Flink version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Flink version; expected something like 1.20.5 or 2.3")]
pub struct NotAVersion(String);

impl FromStr for FlinkVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let refuse = || NotAVersion(text.to_owned());
        let numbers = text.trim().trim_start_matches('v');
        let end = numbers
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(numbers.len());
        let numbers = numbers.get(..end).unwrap_or_default();
        let mut parts = numbers.trim_end_matches('.').splitn(3, '.');
        let mut next = |needed: bool| match parts.next() {
            Some(part) => part.parse().map_err(|_| refuse()),
            None if needed => Err(refuse()),
            None => Ok(0),
        };
        Ok(Self::release(next(true)?, next(true)?, next(false)?))
    }
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_releases_with_and_without_a_patch_or_a_suffix() {
        assert_eq!("1.20.5".parse(), Ok(FlinkVersion::release(1, 20, 5)));
        assert_eq!("2.3".parse(), Ok(FlinkVersion::release(2, 3, 0)));
        assert_eq!(
            "1.19.1-SNAPSHOT".parse(),
            Ok(FlinkVersion::release(1, 19, 1))
        );
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in ["", "2", "latest", "1.x", "1.99999999"] {
            assert!(text.parse::<FlinkVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_later_feature_release_is_greater_whatever_the_digits() {
        assert!(FlinkVersion::release(1, 9, 3) < FlinkVersion::release(1, 10, 0));
        assert!(FlinkVersion::release(2, 0, 0).is_since(1, 20));
    }
}
