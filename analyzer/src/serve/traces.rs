//! Which traces lie in a directory, and when each was written last.

use flinkmem_trace::{TraceError, find_traces};
use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Most processes that are followed. Each holds its samples in memory and makes some 150 series.
pub(super) const MOST_PROCESSES: usize = 200;

/// A trace that may be of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its directory.
    pub(super) directory: PathBuf,
    /// When one of its files was written last.
    pub(super) written: SystemTime,
}

/// The traces that were written lately, the latest first, and how many more there are than may be followed.
///
/// # Errors
/// When the directory cannot be listed.
pub(super) fn recent(directory: &Path, within: Duration) -> Result<(Vec<Found>, u64), TraceError> {
    let named = match find_traces(directory) {
        Ok(named) => named,
        // Processes that have not started yet.
        Err(TraceError::NoTrace(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let now = SystemTime::now();
    let is_old = |written: SystemTime| now.duration_since(written).is_ok_and(|age| age > within);
    let mut found: Vec<Found> = named
        .into_iter()
        .filter_map(|directory| {
            let written = last_written(&directory)?;
            (!is_old(written)).then_some(Found { directory, written })
        })
        .collect();
    found.sort_by_key(|trace| Reverse(trace.written));
    let left_out = found.len().saturating_sub(MOST_PROCESSES);
    found.truncate(MOST_PROCESSES);
    Ok((found, u64::try_from(left_out).unwrap_or(u64::MAX)))
}

/// When a file in it was written last; `None` where that cannot be told.
fn last_written(directory: &Path) -> Option<SystemTime> {
    let files = std::fs::read_dir(directory).ok()?.flatten();
    let written = files.filter_map(|file| file.metadata().ok()?.modified().ok());
    written.max()
}
