//! Snapshots on demand: somebody leaves a file in the trace directory, the agent takes everything and clears the file away.
//!
//! One system call a base interval looks for the file and takes it out of the way at once, so that a request is served
//! once, whatever else fails. That both names are gone says that the records are on disk.

use flinkmem_trace::control::{SNAPSHOT_REQUEST, SNAPSHOT_UNDER_WAY};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct SnapshotRequest {
    left: PathBuf,
    under_way: PathBuf,
    is_under_way: bool,
}

impl SnapshotRequest {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self {
            left: directory.join(SNAPSHOT_REQUEST),
            under_way: directory.join(SNAPSHOT_UNDER_WAY),
            is_under_way: false,
        }
    }

    /// Whether somebody has asked since the last look.
    pub(super) fn take(&mut self) -> bool {
        let asked = std::fs::rename(&self.left, &self.under_way).is_ok();
        // One that was taken before may still be under way.
        self.is_under_way |= asked;
        asked
    }

    /// What was asked for is on disk.
    pub(super) fn answered(&mut self) {
        if std::mem::take(&mut self.is_under_way) {
            let _ = std::fs::remove_file(&self.under_way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once_and_cleared_away() {
        let directory = tempfile::tempdir().unwrap();
        let mut request = SnapshotRequest::in_directory(directory.path());
        assert!(!request.take());
        std::fs::write(directory.path().join(SNAPSHOT_REQUEST), "").unwrap();
        assert!(request.take());
        assert!(directory.path().join(SNAPSHOT_UNDER_WAY).exists());
        assert!(!request.take());
        request.answered();
        assert!(!request.take());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
