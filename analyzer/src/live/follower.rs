//! One trace that is followed.

use crate::case::Case;
use flinkmem_trace::TraceError;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A trace with everything that was read of it so far.
#[derive(Debug)]
pub struct Follower {
    directory: PathBuf,
    case: Case,
    seen: Option<Seen>,
}

/// How far the files of a trace had grown when they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Follower {
    /// Reads the trace in `directory` for the first time.
    ///
    /// # Errors
    /// [`TraceError`] when there is no trace that this build can read.
    pub fn open(directory: &Path) -> Result<Self, TraceError> {
        let seen = Seen::of(directory);
        Ok(Self {
            directory: directory.to_owned(),
            case: Case::read(directory)?,
            seen,
        })
    }

    /// Takes in what was written since; false when that is nothing.
    ///
    /// # Errors
    /// [`TraceError`] when the trace is gone. What was read before stays in [`Self::case`].
    pub fn advance(&mut self) -> Result<bool, TraceError> {
        let now = Seen::of(&self.directory);
        if now.is_some() && now == self.seen {
            return Ok(false);
        }
        self.case = Case::read(&self.directory)?;
        self.seen = now;
        Ok(true)
    }

    /// What is known of the process so far.
    #[must_use]
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The trace's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Seen {
    fn of(directory: &Path) -> Option<Self> {
        let files = std::fs::read_dir(directory).ok()?.flatten();
        let nothing = Self {
            bytes: 0,
            modified: None,
        };
        Some(
            files
                .filter_map(|entry| entry.metadata().ok())
                .fold(nothing, |sum, metadata| Self {
                    bytes: sum.bytes.saturating_add(metadata.len()),
                    modified: sum.modified.max(metadata.modified().ok()),
                }),
        )
    }
}
