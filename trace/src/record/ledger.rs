//! Every resident byte with its owner.

use super::Taken;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every resident byte with its owner. The parts add up to `rss_bytes`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Ledger {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Sum of `Rss` of all mappings in `/proc/self/smaps`, read one after the other while the process went on.
    pub rss_bytes: u64,
    /// `VmRSS` of `/proc/self/status` right afterwards. The kernel counts it loosely, by up to some pages a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_rss_bytes: Option<u64>,
    /// Sum of `Swap`.
    pub swap_bytes: u64,
    /// Huge pages set aside by the administrator; not in `rss_bytes`.
    pub hugetlb_bytes: u64,
    /// Mappings in all.
    pub mappings: u32,
    /// Resident bytes by owner, largest first. An owner without any is left out.
    pub parts: Vec<LedgerPart>,
    /// What the allocator says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocator: Option<AllocatorFigures>,
    /// The largest anonymous mappings that no owner could be found for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unclaimed: Vec<UnclaimedMapping>,
    /// Threads in all.
    pub threads: u32,
    /// Threads whose stack could not be told, for they were running whenever they were looked at.
    pub threads_without_stack: u32,
    /// Wall time that the kernel took for `smaps`, microseconds.
    pub smaps_us: u64,
}

impl Ledger {
    /// Resident bytes of one owner.
    #[must_use]
    pub fn bytes(&self, owner: Owner) -> u64 {
        let parts = self.parts.iter().filter(|part| part.owner == owner);
        parts.map(|part| part.bytes).sum()
    }

    /// Share of the resident bytes that has an owner, 1 for none resident.
    #[must_use]
    pub fn attributed(&self) -> f64 {
        if self.rss_bytes == 0 {
            return 1.0;
        }
        1.0 - self.bytes(Owner::Unclaimed) as f64 / self.rss_bytes as f64
    }
}

/// Resident bytes of one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LedgerPart {
    /// Whose they are.
    pub owner: Owner,
    /// Resident bytes.
    pub bytes: u64,
    /// For off-heap memory: sampled blocks behind the figure, which is an estimate; its relative error is about one over
    /// the square root of that. Absent where pages were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
}

/// Who resident memory belongs to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Java objects.
    JavaHeap,
    /// Class metadata outside of class space.
    Metaspace,
    /// Class metadata that compressed class pointers reach.
    ClassSpace,
    /// Class data sharing: `.jsa` files outside of the heap.
    CdsArchive,
    /// Compiled code and the tables beside it.
    CodeCache,
    /// What the JVM mapped for itself before the application ran, or in areas that it reserved then: card tables, bitmaps and
    /// other tables of the collector, and a few pages for safepoints and counters.
    GcStructures,
    /// Stacks of threads that run Java code.
    JavaThreadStacks,
    /// Stacks of the JVM's own threads: collector, compiler, VM operations, signals.
    JvmThreadStacks,
    /// Stacks of threads that a library started, of the first thread, and of none.
    NativeThreadStacks,
    /// Flink's network buffers.
    FlinkNetworkSegments,
    /// Flink's managed memory segments; not RocksDB, which allocates by itself.
    FlinkManagedSegments,
    /// Netty as the application brings it.
    Netty,
    /// Netty under the names that Flink ships it with.
    NettyShaded,
    /// Buffers that `sun.nio.ch` keeps for each thread.
    NioThreadCaches,
    /// Other off-heap memory that classes which are neither the JDK's nor Flink's allocated: user code and its libraries.
    UserOffHeap,
    /// Other off-heap memory, of Flink or the JDK, or with an unknown stack.
    OtherOffHeap,
    /// What is in use of `malloc`'s memory beyond the off-heap memory above: by the JVM and by libraries.
    MallocInUse,
    /// What `malloc` keeps resident although it is not in use.
    MallocFree,
    /// Mapped jar and zip files.
    MappedJars,
    /// Mapped libraries and programs, with what was written to their data.
    MappedLibraries,
    /// The JDK's own classes (`lib/modules`).
    MappedJdkModules,
    /// Other mapped files.
    MappedFiles,
    /// Shared memory: `/dev/shm`, System V, `memfd`.
    SharedMemory,
    /// The agent's library and tables.
    Agent,
    /// Pages of the kernel's in the process (`[vdso]`, `[vvar]`).
    Kernel,
    /// No owner was found, or one that this reader does not know.
    #[default]
    #[serde(other)]
    Unclaimed,
}

/// What the allocator says of itself. A figure that it does not have is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AllocatorFigures {
    /// `glibc`, `jemalloc`, `tcmalloc`, `mimalloc`, `musl` or `unknown`; figures are had of the first two.
    pub name: String,
    /// Resident bytes of the memory that it manages, off-heap memory included.
    pub resident_bytes: u64,
    /// Bytes in use as it counts them, not all of which need be resident (glibc: `uordblks` + `hblkhd`; jemalloc:
    /// `stats.allocated`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_use_bytes: Option<u64>,
    /// Bytes free in its arenas, not all of which need be resident (glibc: `fordblks`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Bytes of large blocks that are mapped on their own (glibc: `hblkhd`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mmapped_bytes: Option<u64>,
    /// Bytes of such blocks that were recognised in the address space: as many as `mmapped_bytes`, or some hide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mmapped_found_bytes: Option<u64>,
    /// Arenas now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arenas: Option<u64>,
    /// The most that there may be, where it was set (glibc) or is told (jemalloc: `opt.narenas`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arenas_limit: Option<u64>,
    /// jemalloc's `stats.active`: pages that hold blocks in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_bytes: Option<u64>,
    /// jemalloc's `stats.arenas.<all>.pdirty` in bytes: used once, free now, not given back yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dirty_bytes: Option<u64>,
    /// jemalloc's `stats.metadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_bytes: Option<u64>,
    /// jemalloc's `stats.resident`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats_resident_bytes: Option<u64>,
    /// jemalloc's `stats.mapped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapped_bytes: Option<u64>,
    /// jemalloc's `stats.retained`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained_bytes: Option<u64>,
    /// glibc's parameters that the environment sets, by the names of its tunables: `arena_max`, `mmap_threshold`, `top_pad`,
    /// `trim_threshold`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, u64>,
}

/// An anonymous mapping, or the part of one, that no owner could be found for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UnclaimedMapping {
    /// First address, hexadecimal.
    pub address: String,
    /// Length.
    pub size_bytes: u64,
    /// Resident.
    pub rss_bytes: u64,
    /// As in `smaps`: `rw-p`.
    pub permissions: String,
    /// Name, where it has one (`[anon:…]`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What ends where it begins: an owner, or the last part of a file's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What begins where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}
