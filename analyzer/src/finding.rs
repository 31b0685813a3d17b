//! A finding: what a rule says when it fires. The limit that was hit and the consumer that used it up are separate claims.

pub use crate::forecast::Forecast;

use crate::budget::Pools;
use crate::units::rfc3339;
use serde::Serialize;
use std::collections::BTreeMap;

/// A diagnosis with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// What it is.
    pub label: Label,
    /// How bad it is.
    pub severity: Severity,
    /// How sure the label is, from 0 to 1.
    pub confidence: f64,
    /// Labels that the same facts allow as well, where they prove the limit but not the cause; the likelier first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Label>,
    /// Which limit.
    pub limit: LimitClaim,
    /// Who used it up.
    pub consumer: Consumer,
    /// What is to come; absent when the limit was hit or the process ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// What it rests on, the strongest first.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub remedy: Remedy,
    /// What to gather to be surer; reports merge it.
    #[serde(skip)]
    pub collect: Vec<String>,
    /// When it was first told, wall clock, milliseconds since the epoch; where a line told it that has a time.
    #[serde(skip)]
    pub told_ms: Option<i64>,
}

/// The labels with their names, each once. Its comment is its description in one line; its page lies in `docs/labels/`.
macro_rules! labels {
    ($($(#[doc = $doc:literal])* $label:ident => $name:literal,)*) => {
        /// Names of causes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Label {
            $($(#[doc = $doc])* $label,)*
        }

        impl Label {
            /// All of them, by the limits that they are about.
            pub const ALL: &'static [Self] = &[$(Self::$label),*];

            /// The label's name, as in JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$label => $name,)*
                }
            }

            /// What it is, in one line.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$label => concat!($($doc),*).trim_ascii(),)*
                }
            }

            /// Its page: what it is, how it is told from its neighbours, what to do, what it looks like.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$label => include_str!(concat!("../../docs/labels/", $name, ".md")),)*
                }
            }
        }
    };
}

labels! {
    /// The live set is legitimate and larger than the heap.
    HeapUndersized => "heap_undersized",
    /// State or buffers are kept on the heap by design, without bound.
    HeapStateGrowth => "heap_state_growth",
    /// Objects are forgotten by record, checkpoint, job or failure.
    HeapLeak => "heap_leak",
    /// One call loads a whole result into the heap.
    HeapBulkMaterialization => "heap_bulk_materialization",
    /// Heap buffers times open writers.
    HeapManyWriters => "heap_many_writers",
    /// A JobManager or coordinator holds splits, executions, schemas.
    JmHeapMetadata => "jm_heap_metadata",
    /// One array beyond the JVM's limit; no size helps.
    ArrayLimit => "array_limit",
    /// Pauses longer than the timeout of heartbeats.
    GcPauseHeartbeat => "gc_pause_heartbeat",
    /// Direct buffers survive their purpose; a larger limit only delays.
    DirectLeak => "direct_leak",
    /// Legitimate users of direct memory need more than its limit.
    DirectUndersized => "direct_undersized",
    /// Temporary direct buffers of NIO, cached per thread.
    DirectNioThreadCache => "direct_nio_thread_cache",
    /// Flink, Netty or Pekko take direct memory outside the network pool.
    DirectFrameworkShuffle => "direct_framework_shuffle",
    /// Network memory exceeds the limit on direct memory at the start.
    NetworkPoolUnallocatable => "network_pool_unallocatable",
    /// The topology needs more network buffers than there are.
    NetworkBuffersInsufficient => "network_buffers_insufficient",
    /// Network buffers are lost when jobs end.
    NetworkBufferLeak => "network_buffer_leak",
    /// More managed memory is reserved than there is.
    ManagedUndersized => "managed_undersized",
    /// The classes of the jobs present need more metaspace.
    MetaspaceUndersized => "metaspace_undersized",
    /// Class loaders of ended jobs stay reachable.
    ClassloaderLeak => "classloader_leak",
    /// An error that should have ended the process did not.
    OomSwallowedZombie => "oom_swallowed_zombie",
    /// Threads never end.
    ThreadLeak => "thread_leak",
    /// A limit on threads was hit.
    ThreadLimit => "thread_limit",
    /// Native objects of RocksDB are not closed.
    RocksdbNativeLeak => "rocksdb_native_leak",
    /// RocksDB takes more than its managed memory.
    RocksdbOverBudget => "rocksdb_over_budget",
    /// The allocator keeps what was freed.
    AllocatorFragmentation => "allocator_fragmentation",
    /// `Unsafe` memory or a foreign-memory arena is not freed, which no limit of the JVM counts.
    UnsafeMemoryLeak => "unsafe_memory_leak",
    /// Contexts of compressors are not ended.
    CodecNativeLeak => "codec_native_leak",
    /// An engine with pools of its own keeps native memory.
    NativeEngineLeak => "native_engine_leak",
    /// Mapped files are counted as resident.
    MmapFileAccounting => "mmap_file_accounting",
    /// A child of the process fills the container.
    OtherChildProcess => "other_child_process",
    /// A Python worker fills the container.
    PythonProcessMemory => "python_process_memory",
    /// The limits of all pools add up to the container.
    JvmOverheadUndersized => "jvm_overhead_undersized",
    /// The container is smaller than the process is configured to be.
    ContainerLimitBelowBudget => "container_limit_below_budget",
    /// Memory outside every limit of the JVM, whose owner is not known.
    NativeGrowthUnattributed => "native_growth_unattributed",
    /// YARN's check of virtual memory.
    YarnVmemLimit => "yarn_vmem_limit",
    /// The host has no memory.
    HostMemoryExhausted => "host_memory_exhausted",
    /// A policy or a script, not memory.
    SandboxLimit => "sandbox_limit",
    /// Another program than Flink ran out of memory.
    OtherProcessOom => "other_process_oom",
    /// No matter of memory.
    NotMemory => "not_memory",
    /// Parts of the configuration exceed the whole.
    MemoryConfigInconsistent => "memory_config_inconsistent",
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will fail, or costs already.
    Warning,
    /// Failed, or is about to.
    Critical,
}

