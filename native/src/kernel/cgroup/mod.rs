//! The process's memory cgroup, version 1 or 2: where it is, what it allows, what it holds.
//!
//! Containers in the field run version 2; version 1 is still found, also with version 2 mounted beside it. The memory
//! controller is in exactly one of them, and `/proc/self/cgroup` says in which.

mod memory_parts;
mod pids;
mod v1;
mod v2;

pub use memory_parts::MemoryParts;
pub use pids::{Pids, PidsFiles};

use super::kept::KeptFile;
use procfs::ProcessCGroup;
use procfs::process::{MountInfo, Process};
use std::path::{Path, PathBuf};

/// Which version of the interface accounts the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The `memory` controller's own hierarchy.
    V1,
    /// The unified hierarchy.
    V2,
}

/// One reading, in bytes. Absent is what this version or kernel does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// `memory.usage_in_bytes` or `memory.current`.
    pub usage_bytes: u64,
    /// Lowest limit of the cgroup and its ancestors; absent without a limit.
    pub limit_bytes: Option<u64>,
    /// Anonymous memory, from `memory.stat`.
    pub anon_bytes: Option<u64>,
    /// Page cache, from `memory.stat`.
    pub file_bytes: Option<u64>,
    /// Kernel memory.
    pub kernel_bytes: Option<u64>,
    /// Swap.
    pub swap_bytes: Option<u64>,
    /// Version 1's `memory.failcnt`.
    pub failcnt: Option<u64>,
    /// Version 2's `memory.events`.
    pub events: Option<Events>,
    /// OOM kills so far.
    pub oom_kill: Option<u64>,
}

/// Version 2's `memory.events`, see the kernel's cgroup-v2 document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events {
    /// `low`.
    pub low: u64,
    /// `high`.
    pub high: u64,
    /// `max`.
    pub max: u64,
    /// `oom`.
    pub oom: u64,
}

/// How the CPU quota held the cgroup back, since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throttling {
    /// Periods in which something of the cgroup wanted to run.
    pub periods: u64,
    /// Of these, periods whose quota was used up.
    pub throttled_periods: u64,
    /// Time in which processors were withheld, summed over processors.
    pub throttled_us: u64,
}

/// The memory controller's files, open.
#[derive(Debug)]
enum Files {
    V1(v1::Files),
    V2(v2::Files),
}

/// The cgroups that account a process's memory, CPU time and threads.
#[derive(Debug)]
pub struct Cgroup {
    version: Version,
    /// Path below the hierarchy's mount, as `/proc/self/cgroup` names it.
    path: String,
    /// The memory cgroup's directory first, then its ancestors that can be seen.
    memory: Vec<PathBuf>,
    /// The CPU cgroup's directory.
    cpu: Option<PathBuf>,
    /// The pids cgroup's directory first, then its ancestors that can be seen.
    pids: Vec<PathBuf>,
    files: Files,
    cpu_stat: Option<KeptFile>,
}

impl Cgroup {
    /// Finds the cgroup of `process`; `None` without a mounted memory controller.
    #[must_use]
    pub fn find(process: &Process) -> Option<Self> {
        let cgroups: Vec<ProcessCGroup> = process.cgroups().ok()?.into_iter().collect();
        let mounts: Vec<MountInfo> = process.mountinfo().ok()?.into_iter().collect();
        Self::locate(&cgroups, &mounts, Path::new("/"))
    }

    /// Finds the cgroup of another process: by the mounts of this one, or, where these do not show it (it is in another
    /// container), by those of `process`, which takes the right to look into its file system.
    #[must_use]
    pub fn find_of_other(process: &Process) -> Option<Self> {
        let cgroups: Vec<ProcessCGroup> = process.cgroups().ok()?.into_iter().collect();
        let is_outside =
            |cgroup: &ProcessCGroup| cgroup.pathname.split('/').any(|part| part == "..");
        let (mounts, root) = if cgroups.iter().any(is_outside) {
            let root = format!("/proc/{}/root", process.pid);
            (process.mountinfo().ok()?, PathBuf::from(root))
        } else {
            (
                Process::myself().ok()?.mountinfo().ok()?,
                PathBuf::from("/"),
            )
        };
        let mounts: Vec<MountInfo> = mounts.into_iter().collect();
        Self::locate(&cgroups, &mounts, &root)
    }

