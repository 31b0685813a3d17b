//! What is outside the JVM: children, other processes, host.

use super::Taken;
use serde::{Deserialize, Serialize};

/// What is outside the JVM: children, other processes, the container's account, the host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Surroundings {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Children of the process and theirs; absent where `/proc` cannot be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descendants: Option<ProcessTotals>,
    /// Other processes in the memory cgroup; absent where that has no limit, or `/proc` cannot be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<ProcessTotals>,
    /// The largest of both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<OtherProcess>,
    /// Children that have ended and that nobody has waited for: they hold a process id.
    pub zombies: u64,
    /// Processes of the host that were not looked at, for there are too many.
    pub unread_processes: u64,
    /// What the memory cgroup's usage is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupMemory>,
    /// What the host has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostMemory>,
}

/// Several processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ProcessTotals {
    /// Processes.
    pub count: u64,
    /// Their resident memory. What several have mapped is counted in each.
    pub vm_rss_bytes: u64,
    /// Of it anonymous and shared memory, which cannot be given back.
    pub unreclaimable_bytes: u64,
    /// Their threads.
    pub threads: u64,
}

/// What a process is to the JVM's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A child, or a child's child.
    #[default]
    Descendant,
    /// In the same memory cgroup, and no descendant.
    Neighbour,
}

/// A process other than the JVM's. Its arguments are not recorded: they may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct OtherProcess {
    /// Process id.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// The kernel's name for it: the first 15 letters of its program's, or what it calls itself.
    pub comm: String,
    /// What it is to the JVM's.
    pub relation: Relation,
    /// `VmRSS`: resident.
    pub vm_rss_bytes: u64,
    /// `RssAnon`.
    pub rss_anon_bytes: u64,
    /// `RssShmem`.
    pub rss_shmem_bytes: u64,
    /// `VmSwap`.
    pub vm_swap_bytes: u64,
    /// Threads.
    pub threads: u64,
}

/// The memory cgroup's usage in parts. Absent is what this version or kernel does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CgroupMemory {
    /// Anonymous memory of all processes in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anon_bytes: Option<u64>,
    /// Page cache, shared memory included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// Of it shared memory and files of a tmpfs, such as an `emptyDir` in memory: only swap can take them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shmem_bytes: Option<u64>,
    /// Of it what processes have mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_mapped_bytes: Option<u64>,
    /// Of it what was used lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_file_bytes: Option<u64>,
    /// Of it what is reclaimed first. Kubernetes takes it off the usage and calls the rest the working set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inactive_file_bytes: Option<u64>,
    /// Of it what is not yet on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dirty_bytes: Option<u64>,
    /// The kernel's own memory for the cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_bytes: Option<u64>,
    /// Of it slab that can be reclaimed (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slab_reclaimable_bytes: Option<u64>,
    /// Of it other slab (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slab_unreclaimable_bytes: Option<u64>,
    /// Of it the kernel's stacks of threads (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_stack_bytes: Option<u64>,
    /// Of it page tables (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagetables_bytes: Option<u64>,
    /// Buffers of network connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sock_bytes: Option<u64>,
    /// `memory.high`, from which on processes are slowed down (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_bytes: Option<u64>,
    /// Limit of swap (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_limit_bytes: Option<u64>,
    /// Pages of files that were read anew soon after they had been reclaimed, so far (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refaulted_file_pages: Option<u64>,
}

/// Memory of the host, as `/proc/meminfo` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HostMemory {
    /// `MemTotal`.
    pub total_bytes: u64,
    /// `MemAvailable`: what could be had without swapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_bytes: Option<u64>,
    /// `Shmem`: shared memory and files of tmpfs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shmem_bytes: Option<u64>,
    /// `SwapTotal`.
    pub swap_total_bytes: u64,
    /// `SwapFree`.
    pub swap_free_bytes: u64,
    /// `Committed_AS`: promised to processes.
    pub committed_bytes: u64,
    /// `CommitLimit`: what may be promised; enforced with overcommit mode 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_limit_bytes: Option<u64>,
    /// `vm.overcommit_memory`: 0 refuses what is obviously too much, 1 nothing, 2 what is beyond the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overcommit_memory: Option<u64>,
}
