//! Control groups with a limit, to have containers' faults without a container.

use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A group of cgroup version 1, removed when dropped. Processes in it must have ended by then.
#[derive(Debug)]
pub struct Cgroup {
    directory: PathBuf,
}

impl Cgroup {
    /// A group of the memory controller whose processes may use `limit_bytes` together.
    ///
    /// # Errors
    /// When there is no such controller here, or this user may not make groups.
    pub fn memory(limit_bytes: u64) -> Result<Self> {
        Self::create("memory", "memory.limit_in_bytes", limit_bytes)
    }

    /// A group of the pids controller with at most `max` threads.
    ///
    /// # Errors
    /// When there is no such controller here, or this user may not make groups.
    pub fn pids(max: u64) -> Result<Self> {
        Self::create("pids", "pids.max", max)
    }

    /// A group of the cpu controller whose processes may use this much of one processor together.
    ///
    /// # Errors
    /// When there is no such controller here, or this user may not make groups.
    pub fn cpu(percent: u64) -> Result<Self> {
        // The quota is for a period, which is 100 ms unless set otherwise.
        Self::create("cpu", "cpu.cfs_quota_us", percent * 1000)
    }

    /// What a process writes to in order to enter.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn procs(&self) -> Result<File> {
        let path = self.directory.join("cgroup.procs");
        OpenOptions::new()
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))
    }

    fn create(controller: &str, limit: &str, value: u64) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory =
            own_group(controller)?.join(format!("flinkmem-lab-{}-{number}", std::process::id()));
        std::fs::create_dir(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let group = Self { directory };
        let file = group.directory.join(limit);
        std::fs::write(&file, value.to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(group)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A group whose last process is just being reaped is busy for a moment.
        let _ = crate::wait::wait_for("the cgroup to empty", crate::wait::PATIENCE, || {
            Ok(std::fs::remove_dir(&self.directory).ok())
        });
    }
}

/// This process's own group in a version 1 hierarchy.
fn own_group(controller: &str) -> Result<PathBuf> {
    let mount = Path::new("/sys/fs/cgroup").join(controller);
    let groups = std::fs::read_to_string("/proc/self/cgroup")?;
    let path = groups
        .lines()
        .filter_map(|line| {
            line.splitn(3, ':')
                .skip(1)
                .collect::<Vec<_>>()
                .try_into()
                .ok()
        })
        .find_map(|[names, path]: [&str; 2]| {
            names
                .split(',')
                .any(|name| name == controller)
                .then_some(path)
        })
        .with_context(|| format!("no cgroup v1 controller {controller} here"))?;
    // In a container the hierarchy may be mounted at this process's group.
    let full = mount.join(path.trim_start_matches('/'));
    Ok(if full.is_dir() { full } else { mount })
}