impl Severity {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The limit that was hit or approached.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LimitClaim {
    /// Name of the limit: `heap`, `direct`, `metaspace`, `class_space`, `network_buffers`, `managed`, `container`, `threads`, `array`,
    /// `heartbeat`, `host`, `none`.
    pub name: &'static str,
    /// How sure it is that this limit was hit, from 0 to 1; absent where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The limit; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The most that was held against it at any sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
    /// Whether something did not fit.
    pub reached: bool,
}

/// Who used the limit up.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Consumer {
    /// What `name` is the name of.
    pub kind: ConsumerKind,
    /// The name, such as `com.acme.Enricher.open`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Line in the source at which the allocation happens or is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its share of the growth, or of the use where nothing grows; from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How sure the name is, from 0 to 1.
    pub confidence: f64,
}

/// What a consumer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsumerKind {
    /// A method that allocates or has allocated.
    CallSite,
    /// A class whose objects are held.
    Class,
    /// A class loader, by the path that keeps it.
    ClassLoader,
    /// A library.
    Library,
    /// Threads, by the pattern of their names.
    Thread,
    /// A memory pool.
    Pool,
    /// A part of Flink.
    Component,
    /// Another process.
    Process,
    /// Not known.
    Unknown,
}

/// One fact, and where it was read.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Evidence {
    /// In a sentence.
    pub text: String,
    /// The series or record it was read from.
    pub signal: &'static str,
    /// Begin, RFC 3339; absent for a line without a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// End, RFC 3339; absent for a line without a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The figure, in the signal's unit: bytes, a count, or bytes a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// Options to set; empty where no option helps.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Options to take out of the configuration, for they would contradict it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// The configuration that is taken for the present one, where none was given: the fewest options that derive to the pools that the
    /// process was started with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub assumes: BTreeMap<String, String>,
    /// The pools as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Pools>,
    /// The pools with the options set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Pools>,
}

impl Evidence {
    /// A fact about a stretch of wall-clock time, milliseconds since the epoch.
    #[must_use]
    pub fn new(text: String, signal: &'static str, from_ms: i64, to_ms: i64) -> Self {
        Self {
            text,
            signal,
            from: Some(rfc3339(from_ms)),
            to: Some(rfc3339(to_ms)),
            value: None,
        }
    }

    /// A fact that a line tells, which may have no time.
    #[must_use]
    pub fn told(text: String, from_ms: Option<i64>, to_ms: Option<i64>) -> Self {
        Self {
            text,
            signal: "line",
            from: from_ms.map(rfc3339),
            to: to_ms.map(rfc3339),
            value: None,
        }
    }

    /// The same with its figure.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<Option<u64>>) -> Self {
        self.value = value.into();
        self
    }
}

impl Consumer {
    /// A consumer that is not known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            kind: ConsumerKind::Unknown,
            name: None,
            line: None,
            share: None,
            confidence: 0.0,
        }
    }
}

/// A probability to two digits: more would be a claim that nobody can check.
#[must_use]
pub fn two_digits(value: f64) -> f64 {
    (value.clamp(0.0, 1.0) * 100.0).round() / 100.0
}
