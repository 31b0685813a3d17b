//! The options that the model reads: keys, deprecated spellings, defaults.
//!
//! A default that a release changed is not here but in [`super::changes`], and given by the derivation.

/// One option of Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlinkOption {
    /// The proper key.
    pub key: &'static str,
    /// Older keys that still count, by falling priority.
    pub deprecated: &'static [&'static str],
    /// Default as Flink prints it; none if there is none.
    pub default: Option<&'static str>,
}

const fn option(key: &'static str) -> FlinkOption {
    FlinkOption {
        key,
        deprecated: &[],
        default: None,
    }
}

impl FlinkOption {
    const fn default(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }

    const fn deprecated(self, deprecated: &'static [&'static str]) -> Self {
        Self { deprecated, ..self }
    }

    /// As Flink prints an option in its messages.
    #[must_use]
    pub fn print(&self) -> String {
        let fallbacks: Vec<String> = self
            .deprecated
            .iter()
            .map(|key| format!("{{key={key}, isDeprecated=true}}"))
            .collect();
        format!(
            "Key: '{}' , default: {} (fallback keys: [{}])",
            self.key,
            self.default.unwrap_or("null"),
            fallbacks.join(", ")
        )
    }
}

/// Options of the TaskManager.
pub mod tm {
    use super::{FlinkOption, option};

    macro_rules! memory {
        ($name:literal) => {
            option(concat!("taskmanager.memory.", $name))
        };
    }

    /// Everything: what a container is asked for.
    pub const PROCESS: FlinkOption = memory!("process.size");
    /// Without metaspace and overhead.
    pub const FLINK: FlinkOption = memory!("flink.size");
    /// Heap for Flink itself.
    pub const FRAMEWORK_HEAP: FlinkOption = memory!("framework.heap.size").default("128 mb");
    /// Direct and native memory for Flink itself.
    pub const FRAMEWORK_OFF_HEAP: FlinkOption =
        memory!("framework.off-heap.size").default("128 mb");
    /// Heap for operators and user code.
    pub const TASK_HEAP: FlinkOption = memory!("task.heap.size");
    /// Direct and native memory for operators and user code.
    pub const TASK_OFF_HEAP: FlinkOption = memory!("task.off-heap.size").default("0 bytes");
    /// Managed memory, fixed.
    pub const MANAGED: FlinkOption =
        memory!("managed.size").deprecated(&["taskmanager.memory.size"]);
    /// Managed memory, as a share of Flink's.
    pub const MANAGED_FRACTION: FlinkOption = memory!("managed.fraction").default("0.4");
    /// Network memory, at least.
    pub const NETWORK_MIN: FlinkOption = memory!("network.min")
        .default("64 mb")
        .deprecated(&["taskmanager.network.memory.min"]);
    /// Network memory, at most. The default changed in 1.17.
    pub const NETWORK_MAX: FlinkOption =
        memory!("network.max").deprecated(&["taskmanager.network.memory.max"]);
    /// Network memory, as a share of Flink's.
    pub const NETWORK_FRACTION: FlinkOption = memory!("network.fraction")
        .default("0.1")
        .deprecated(&["taskmanager.network.memory.fraction"]);
    /// Limit of metaspace. 1.10.0 had another default.
    pub const METASPACE: FlinkOption = memory!("jvm-metaspace.size");
    /// Overhead, at least.
    pub const OVERHEAD_MIN: FlinkOption = memory!("jvm-overhead.min").default("192 mb");
    /// Overhead, at most.
    pub const OVERHEAD_MAX: FlinkOption = memory!("jvm-overhead.max").default("1 gb");
    /// Overhead, as a share of the process's.
    pub const OVERHEAD_FRACTION: FlinkOption = memory!("jvm-overhead.fraction").default("0.1");
    /// Size of one buffer and one page of managed memory.
    pub const SEGMENT: FlinkOption = memory!("segment-size").default("32 kb");
    /// Shares of managed memory by consumer.
    pub const WEIGHTS: FlinkOption = memory!("managed.consumer-weights");
    /// Slots.
    pub const SLOTS: FlinkOption = option("taskmanager.numberOfTaskSlots").default("1");
    /// CPU cores; derived from the slots if unset.
    pub const CPU: FlinkOption = option("taskmanager.cpu.cores");
    /// Number of network buffers, the way before `network.fraction`.
    pub const NUMBER_OF_BUFFERS: FlinkOption = option("taskmanager.network.numberOfBuffers");
    /// Exclusive buffers of a channel.
    pub const BUFFERS_PER_CHANNEL: FlinkOption =
        option("taskmanager.network.memory.buffers-per-channel").default("2");
    /// Floating buffers of a gate.
    pub const FLOATING_BUFFERS: FlinkOption =
        option("taskmanager.network.memory.floating-buffers-per-gate").default("8");
    /// Heap of the model before 1.10.
    pub const LEGACY_HEAP: FlinkOption = option("taskmanager.heap.size");
    /// The same, in mebibytes.
    pub const LEGACY_HEAP_MB: FlinkOption = option("taskmanager.heap.mb");
    /// Share of RocksDB's memory for write buffers.
    pub const ROCKSDB_WRITE_RATIO: FlinkOption =
        option("state.backend.rocksdb.memory.write-buffer-ratio").default("0.5");
    /// Share of RocksDB's cache for indexes and filters.
    pub const ROCKSDB_HIGH_PRIORITY_RATIO: FlinkOption =
        option("state.backend.rocksdb.memory.high-prio-pool-ratio").default("0.1");
    /// Whether RocksDB takes its memory from managed memory.
    pub const ROCKSDB_MANAGED: FlinkOption =
        option("state.backend.rocksdb.memory.managed").default("true");
    /// RocksDB's memory for one slot, outside managed memory.
    pub const ROCKSDB_FIXED_PER_SLOT: FlinkOption =
        option("state.backend.rocksdb.memory.fixed-per-slot");
    /// Part of framework off-heap that batch jobs read shuffled data with; 1.13 and later.
    pub const BATCH_SHUFFLE: FlinkOption = memory!("framework.off-heap.batch-shuffle.size");
    /// RocksDB's memory for the whole process, outside managed memory.
    pub const ROCKSDB_FIXED_PER_TM: FlinkOption =
        option("state.backend.rocksdb.memory.fixed-per-tm");
    /// State backend.
    pub const STATE_BACKEND: FlinkOption =
        option("state.backend.type").deprecated(&["state.backend"]);
    /// Factor from request to limit in Kubernetes.
    pub const KUBERNETES_LIMIT_FACTOR: FlinkOption =
        option("kubernetes.taskmanager.memory.limit-factor").default("1.0");
}

