//! What the kernel tells of the process.

use flinkmem_native::kernel::cgroup::{Cgroup, PidsFiles, Reading};
use flinkmem_native::kernel::status::Status;
use flinkmem_trace::{self as trace, Sample};
use procfs::process::Process;
use std::path::PathBuf;

/// The files of a process, as far as they can be kept open.
#[derive(Debug)]
pub(super) struct Kernel {
    process: PathBuf,
    pub(super) cgroup: Option<Cgroup>,
    pids: Option<PidsFiles>,
}

impl Kernel {
    pub(super) fn of(process: &Process) -> Self {
        let cgroup = Cgroup::find_of_other(process);
        Self {
            process: PathBuf::from(format!("/proc/{}", process.pid)),
            pids: cgroup.as_ref().and_then(Cgroup::pids),
            cgroup,
        }
    }

    /// Puts what it says now into a sample.
    pub(super) fn read(&self, process: &Process, sample: &mut Sample) {
        sample.process = Status::of(&self.process).map(resident);
        sample.cgroup = self.cgroup.as_ref().and_then(|cgroup| {
            let reading = cgroup.read(true)?;
            Some(account(reading))
        });
        sample.pids = self.pids.as_ref().and_then(|files| {
            let pids = files.read()?;
            Some(trace::Pids {
                current: pids.current,
                max: pids.max,
            })
        });
        sample.cpu = process.stat().ok().map(|stat| {
            let ticks = stat.utime.saturating_add(stat.stime);
            let per_second = procfs::ticks_per_second().max(1);
            trace::Cpu {
                process_us: ticks.saturating_mul(1_000_000) / per_second,
                ..trace::Cpu::default()
            }
        });
    }

    /// The memory limit of the container.
    pub(super) fn limit_bytes(&self) -> Option<u64> {
        self.cgroup.as_ref()?.read(false)?.limit_bytes
    }

    /// OOM kills in the cgroup so far.
    pub(super) fn oom_kills(&self) -> Option<u64> {
        self.cgroup.as_ref()?.read(false)?.oom_kill
    }
}

/// Bytes of anonymous memory in huge pages, which may be resident without having been asked for. The kernel walks the page tables to
/// tell; milliseconds, more with more memory. `None` without the right to look into the process.
pub(super) fn huge_pages_bytes(process: &Process) -> Option<u64> {
    let rollup = process.smaps_rollup().ok()?;
    let whole = rollup.memory_map_rollup.into_iter().next()?;
    whole.extension.map.get("AnonHugePages").copied()
}

fn resident(status: Status) -> trace::Process {
    trace::Process {
        vm_rss_bytes: status.vm_rss_bytes,
        rss_anon_bytes: status.rss_anon_bytes,
        rss_file_bytes: status.rss_file_bytes,
        rss_shmem_bytes: status.rss_shmem_bytes,
        vm_swap_bytes: status.vm_swap_bytes,
        threads: status.threads,
    }
}

fn account(reading: Reading) -> trace::Cgroup {
    trace::Cgroup {
        usage_bytes: reading.usage_bytes,
        limit_bytes: reading.limit_bytes,
        anon_bytes: reading.anon_bytes,
        file_bytes: reading.file_bytes,
        kernel_bytes: reading.kernel_bytes,
        swap_bytes: reading.swap_bytes,
        failcnt: reading.failcnt,
        events: reading.events.map(|events| trace::CgroupEvents {
            low: events.low,
            high: events.high,
            max: events.max,
            oom: events.oom,
        }),
        oom_kill: reading.oom_kill,
    }
}
