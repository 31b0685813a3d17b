//! What is outside the JVM and can fill its container: children, other processes, page cache, the kernel, the host.
//!
//! One pass over `/proc` for names and parents, and `status` of those that matter. Processes beyond [`MOST_PROCESSES`] are
//! counted, not read.

use super::{Context, IncidentFacts, Signal};
use flinkmem_native::kernel::cgroup::{Cgroup, MemoryParts};
use flinkmem_native::kernel::host::HostMemory;
use flinkmem_native::kernel::processes::{self, OtherProcesses};
use flinkmem_trace::{CgroupMemory, OtherProcess, ProcessTotals, Record, Relation, Surroundings};
use procfs::process::Process;
use std::time::Duration;

/// Processes of the host that are looked at: in a container there are few, and each costs some ten microseconds.
const MOST_PROCESSES: usize = 1024;

/// Processes that are written down.
const WRITTEN: usize = 32;

/// The cgroup, found once.
pub(super) struct SurroundingsSignal {
    cgroup: Option<Cgroup>,
}

impl SurroundingsSignal {
    pub(super) fn open() -> Self {
        Self {
            cgroup: Process::myself().ok().as_ref().and_then(Cgroup::find),
        }
    }
}

impl Signal for SurroundingsSignal {
    fn interval(&self, near: bool) -> Option<Duration> {
        Some(Duration::from_secs(if near { 10 } else { 30 }))
    }

    fn wants(&self, _: &IncidentFacts) -> bool {
        true
    }

    fn take(&mut self, context: &mut Context<'_, '_>) {
        let is_limited = |cgroup: flinkmem_trace::Cgroup| cgroup.limit_bytes.is_some();
        // Without a limit the cgroup may be the host's own, and its processes are everybody's.
        let limited = context.sample.cgroup.is_some_and(is_limited);
        let cgroup = self.cgroup.as_ref().filter(|_| limited);
        let found = OtherProcesses::read(cgroup, MOST_PROCESSES);
        let looked = found.is_some();
        let found = found.unwrap_or_default();
        let mut processes: Vec<_> = found.processes.into_iter().map(other_process).collect();
        let totals = |relation| totals(&processes, relation);
        let (descendants, neighbours) = (totals(Relation::Descendant), totals(Relation::Neighbour));
        processes.sort_by_key(|process| std::cmp::Reverse((process.vm_rss_bytes, process.pid)));
        processes.truncate(WRITTEN);
        let record = Surroundings {
            descendants: looked.then_some(descendants),
            neighbours: (looked && cgroup.is_some()).then_some(neighbours),
            processes,
            zombies: found.zombies as u64,
            unread_processes: found.unread as u64,
            cgroup: self
                .cgroup
                .as_ref()
                .and_then(Cgroup::memory_parts)
                .map(cgroup_memory),
            host: HostMemory::read().map(host_memory),
            taken: context.taken(),
        };
        context.write(Record::Surroundings(Box::new(record)));
    }
}

fn totals(processes: &[OtherProcess], relation: Relation) -> ProcessTotals {
    let mut totals = ProcessTotals::default();
    for process in processes
        .iter()
        .filter(|process| process.relation == relation)
    {
        totals.count += 1;
        totals.vm_rss_bytes += process.vm_rss_bytes;
        totals.unreclaimable_bytes += process.rss_anon_bytes + process.rss_shmem_bytes;
        totals.threads += process.threads;
    }
    totals
}

fn other_process(process: processes::OtherProcess) -> OtherProcess {
    let status = process.status.unwrap_or_default();
    OtherProcess {
        pid: process.pid,
        parent: process.parent,
        comm: process.comm,
        relation: match process.relation {
            processes::Relation::Descendant => Relation::Descendant,
            processes::Relation::Neighbour => Relation::Neighbour,
        },
        vm_rss_bytes: status.vm_rss_bytes,
        rss_anon_bytes: status.rss_anon_bytes,
        rss_shmem_bytes: status.rss_shmem_bytes,
        vm_swap_bytes: status.vm_swap_bytes,
        threads: status.threads,
    }
}

fn cgroup_memory(parts: MemoryParts) -> CgroupMemory {
    CgroupMemory {
        anon_bytes: parts.anon_bytes,
        file_bytes: parts.file_bytes,
        shmem_bytes: parts.shmem_bytes,
        file_mapped_bytes: parts.file_mapped_bytes,
        active_file_bytes: parts.active_file_bytes,
        inactive_file_bytes: parts.inactive_file_bytes,
        dirty_bytes: parts.dirty_bytes,
        kernel_bytes: parts.kernel_bytes,
        slab_reclaimable_bytes: parts.slab_reclaimable_bytes,
        slab_unreclaimable_bytes: parts.slab_unreclaimable_bytes,
        kernel_stack_bytes: parts.kernel_stack_bytes,
        pagetables_bytes: parts.pagetables_bytes,
        sock_bytes: parts.sock_bytes,
        high_bytes: parts.high_bytes,
        swap_limit_bytes: parts.swap_limit_bytes,
        refaulted_file_pages: parts.refaulted_file_pages,
    }
}

fn host_memory(memory: HostMemory) -> flinkmem_trace::HostMemory {
    flinkmem_trace::HostMemory {
        total_bytes: memory.total_bytes,
        available_bytes: memory.available_bytes,
        shmem_bytes: memory.shmem_bytes,
        swap_total_bytes: memory.swap_total_bytes,
        swap_free_bytes: memory.swap_free_bytes,
        committed_bytes: memory.committed_bytes,
        commit_limit_bytes: memory.commit_limit_bytes,
        overcommit_memory: memory.overcommit_memory,
    }
}
