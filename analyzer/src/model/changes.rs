//! What each Flink version changed about the memory model: the one place where versions are compared.
//!
//! Read [`Behaviour::of`] from top to bottom: it starts from 1.10 and applies each release's changes in order. The rest
//! of the model asks for a behaviour, never for a version. Versions that are not named changed nothing: 1.18, 1.19, 2.1,
//! 2.2 and 2.3 derive the same bytes as their predecessor. The model of 1.9 and older is another one: `model::legacy`.

use super::version::FlinkVersion;

const MIB: u64 = 1 << 20;

/// How a release derives memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// The TaskManager is derived from nested pools; before, by a shell script or a heap cut-off.
    pub task_manager_pools: bool,
    /// The JobManager is derived from nested pools.
    pub job_manager_pools: bool,
    /// A refusal of a TaskManager's configuration is prefixed with `TaskManager memory configuration failed: `.
    pub task_manager_prefix: bool,
    /// The same for the JobManager.
    pub job_manager_prefix: bool,
    /// A process size too small for Flink's memory and metaspace has a message of its own.
    pub small_process_message: bool,
    /// The wording of 1.10: "Either Task Heap Memory size …", "Configured/Derived Flink internal memory sizes".
    pub wording_of_1_10: bool,
    /// `OVerhead`, the typing error in one line of the log.
    pub overhead_typing_error: bool,
    /// Managed memory is shared among its consumers by weight.
    pub consumer_weights: Option<WeightNames>,
    /// A malformed map option is quoted in the refusal instead of being named.
    pub quotes_malformed_map: bool,
    /// The script hands metaspace and overhead to the process as `-D` options too.
    pub resolved_metaspace_and_overhead: bool,
    /// The number of slots is part of the derivation, so that a bad number refuses the whole configuration.
    pub slots_in_derivation: bool,
    /// Decimal places to which CPU cores are cut when the model is derived; none before 1.14.
    pub cpu_places: Option<u32>,
    /// Decimal places to which a slot's share of CPU is cut.
    pub slot_cpu_places: u32,
    /// RocksDB warns when its arena block is larger than what its write buffers may hold.
    pub rocksdb_arena_check: bool,
    /// Kubernetes' memory limit can be set as a multiple of the request.
    pub limit_factor: bool,
    /// Default of `taskmanager.memory.jvm-metaspace.size` and its JobManager sibling, bytes.
    pub metaspace_default_bytes: u64,
    /// Default of `taskmanager.memory.network.max`, bytes.
    pub network_max_default_bytes: u64,
    /// Default of `taskmanager.memory.framework.off-heap.batch-shuffle.size`, bytes; absent before there was one.
    pub batch_shuffle_bytes: Option<u64>,
    /// Buffers that a sort shuffle asks for at least, and the parallelism from which one is used.
    pub sort_shuffle: Option<SortShuffle>,
    /// A gate's required buffers can be capped (`read-buffer.required-per-gate.max`).
    pub required_buffers_capped: bool,
    /// Overdraft buffers a gate may take beyond its share; absent before there were any.
    pub overdraft_buffers: Option<u64>,
    /// RocksDB's memory can be fixed for the whole TaskManager (`fixed-per-tm`).
    pub rocksdb_fixed_per_tm: bool,
    /// `taskmanager.heap.*`, `jobmanager.heap.*`, `FLINK_TM_HEAP`, `FLINK_JM_HEAP` and
    /// `taskmanager.network.numberOfBuffers` still count.
    pub legacy_options: bool,
    /// `flink-conf.yaml` is read when it is there.
    pub reads_flink_conf: bool,
    /// `config.yaml`, standard YAML 1.2, is read.
    pub reads_config_yaml: bool,
    /// Number of buffers per channel and gate can be configured; constants since 2.0.
    pub configurable_buffers: bool,
}

/// What the consumers of managed memory are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightNames {
    /// 1.12: `DATAPROC` for batch operators and state backends, `PYTHON`; any other name is refused.
    Dataproc,
    /// 1.13: `OPERATOR`, `STATE_BACKEND`, `PYTHON`, where `DATAPROC` stands in for the first two.
    OperatorOrDataproc,
    /// 2.0: the three alone.
    Operator,
}

