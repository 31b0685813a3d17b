//! All sources, read at one tick.

use super::{FlinkInside, NettyCopy, Paging, Pids, Psi, RocksDb, Safepoints};
use serde::{Deserialize, Serialize};

/// One tick. A group is absent when its source could not be read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Sample {
    /// Wall clock, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Counters of `java.nio.Bits`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<DirectMemory>,
    /// The agent's own account of `Unsafe` memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_heap: Option<OffHeap>,
    /// The Java heap as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap: Option<Heap>,
    /// The JVM's memory pools, under the JVM's names. Empty while the heap is too full for the JVM to be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// The JVM's collectors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collectors: Vec<Collector>,
    /// Stop-the-world collections, as bracketed by the JVM's events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pauses: Option<Pauses>,
    /// Safepoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safepoints: Option<Safepoints>,
    /// Threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<Threads>,
    /// The cgroup's limit on threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<Pids>,
    /// Classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// `/proc/self/status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The memory cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cgroup>,
    /// CPU time of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Pressure stall information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Psi>,
    /// Major faults and swapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// Netty's own accounts of direct memory, one for each copy of Netty; once a base interval.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub netty: Vec<NettyCopy>,
    /// Flink's own figures; once a base interval, from when its objects were found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink: Option<FlinkInside>,
    /// RocksDB's own figures; absent where no object of RocksDB is alive that was made since the agent was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rocksdb: Option<RocksDb>,
    /// Call sites with the most live off-heap bytes; not in every sample.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<SiteUse>,
    /// What the agent itself cost and lost.
    pub agent: AgentCost,
}

/// Counters of `java.nio.Bits`: memory of `ByteBuffer.allocateDirect` and everything that reserves through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DirectMemory {
    /// `RESERVED_MEMORY`: bytes reserved, with page alignment.
    pub reserved_bytes: u64,
    /// `TOTAL_CAPACITY`: sum of the buffers' capacities. This is what the JVM holds against the limit.
    pub capacity_bytes: u64,
    /// `COUNT`: buffers.
    pub count: u64,
    /// `MAX_MEMORY`: the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// How the bytes of live off-heap memory are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Accounting {
    /// The allocator's usable size of each block, the same at both ends.
    #[default]
    UsableSize,
    /// The size asked for, kept in a table (under Native Memory Tracking).
    Table,
}

/// `Unsafe.allocateMemory`, `reallocateMemory` and `freeMemory`, counted by the agent since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct OffHeap {
    /// Bytes live now: direct buffers, Netty and Flink managed segments, user code.
    pub live_bytes: u64,
    /// Blocks live now.
    pub live_count: u64,
    /// Bytes allocated so far.
    pub allocated_bytes: u64,
    /// Blocks allocated so far.
    pub allocated_count: u64,
    /// How the bytes are counted.
    pub accounting: Accounting,
    /// Mean distance between sampled stacks now, bytes.
    pub sampling_bytes: u64,
}

/// The Java heap, from the JVM's own totals; no Java object is made to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Heap {
    /// Used, garbage included.
    pub used_bytes: u64,
    /// Committed.
    pub committed_bytes: u64,
    /// Limit, `-Xmx` (less a survivor space under some collectors).
    pub max_bytes: u64,
    /// Used after the last collection of each pool, summed: the live set, as old as the last collection of the old
    /// generation. Absent before the first collection, and as long as an old generation in use was never collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_gc_bytes: Option<u64>,
}

/// What a pool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// Java objects.
    #[default]
    Heap,
    /// Class metadata, class space included (the JVM's `Metaspace` pool).
    Metaspace,
    /// The part of metaspace that compressed class pointers reach.
    ClassSpace,
    /// Compiled code; one pool or several segments.
    CodeCache,
    /// Anything else that is not heap.
    Other,
}

/// One memory pool of the JVM.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Pool {
    /// The JVM's name, such as `G1 Old Gen` or `Metaspace`.
    pub name: String,
    /// What it holds.
    pub kind: PoolKind,
    /// Used.
    pub used_bytes: u64,
    /// Committed.
    pub committed_bytes: u64,
    /// Limit; absent where the pool has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Used after the last collection of this pool; absent where the JVM does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_gc_bytes: Option<u64>,
}

/// One collector of the JVM.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Collector {
    /// The JVM's name, such as `G1 Young Generation`.
    pub name: String,
    /// Collections so far.
    pub count: u64,
    /// Time spent so far, milliseconds.
    pub time_ms: u64,
}

/// Stop-the-world collections between the JVM's start and finish events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Pauses {
    /// Pauses so far.
    pub count: u64,
    /// Their total, microseconds.
    pub total_us: u64,
    /// The longest since the last sample, microseconds.
    pub longest_us: u64,
    /// Collections so far, of which a concurrent one has several pauses: the age of blocks is counted in these.
    pub collections: u64,
}

