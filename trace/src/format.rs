//! The trace format's version, and who can read what.
//!
//! `major` changes when an old reader would misunderstand a new trace, `minor` when something was added: unknown
//! fields and unknown record kinds are skipped by every reader.

use serde::{Deserialize, Serialize};

/// The version that this build writes.
pub const FORMAT: Format = Format { major: 1, minor: 2 };

/// A trace format version, the first thing in every header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Format {
    /// Breaks: a reader of another major version refuses the trace.
    pub major: u16,
    /// Adds: a reader of an older minor version skips what it does not know.
    pub minor: u16,
}

/// The trace was written in a format that this build cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("trace format {}.{} cannot be read by this flinkmem, which reads {}.x; use a flinkmem of the agent's version", .0.major, .0.minor, FORMAT.major)]
pub struct UnreadableFormat(pub Format);

impl Format {
    /// Whether this build can read a trace of that format.
    ///
    /// # Errors
    /// [`UnreadableFormat`], whose text says which flinkmem to use instead.
    pub fn check_readable(self) -> Result<(), UnreadableFormat> {
        if self.major == FORMAT.major {
            Ok(())
        } else {
            Err(UnreadableFormat(self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_minor_version_is_readable_and_another_major_is_not() {
        assert!(
            Format {
                major: FORMAT.major,
                minor: FORMAT.minor + 7
            }
            .check_readable()
            .is_ok()
        );
        let refused = Format {
            major: FORMAT.major + 1,
            minor: 0,
        }
        .check_readable();
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("use a flinkmem of the agent's version")
        );
    }
}
