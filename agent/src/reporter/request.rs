//! Snapshots on demand: somebody leaves a file in the trace directory, the agent takes everything and clears the file away.
//!
//! One system call a base interval looks for the file and takes it out of the way at once, so that a request is served
//! once, whatever else fails. That both names are gone says that the records are on disk.

use flinkmem_trace::control::{
    MOST_PATIENCE, SNAPSHOT_REQUEST, SNAPSHOT_UNDER_WAY, USUAL_PATIENCE,
};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

    /// Whether somebody has asked since the last look, and for how long Java threads may stand still for it.
    pub(super) fn take(&mut self) -> Option<Duration> {
        let asked = std::fs::rename(&self.left, &self.under_way).is_ok();
        // One that was taken before may still be under way.
        self.is_under_way |= asked;
        asked.then(|| self.patience())
    }

    /// What cannot be understood is the usual: whoever wrote it meant a snapshot.
    fn patience(&self) -> Duration {
        /// Digits, and no more of a file that may hold anything.
        const MOST_BYTES: u64 = 16;
        let mut text = String::new();
        let file = std::fs::File::open(&self.under_way);
        let read = file.and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
        let millis = read.ok().and_then(|_| text.trim().parse().ok());
        millis.map_or(USUAL_PATIENCE, |millis| {
            Duration::from_millis(millis).min(MOST_PATIENCE)
        })
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
        assert_eq!(request.take(), None);
        std::fs::write(directory.path().join(SNAPSHOT_REQUEST), "").unwrap();
        assert_eq!(request.take(), Some(USUAL_PATIENCE));
        assert!(directory.path().join(SNAPSHOT_UNDER_WAY).exists());
        assert_eq!(request.take(), None);
        request.answered();
        assert_eq!(request.take(), None);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_request_may_say_how_long_threads_may_stand_still() {
        let directory = tempfile::tempdir().unwrap();
        let mut request = SnapshotRequest::in_directory(directory.path());
        for (text, patience) in [
            ("250\n", Duration::from_millis(250)),
            ("99999999999", MOST_PATIENCE),
            ("0", Duration::ZERO),
            ("soon", USUAL_PATIENCE),
            ("-1", USUAL_PATIENCE),
        ] {
            std::fs::write(directory.path().join(SNAPSHOT_REQUEST), text).unwrap();
            assert_eq!(request.take(), Some(patience), "{text}");
        }
    }
}
