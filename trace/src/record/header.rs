//! What does not change during a JVM's life.

use super::PreviousLife;
use crate::Format;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The first record of every file of a trace.
///
/// Everything here is recorded by allow-list: command lines hold passwords.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Header {
    /// Format version of the trace.
    pub format: Format,
    /// Wall clock, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Version of the agent that wrote this.
    pub agent_version: String,
    /// The agent's options as it understood them, defaults filled in.
    pub agent_options: BTreeMap<String, String>,
    /// Host name.
    pub host: String,
    /// Process id, as the process itself sees it.
    pub pid: u32,
    /// Start of the process, milliseconds since the epoch.
    pub start_ms: i64,
    /// The agent came into a JVM that ran already: what it counts itself (`off_heap`, `sites`, `pauses`) begins then, and
    /// blocks of before are in none of it. Its wrappers stand before the first record is written, so `up_ms` 0 is the
    /// begin. Absent when it started with the JVM.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attached_late: bool,
    /// The JVM.
    pub jvm: Jvm,
    /// Facts about Flink; absent in any other JVM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink: Option<FlinkFacts>,
    /// The machine and the container around the process.
    pub system: System,
    /// The life of the process before this one; absent when its trace is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousLife>,
}

impl Default for Format {
    fn default() -> Self {
        crate::FORMAT
    }
}

/// The JVM and how it was started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Jvm {
    /// `java.version`, such as `17.0.15`.
    pub version: String,
    /// `java.vm.version`, with the build.
    pub vm_version: String,
    /// `java.vm.name`.
    pub vm_name: String,
    /// `java.vendor`.
    pub vendor: String,
    /// JVM arguments in order, those on the allow-list (`-X…`, `-XX:…` and Flink's own; no other system property).
    pub arguments: Vec<String>,
    /// Arguments that were left out because they are not on the allow-list.
    pub arguments_withheld: u32,
    /// HotSpot flags in force that matter for memory (`MaxHeapSize`, `MaxDirectMemorySize`, `UseG1GC` …).
    pub flags: BTreeMap<String, String>,
    /// Main class or jar file name, without arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_class: Option<String>,
    /// Limit on direct memory as `java.nio.Bits` enforces it; absent until the JVM has set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_direct_bytes: Option<u64>,
}

/// What the command line and the class path say about Flink.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FlinkFacts {
    /// `tm`, `jm` or `other` (a client, a local execution).
    pub process: String,
    /// Version, from the name of the flink-dist jar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Memory options given as `-D key=value` after the main class, as the start script resolved them.
    pub options: BTreeMap<String, String>,
}

/// The machine and the container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct System {
    /// Kernel release.
    pub kernel: String,
    /// Memory page, bytes.
    pub page_size_bytes: u64,
    /// Memory of the host, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_memory_bytes: Option<u64>,
    /// Processors that the process may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// CPU quota of the cgroup, in processors; absent without a quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// cgroup version that accounts the process's memory, 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<u8>,
    /// Path of the process's memory cgroup, relative to the hierarchy's mount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_path: Option<String>,
    /// Memory limit in force at the start: the lowest of the cgroup and its ancestors; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_limit_bytes: Option<u64>,
    /// `malloc` of the process: `glibc`, `jemalloc`, `tcmalloc`, `mimalloc`, `musl` or `unknown`.
    pub allocator: String,
    /// Version of the allocator, where it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocator_version: Option<String>,
}