    /// `root`: where the file system begins that the mount points are in.
    fn locate(cgroups: &[ProcessCGroup], mounts: &[MountInfo], root: &Path) -> Option<Self> {
        let controller = |name: &str| {
            cgroups
                .iter()
                .find(|cgroup| cgroup.controllers.iter().any(|each| each == name))
        };
        let unified = cgroups.iter().find(|cgroup| cgroup.hierarchy == 0);
        let (version, memory) = match controller("memory") {
            Some(memory) => (Version::V1, memory),
            None => (Version::V2, unified?),
        };
        let mount = |name: &str, cgroup: &ProcessCGroup| {
            let v1 = mounts
                .iter()
                .find(|mount| mount.fs_type == "cgroup" && mount.super_options.contains_key(name));
            let v2 = mounts.iter().find(|mount| mount.fs_type == "cgroup2");
            let mount = if version == Version::V1 { v1 } else { v2 }?;
            let mount_point = mount.mount_point.strip_prefix("/").ok()?;
            Some(visible_directories(
                &root.join(mount_point),
                &mount.root,
                &cgroup.pathname,
            ))
        };
        let of = |name: &str| {
            let cgroup = if version == Version::V1 {
                controller(name)
            } else {
                unified
            };
            mount(name, cgroup?)
        };
        let directories = mount("memory", memory)?;
        let files = match version {
            Version::V1 => Files::V1(v1::Files::open(&directories)?),
            Version::V2 => Files::V2(v2::Files::open(&directories)?),
        };
        let cpu = of("cpu").and_then(|directories| directories.into_iter().next());
        let found = Self {
            version,
            path: memory.pathname.clone(),
            memory: directories,
            cpu_stat: cpu
                .as_deref()
                .and_then(|cpu| KeptFile::open(&cpu.join("cpu.stat"))),
            cpu,
            pids: of("pids").unwrap_or_default(),
            files,
        };
        found.read(false).map(|_| found)
    }

    /// Version of the interface.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Path below the mount, as the kernel names it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reads usage, limit and counters, and `memory.stat` only `with_stat`, for the kernel sums it up over all CPUs.
    /// `None` when the cgroup cannot be read, for example after it was removed.
    #[must_use]
    pub fn read(&self, with_stat: bool) -> Option<Reading> {
        match &self.files {
            Files::V1(files) => files.read(with_stat),
            Files::V2(files) => files.read(with_stat),
        }
    }

    /// The memory cgroup's directory. Under version 2 it is the one of all controllers.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.memory.first().map(PathBuf::as_path)
    }

    /// The files that limit the number of threads.
    #[must_use]
    pub fn pids(&self) -> Option<PidsFiles> {
        PidsFiles::open(&self.pids)
    }

    /// CPU quota in processors; `None` without a quota.
    #[must_use]
    pub fn cpu_quota(&self) -> Option<f64> {
        let directory = self.cpu.as_deref()?;
        match self.version {
            Version::V1 => v1::cpu_quota(directory),
            Version::V2 => v2::cpu_quota(directory),
        }
    }

    /// How the CPU quota held the cgroup back so far; `None` where no quota can be set.
    #[must_use]
    pub fn throttling(&self) -> Option<Throttling> {
        self.cpu_stat.as_ref()?.read(match self.version {
            Version::V1 => v1::throttling,
            Version::V2 => v2::throttling,
        })
    }
}

/// Directories of the cgroup at `path` and of its ancestors, as far as the mount shows them.
///
/// In a container the mount's `root` is often the cgroup itself (no cgroup namespace), or the path leads outside of
/// what is mounted (`/../..`, another namespace); then the mount point is the best that can be had.
fn visible_directories(mount_point: &Path, root: &str, path: &str) -> Vec<PathBuf> {
    let below_root = if root == "/" {
        path
    } else {
        path.strip_prefix(root).unwrap_or("")
    };
    let outside = below_root.split('/').any(|part| part == "..");
    let below_root = if outside {
        ""
    } else {
        below_root.trim_matches('/')
    };
    let directory = mount_point.join(below_root);
    directory
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(mount_point))
        .map(Path::to_path_buf)
        .collect()
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = (v1::throttling(text), v2::throttling(text));
    let (root, path) = text.split_once('\n').unwrap_or((text, ""));
    let _ = visible_directories(Path::new("/sys/fs/cgroup"), root, path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_end_at_the_mount() {
        let found = visible_directories(Path::new("/sys/fs/cgroup"), "/", "/kubepods/pod1/c1");
        let expected = ["kubepods/pod1/c1", "kubepods/pod1", "kubepods", ""]
            .map(|below| Path::new("/sys/fs/cgroup").join(below));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_container_without_a_cgroup_namespace_sees_its_own_cgroup_at_the_mount() {
        let found = visible_directories(
            Path::new("/sys/fs/cgroup/memory"),
            "/docker/abc",
            "/docker/abc",
        );
        assert_eq!(found, [Path::new("/sys/fs/cgroup/memory")]);
    }

    #[test]
    fn a_path_outside_of_the_mount_falls_back_to_the_mount() {
        for (root, path) in [("/", "/../../other"), ("/docker/abc", "/system.slice")] {
            assert_eq!(
                visible_directories(Path::new("/m"), root, path),
                [Path::new("/m")]
            );
        }
    }

    #[test]
    fn this_process_has_a_memory_cgroup_where_one_is_mounted() {
        let Some(cgroup) = Cgroup::find(&Process::myself().unwrap()) else {
            eprintln!("skipped: no memory cgroup is mounted here");
            return;
        };
        let as_another = Cgroup::find_of_other(&Process::myself().unwrap()).unwrap();
        assert_eq!(as_another.directory(), cgroup.directory());
        let reading = cgroup.read(true).unwrap();
        assert!(
            reading.anon_bytes.is_some() && reading.file_bytes.is_some(),
            "{cgroup:?} {reading:?}"
        );
    }
}
