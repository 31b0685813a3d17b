//! Where a derived size came from.

use super::memory_size::MemorySize;
use super::options::FlinkOption;
use super::settings::Source;
use serde::Serialize;
use std::fmt;

/// A size and its origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Derived {
    /// The size.
    pub size: MemorySize,
    /// Where it came from.
    pub origin: Origin,
}

impl Derived {
    pub(crate) fn new((size, origin): (MemorySize, Origin)) -> Self {
        Self { size, origin }
    }

    pub(crate) fn rest_of(size: MemorySize, whole: &'static str) -> Self {
        Self {
            size,
            origin: Origin::Rest {
                of: whole.to_owned(),
            },
        }
    }

    pub(crate) fn sum(size: MemorySize) -> Self {
        Self {
            size,
            origin: Origin::Sum,
        }
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.size.bytes()
    }
}

/// How a size came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// An option was set.
    Option {
        /// The key it was set under.
        key: String,
        /// Where it was set.
        #[serde(rename = "from")]
        source: Source,
    },
    /// An option was not set.
    Default {
        /// The option.
        key: String,
    },
    /// A share of something.
    Fraction {
        /// The option of the share.
        key: String,
        /// The share, as Flink computes with it.
        fraction: f64,
        /// What it is a share of.
        of: String,
    },
    /// The share would have been less than the minimum.
    RaisedToMin {
        /// The option of the minimum.
        key: String,
        /// What the share alone would have given.
        share: MemorySize,
    },
    /// The share would have been more than the maximum.
    CutToMax {
        /// The option of the maximum.
        key: String,
        /// What the share alone would have given.
        share: MemorySize,
    },
    /// What the others left.
    Rest {
        /// Of which whole.
        of: String,
    },
    /// The parts together.
    Sum,
    /// A number of buffers times their size.
    Buffers {
        /// The option of the number.
        key: String,
    },
}

impl Origin {
    pub(crate) fn default_of(option: &FlinkOption) -> Self {
        Self::Default {
            key: option.key.to_owned(),
        }
    }

    /// The option that decided, if one did.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Option { key, .. }
            | Self::Default { key }
            | Self::Fraction { key, .. }
            | Self::RaisedToMin { key, .. }
            | Self::CutToMax { key, .. }
            | Self::Buffers { key } => Some(key),
            Self::Rest { .. } | Self::Sum => None,
        }
    }
}

/// The last two parts of a key are enough to recognise it.
fn short(key: &str) -> &str {
    key.split_once(".memory.").map_or(key, |(_, rest)| rest)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { key, source } => write!(f, "{} ({source})", short(key)),
            Self::Default { key } => write!(f, "default of {}", short(key)),
            Self::Fraction { key, fraction, of } => {
                // Seven digits are what a 32-bit float holds.
                let percent = format!("{:.5}", fraction * 100.0);
                let percent = percent.trim_end_matches('0').trim_end_matches('.');
                write!(f, "{} = {percent} % of {of}", short(key))
            }
            Self::RaisedToMin { key, share } => {
                write!(
                    f,
                    "raised to {}; the share alone is {}",
                    short(key),
                    share.to_human()
                )
            }
            Self::CutToMax { key, share } => {
                write!(
                    f,
                    "cut to {}; the share alone is {}",
                    short(key),
                    share.to_human()
                )
            }
            Self::Rest { of } => write!(f, "the rest of {of}"),
            Self::Sum => f.write_str("sum of its parts"),
            Self::Buffers { key } => write!(f, "{} × segment-size", short(key)),
        }
    }
}