/// Java threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Threads {
    /// Live.
    pub live: u64,
    /// Of them daemons.
    pub daemon: u64,
    /// Most that were ever live.
    pub peak: u64,
    /// Started so far.
    pub started: u64,
}

/// Java classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Classes {
    /// Loaded so far, unloaded ones included.
    pub loaded: u64,
    /// Unloaded so far.
    pub unloaded: u64,
}

/// `/proc/self/status`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Process {
    /// `VmRSS`: resident.
    pub vm_rss_bytes: u64,
    /// `RssAnon`: resident anonymous memory.
    pub rss_anon_bytes: u64,
    /// `RssFile`: resident file mappings.
    pub rss_file_bytes: u64,
    /// `RssShmem`: resident shared memory.
    pub rss_shmem_bytes: u64,
    /// `VmSwap`: swapped out.
    pub vm_swap_bytes: u64,
    /// `Threads`: of the kernel, so also those that are not Java's.
    pub threads: u64,
}

/// The process's memory cgroup, version 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Cgroup {
    /// `memory.usage_in_bytes` or `memory.current`.
    pub usage_bytes: u64,
    /// The lowest limit of the cgroup and its ancestors; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// Anonymous memory (`rss` of version 1's `memory.stat`, `anon` of version 2's).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anon_bytes: Option<u64>,
    /// Page cache (`cache`, `file`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// Kernel memory (`memory.kmem.usage_in_bytes`, `kernel`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_bytes: Option<u64>,
    /// Swap used by the cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<u64>,
    /// Version 1's `memory.failcnt`: charges that met the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failcnt: Option<u64>,
    /// Version 2's `memory.events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<CgroupEvents>,
    /// OOM kills in the cgroup (`memory.oom_control`, `memory.events`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_kill: Option<u64>,
}

/// Counters of cgroup version 2's `memory.events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CgroupEvents {
    /// Reclaims below the `low` boundary.
    pub low: u64,
    /// Throttled above `high`.
    pub high: u64,
    /// Usage was about to go over `max`.
    pub max: u64,
    /// The limit was hit and allocation failed or the OOM killer ran.
    pub oom: u64,
}

/// CPU time of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Cpu {
    /// User and system time of all threads so far, microseconds.
    pub process_us: u64,
    /// Time the cgroup was held back by its CPU quota so far, microseconds; not in every sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_us: Option<u64>,
    /// Periods of the quota so far in which something wanted to run; not in every sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periods: Option<u64>,
    /// Of these, periods whose quota was used up; not in every sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_periods: Option<u64>,
}

/// Live off-heap memory of one call site, estimated without bias from sampled stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SiteUse {
    /// The site's [`id`](crate::Site::id).
    pub id: u32,
    /// Bytes live now.
    pub live_bytes: u64,
    /// Blocks live now.
    pub live_count: u64,
    /// Of the live bytes, those older than the last [`OLD_COLLECTIONS`](Self::OLD_COLLECTIONS) collections.
    pub old_bytes: u64,
    /// Sampled blocks behind the figures: fewer samples, wider error.
    pub samples: u32,
}

impl SiteUse {
    /// A block is old when it was there before this many collections.
    pub const OLD_COLLECTIONS: u64 = 3;
}

/// What the agent itself cost and lost, since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AgentCost {
    /// CPU time of the agent's thread, microseconds.
    pub cpu_us: u64,
    /// Memory of the agent's own tables in use, bytes.
    pub memory_bytes: u64,
    /// Bytes that the agent has allocated beside its tables.
    pub heap_bytes: u64,
    /// Bytes of the trace on disk now.
    pub disk_bytes: u64,
    /// Time that this tick took, microseconds, writing not included.
    pub tick_us: u64,
    /// Ticks that came more than half an interval late.
    pub late_ticks: u64,
    /// The longest time since the last sample that the agent's thread slept beyond what it asked the kernel for,
    /// microseconds: a process that was stopped or held back shows here, a JVM that paused does not.
    pub overslept_us: u64,
    /// Records that could not be written.
    pub dropped_records: u64,
    /// Sampled allocations that found no room in the table.
    pub dropped_samples: u64,
    /// Stacks that found no room in the table.
    pub dropped_stacks: u64,
    /// Allocations whose size found no room in the table of exact sizes (Native Memory Tracking only).
    pub dropped_sizes: u64,
    /// Incidents that were counted but not written, for there were too many alike.
    pub dropped_incidents: u64,
    /// Long pauses that were not written one by one, for there were too many between two ticks.
    pub dropped_pauses: u64,
    /// Sources that could not be read at some tick.
    pub failed_reads: u64,
}
