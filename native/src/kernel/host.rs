//! The machine, and facts about this process that do not change.

use nix::unistd::{SysconfVar, sysconf};
use procfs::Current;
use procfs::process::Process;
use std::path::{Path, PathBuf};

/// Host name, or `unknown`.
#[must_use]
pub fn hostname() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Kernel release, such as `6.1.0-18-amd64`.
#[must_use]
pub fn kernel_release() -> Option<String> {
    nix::sys::utsname::uname()
        .ok()?
        .release()
        .to_str()
        .map(str::to_owned)
}

/// Bytes of a memory page.
#[must_use]
pub fn page_size_bytes() -> Option<u64> {
    u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()
}

/// Memory of the host, `MemTotal` of `/proc/meminfo`.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    procfs::Meminfo::current()
        .ok()
        .map(|meminfo| meminfo.mem_total)
}

/// What the host has left, and how it promises memory. Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostMemory {
    /// `MemTotal`.
    pub total_bytes: u64,
    /// `MemAvailable`, since Linux 3.14: what could be had without swapping.
    pub available_bytes: Option<u64>,
    /// `Shmem`: shared memory and files of tmpfs.
    pub shmem_bytes: Option<u64>,
    /// `SwapTotal`.
    pub swap_total_bytes: u64,
    /// `SwapFree`.
    pub swap_free_bytes: u64,
    /// `Committed_AS`: promised to processes.
    pub committed_bytes: u64,
    /// `CommitLimit`: what may be promised, enforced with overcommit mode 2 only.
    pub commit_limit_bytes: Option<u64>,
    /// `vm.overcommit_memory`: 0 refuses what is obviously too much, 1 nothing, 2 what is beyond the limit.
    pub overcommit_memory: Option<u64>,
}

impl HostMemory {
    /// Reads it; `None` when `/proc` is not mounted or hides it.
    #[must_use]
    pub fn read() -> Option<Self> {
        let meminfo = procfs::Meminfo::current().ok()?;
        Some(Self {
            total_bytes: meminfo.mem_total,
            available_bytes: meminfo.mem_available,
            shmem_bytes: meminfo.shmem,
            swap_total_bytes: meminfo.swap_total,
            swap_free_bytes: meminfo.swap_free,
            committed_bytes: meminfo.committed_as,
            commit_limit_bytes: meminfo.commit_limit,
            overcommit_memory: super::read_number(Path::new("/proc/sys/vm/overcommit_memory")),
        })
    }
}

/// Processors that this process may be scheduled on.
#[must_use]
pub fn cpus() -> Option<u32> {
    let set = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).ok()?;
    let allowed = (0..nix::sched::CpuSet::count())
        .filter(|&cpu| set.is_set(cpu).unwrap_or(false))
        .count();
    u32::try_from(allowed).ok()
}

/// Start of the process, milliseconds since the epoch, to the kernel's tick of 10 ms.
#[must_use]
pub fn start_ms(process: &Process) -> Option<i64> {
    let boot_ms = procfs::boot_time_secs().ok()?.checked_mul(1000)?;
    let since_boot_ms = process
        .stat()
        .ok()?
        .starttime
        .checked_mul(1000)?
        .checked_div(procfs::ticks_per_second())?;
    i64::try_from(boot_ms.checked_add(since_boot_ms)?).ok()
}

/// Arguments of the process, as `/proc/self/cmdline` holds them.
#[must_use]
pub fn command_line(process: &Process) -> Vec<String> {
    process.cmdline().unwrap_or_default()
}

/// Files that the process holds open.
#[must_use]
pub fn open_files(process: &Process) -> Vec<PathBuf> {
    let Ok(descriptors) = process.fd() else {
        return Vec::new();
    };
    let target = |descriptor: procfs::process::FDInfo| match descriptor.target {
        procfs::process::FDTarget::Path(path) => Some(path),
        _ => None,
    };
    descriptors
        .filter_map(Result::ok)
        .filter_map(target)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_answers() {
        assert_ne!(hostname(), "unknown");
        assert!(kernel_release().is_some_and(|release| release.contains('.')));
        assert!(page_size_bytes().is_some_and(u64::is_power_of_two));
        assert!(memory_bytes().is_some_and(|bytes| bytes > 1 << 28));
        let memory = HostMemory::read().unwrap();
        assert_eq!(Some(memory.total_bytes), memory_bytes());
        assert!(memory.available_bytes <= Some(memory.total_bytes));
        assert!(memory.overcommit_memory.is_some_and(|mode| mode <= 2));
        assert!(cpus().is_some_and(|cpus| cpus > 0));
    }

    #[test]
    fn an_open_file_is_listed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(open_files(&Process::myself().unwrap()).contains(&file.path().to_path_buf()));
    }

    #[test]
    fn this_process_started_in_the_past() {
        let start = start_ms(&Process::myself().unwrap()).unwrap();
        let now = super::super::clock::wall_ms();
        assert!(
            start <= now + 1000 && now - start < 3_600_000,
            "{start} {now}"
        );
    }
}