/// Sort shuffle of a blocking result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortShuffle {
    /// Default of `taskmanager.network.sort-shuffle.min-buffers`.
    pub min_buffers: u64,
    /// Default of `taskmanager.network.sort-shuffle.min-parallelism`.
    pub min_parallelism: u64,
}

impl Behaviour {
    /// How `version` derives memory: 1.10 and every change since, in order.
    #[must_use]
    pub fn of(version: FlinkVersion) -> Self {
        let mut is = Self::of_1_10();
        if !version.is_since(1, 10) {
            // 1.9 and older: the shell script's and the cut-off's model.
            is.task_manager_pools = false;
        }
        if version == FlinkVersion::release(1, 10, 0) {
            is.metaspace_default_bytes = 96 * MIB;
        }
        if version.is_since(1, 11) {
            is.job_manager_pools = true;
            is.task_manager_prefix = true;
            is.job_manager_prefix = true;
            is.small_process_message = true;
            is.wording_of_1_10 = false;
        }
        if version.is_since(1, 12) {
            is.consumer_weights = Some(WeightNames::Dataproc);
            is.resolved_metaspace_and_overhead = true;
            is.rocksdb_arena_check = true;
            is.sort_shuffle = Some(SortShuffle {
                min_buffers: 64,
                min_parallelism: 2_147_483_647,
            });
        }
        if version.is_since(1, 13) {
            is.consumer_weights = Some(WeightNames::OperatorOrDataproc);
            is.slots_in_derivation = true;
            is.batch_shuffle_bytes = Some(32 * MIB);
        }
        if version.is_since(1, 14) {
            is.cpu_places = Some(8);
            is.slot_cpu_places = 8;
        }
        if version.is_since(1, 15) {
            is.batch_shuffle_bytes = Some(64 * MIB);
            is.limit_factor = true;
            is.sort_shuffle = Some(SortShuffle {
                min_buffers: 512,
                min_parallelism: 1,
            });
        }
        if version.is_since(1, 16) {
            is.overhead_typing_error = false;
            is.overdraft_buffers = Some(5);
        }
        if version.is_since(1, 17) {
            // Above a process size of about 10.4 GiB network memory grows from here on, and task heap shrinks.
            is.network_max_default_bytes = i64::MAX.unsigned_abs();
            is.required_buffers_capped = true;
            is.rocksdb_fixed_per_tm = true;
            is.quotes_malformed_map = false;
        }
        if version.is_since(1, 19) {
            is.reads_config_yaml = true;
        }
        if version.is_since(2, 0) {
            is.reads_flink_conf = false;
            is.legacy_options = false;
            is.consumer_weights = Some(WeightNames::Operator);
            is.job_manager_prefix = false;
            is.configurable_buffers = false;
        }
        is
    }

    fn of_1_10() -> Self {
        Self {
            task_manager_pools: true,
            job_manager_pools: false,
            task_manager_prefix: false,
            job_manager_prefix: false,
            small_process_message: false,
            wording_of_1_10: true,
            overhead_typing_error: true,
            consumer_weights: None,
            quotes_malformed_map: true,
            resolved_metaspace_and_overhead: false,
            slots_in_derivation: false,
            cpu_places: None,
            slot_cpu_places: 16,
            rocksdb_arena_check: false,
            limit_factor: false,
            metaspace_default_bytes: 256 * MIB,
            network_max_default_bytes: 1024 * MIB,
            batch_shuffle_bytes: None,
            sort_shuffle: None,
            required_buffers_capped: false,
            overdraft_buffers: None,
            rocksdb_fixed_per_tm: false,
            legacy_options: true,
            reads_flink_conf: true,
            reads_config_yaml: false,
            configurable_buffers: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Behaviour {
        Behaviour::of(text.parse().unwrap())
    }

    #[test]
    fn releases_that_changed_nothing_behave_like_their_predecessor() {
        for (a, b) in [
            ("2.0.2", "2.3.0"),
            ("1.19.3", "1.20.5"),
            ("1.17.2", "1.18.1"),
        ] {
            assert_eq!(of(a), of(b), "{a} {b}");
        }
    }

    #[test]
    fn network_memory_is_unbounded_since_1_17() {
        assert_eq!(of("1.16.3").network_max_default_bytes, 1 << 30);
        assert_eq!(of("1.17.0").network_max_default_bytes, (1 << 63) - 1);
    }
}