/// Options of the JobManager.
pub mod jm {
    use super::{FlinkOption, option};

    macro_rules! memory {
        ($name:literal) => {
            option(concat!("jobmanager.memory.", $name))
        };
    }

    /// Everything: what a container is asked for.
    pub const PROCESS: FlinkOption = memory!("process.size");
    /// Without metaspace and overhead.
    pub const FLINK: FlinkOption = memory!("flink.size");
    /// Heap.
    pub const HEAP: FlinkOption = memory!("heap.size");
    /// Direct and native memory.
    pub const OFF_HEAP: FlinkOption = memory!("off-heap.size").default("128 mb");
    /// Whether the off-heap size becomes `-XX:MaxDirectMemorySize`.
    pub const DIRECT_LIMIT: FlinkOption =
        memory!("enable-jvm-direct-memory-limit").default("false");
    /// Limit of metaspace.
    pub const METASPACE: FlinkOption = memory!("jvm-metaspace.size");
    /// Overhead, at least.
    pub const OVERHEAD_MIN: FlinkOption = memory!("jvm-overhead.min").default("192 mb");
    /// Overhead, at most.
    pub const OVERHEAD_MAX: FlinkOption = memory!("jvm-overhead.max").default("1 gb");
    /// Overhead, as a share of the process's.
    pub const OVERHEAD_FRACTION: FlinkOption = memory!("jvm-overhead.fraction").default("0.1");
    /// Heap of the model before 1.11.
    pub const LEGACY_HEAP: FlinkOption = option("jobmanager.heap.size");
    /// The same, in mebibytes.
    pub const LEGACY_HEAP_MB: FlinkOption = option("jobmanager.heap.mb");
    /// Factor from request to limit in Kubernetes.
    pub const KUBERNETES_LIMIT_FACTOR: FlinkOption =
        option("kubernetes.jobmanager.memory.limit-factor").default("1.0");
}

/// Options of the model before 1.10 that no later model reads.
pub mod before_1_10 {
    use super::{FlinkOption, option};

    /// Share of a container that is kept from the heap.
    pub const CUTOFF_RATIO: FlinkOption = option("containerized.heap-cutoff-ratio").default("0.25");
    /// What is kept from the heap at least, mebibytes.
    pub const CUTOFF_MIN: FlinkOption = option("containerized.heap-cutoff-min").default("600");
    /// Managed memory, fixed, mebibytes without a unit.
    pub const MANAGED: FlinkOption = option("taskmanager.memory.size");
    /// Managed memory, as a share of the heap.
    pub const MANAGED_FRACTION: FlinkOption = option("taskmanager.memory.fraction").default("0.7");
    /// Whether managed memory is off the heap.
    pub const OFF_HEAP: FlinkOption = option("taskmanager.memory.off-heap").default("false");
    /// Whether managed memory is allocated at the start.
    pub const PREALLOCATE: FlinkOption = option("taskmanager.memory.preallocate").default("false");
    /// Network memory, at least.
    pub const NETWORK_MIN: FlinkOption = option("taskmanager.network.memory.min").default("64mb");
    /// Network memory, at most.
    pub const NETWORK_MAX: FlinkOption = option("taskmanager.network.memory.max").default("1gb");
    /// Network memory, as a share of the JVM's.
    pub const NETWORK_FRACTION: FlinkOption =
        option("taskmanager.network.memory.fraction").default("0.1");
    /// Number of network buffers.
    pub const NUMBER_OF_BUFFERS: FlinkOption =
        option("taskmanager.network.numberOfBuffers").default("2048");
}
