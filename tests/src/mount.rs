//! Small file systems, to have full and read-only disks, and what a container has for its root.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
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

/// Two layers, as container runtimes make a root of an image and what is written.
#[derive(Debug)]
pub struct Overlay {
    layers: Tmpfs,
}

impl Overlay {
    /// Mounts one.
    ///
    /// # Errors
    /// When this user may not mount.
    pub fn mount() -> Result<Self> {
        let overlay = Self {
            layers: Tmpfs::mount("size=128m")?,
        };
        let layer = |name: &str| overlay.layers.path().join(name);
        for name in ["image", "written", "work", "root"] {
            std::fs::create_dir(layer(name))?;
        }
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            layer("image").display(),
            layer("written").display(),
            layer("work").display()
        );
        let output = Command::new("mount")
            .args(["-t", "overlay", "-o", &options, "overlay"])
            .arg(overlay.path())
            .output()
            .context("cannot run mount")?;
        ensure!(
            output.status.success(),
            "cannot mount an overlay: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(overlay)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.layers.path().join("root")
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        // The layers below go with their own file system.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .output();
    }
}
