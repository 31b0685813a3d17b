//! One trace that is followed.

use crate::case::Case;
use flinkmem_trace::{Damage, GrowingTrace, Growth, TraceError};
use std::path::{Path, PathBuf};

/// A trace with everything that was read of it so far, each record once. Of a long life old history is kept thinned, so that
/// a follower stays within some tens of MiB for weeks.
#[derive(Debug)]
pub struct Follower {
    directory: PathBuf,
    trace: GrowingTrace,
    case: Case,
    /// What was skipped of the history of before the trace was followed.
    history_damage: Damage,
}

impl Follower {
    /// Reads the trace in `directory` for the first time.
    ///
    /// # Errors
    /// [`TraceError`] when there is no trace that this build can read.
    pub fn open(directory: &Path) -> Result<Self, TraceError> {
        let mut trace = GrowingTrace::open(directory)?;
        let (case, history_damage) = Case::begin(&mut trace)?;
        Ok(Self {
            directory: directory.to_owned(),
            trace,
            case,
            history_damage,
        })
    }

    /// Takes in what was written since; false when that is nothing. Where another trace took the place of this one, that is read.
    ///
    /// # Errors
    /// [`TraceError`] when the trace is gone. What was read before stays in [`Self::case`].
    pub fn advance(&mut self) -> Result<bool, TraceError> {
        match self.case.advance(&mut self.trace, self.history_damage)? {
            Growth::None => Ok(false),
            Growth::Grew => Ok(true),
            Growth::Replaced => {
                *self = Self::open(&self.directory)?;
                Ok(true)
            }
        }
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
