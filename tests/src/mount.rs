//! Small file systems, to have full and read-only disks.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A file system in memory, unmounted when dropped.
#[derive(Debug)]
pub struct Tmpfs {
    directory: TempDir,
}

impl Tmpfs {
    /// Mounts one with these options, such as `size=256k` or `ro`.
    ///
    /// # Errors
    /// When this user may not mount.
    pub fn mount(options: &str) -> Result<Self> {
        let tmpfs = Self {
            directory: tempfile::Builder::new().prefix("flinkmem-lab-").tempdir()?,
        };
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "flinkmem-lab"])
            .arg(tmpfs.path())
            .output()
            .context("cannot run mount")?;
        ensure!(
            output.status.success(),
            "cannot mount a tmpfs: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(tmpfs)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazy, for the JVM that used it may be ending just now. Where mounting failed there is nothing to undo.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .output();
    }
}
