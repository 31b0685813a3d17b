//! Whether what every pool may take fits into the container, together with what the JVM takes beside its pools.

use super::super::Facts;
use super::{Held, Parts, limit};
use crate::case::{Case, Moment};
use flinkmem_trace::Owner;

/// The limits of all pools together. What is not known is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::rules) struct Room {
    /// `-Xmx`.
    pub(in crate::rules) heap: Option<u64>,
    /// `-XX:MaxDirectMemorySize`.
    pub(in crate::rules) direct: Option<u64>,
    /// Managed memory.
    pub(in crate::rules) managed: Option<u64>,
    /// `-XX:MaxMetaspaceSize`.
    pub(in crate::rules) metaspace: Option<u64>,
    /// What the process is configured to take in all.
    pub(in crate::rules) process: Option<u64>,
    /// The share of it that is meant for what is in no pool.
    pub(in crate::rules) overhead: Option<u64>,
    /// What was measured of that at the last ledger: everything resident that is in none of the pools above.
    pub(in crate::rules) overhead_measured: Option<u64>,
    /// What the process would hold with a full heap, everything else as it was at the last ledger.
    pub(in crate::rules) with_full_heap: Option<u64>,
    /// What it would hold with every pool full.
    pub(in crate::rules) with_full_pools: Option<u64>,
    /// Java heap that was resident at the last ledger.
    pub(in crate::rules) heap_resident: Option<u64>,
    /// The container's limit.
    pub(in crate::rules) container: Option<u64>,
}

impl Room {
    pub(super) fn of(facts: Facts<'_>, parts: &Parts, held: &Held) -> Self {
        let case = facts.case;
        let limits = case.observed.jvm_limits;
        let started = facts.budget.map(|budget| budget.started);
        let mut room = Self {
            heap: limits.heap,
            direct: case.direct_limit(),
            managed: started.and_then(|pools| pools.managed),
            metaspace: limits.metaspace,
            process: started.and_then(|pools| pools.total_process),
            overhead: started.and_then(|pools| pools.jvm_overhead),
            container: limit(case),
            ..Self::default()
        };
        if parts.ledgers > 0 {
            room.measure(case, parts, held);
        }
        room
    }

    fn measure(&mut self, case: &Case, parts: &Parts, held: &Held) {
        let last = &case.timeline;
        let direct = last.last(Moment::direct_bytes).unwrap_or(0);
        let anonymous: u64 = parts
            .list
            .iter()
            .filter(|part| !is_file(part.owner))
            .fold(0, |sum, part| sum.saturating_add(part.last));
        let heap = parts.last(Owner::JavaHeap);
        let metaspace = parts
            .last(Owner::Metaspace)
            .saturating_add(parts.last(Owner::ClassSpace));
        // RocksDB's memory is managed memory as far as it goes; what it takes beyond that is beside the pools.
        let rocksdb = case.timeline.moments.iter().rev().find_map(|moment| {
            let figures = moment.rocksdb?;
            figures.cache_usage_bytes.max(figures.memtables_bytes)
        });
        let managed = parts
            .last(Owner::FlinkManagedSegments)
            .saturating_add(rocksdb.unwrap_or(0))
            .min(self.managed.unwrap_or(u64::MAX));
        let in_pools = [heap, metaspace, direct, managed]
            .into_iter()
            .fold(0, u64::saturating_add);
        // The container holds more than the process's own: page tables, buffers of connections, other processes.
        let all = held.at(parts.to_ms).unwrap_or(0).max(anonymous);
        let beside = all.saturating_sub(in_pools);
        self.heap_resident = Some(heap);
        self.overhead_measured = Some(beside);
        let rest = all.saturating_sub(heap);
        self.with_full_heap = self.heap.map(|limit| rest.saturating_add(limit.max(heap)));
        let full = [self.heap, self.direct, self.metaspace];
        let full = full.into_iter().sum::<Option<u64>>();
        self.with_full_pools = full.map(|sum| {
            sum.saturating_add(self.managed.unwrap_or(0))
                .saturating_add(beside)
        });
    }
}

/// Mapped from files: the kernel can drop such pages, but for those that were written to.
fn is_file(owner: Owner) -> bool {
    matches!(
        owner,
        Owner::MappedJars
            | Owner::MappedLibraries
            | Owner::MappedJdkModules
            | Owner::MappedFiles
            | Owner::CdsArchive
            | Owner::Kernel
    )
}
