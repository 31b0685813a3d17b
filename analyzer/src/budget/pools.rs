//! The pools of a process, in bytes, whoever told them.

use crate::configuration::layers;
use crate::model::Model;
use crate::model::options::{FlinkOption, jm, tm};
use serde::Serialize;

/// The pools of a process, in bytes, named as in `flinkmem model`. What is not known is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Pools {
    /// Heap for Flink itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework_heap: Option<u64>,
    /// Heap for tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_heap: Option<u64>,
    /// Direct and native memory for Flink itself: Netty, Pekko, batch reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework_off_heap: Option<u64>,
    /// Direct and native memory for tasks: user code, connectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_off_heap: Option<u64>,
    /// Network buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<u64>,
    /// Managed memory: state backends, sorting, Python.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<u64>,
    /// A JobManager's direct and native memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_heap: Option<u64>,
    /// Metaspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jvm_metaspace: Option<u64>,
    /// Everything else of the JVM: stacks, code, collectors' tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jvm_overhead: Option<u64>,
    /// Heap, off-heap, network and managed memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_flink: Option<u64>,
    /// All of it: what the container must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_process: Option<u64>,
    /// `-Xmx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jvm_heap: Option<u64>,
    /// `-XX:MaxDirectMemorySize`: framework off-heap, task off-heap and network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jvm_direct: Option<u64>,
}

impl Pools {
    /// The pools that the model derived.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        Self::from_claims(layers::pools(model))
    }

    /// Pools by name; a name that is none is passed over.
    #[must_use]
    pub fn from_claims(claims: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        let mut pools = Self::default();
        for (name, bytes) in claims {
            if let Some(pool) = pools.slot(name) {
                *pool = Some(bytes);
            }
        }
        pools
    }

    /// Size of a pool that direct memory comes out of.
    #[must_use]
    pub fn get(&self, pool: DirectPool) -> Option<u64> {
        match pool {
            DirectPool::TaskOffHeap => self.task_off_heap,
            DirectPool::FrameworkOffHeap => self.framework_off_heap,
            DirectPool::JobManagerOffHeap => self.off_heap,
        }
    }

    /// Size of the pool that the model calls so.
    #[must_use]
    pub fn size(&self, name: &str) -> Option<u64> {
        let mut copy = *self;
        copy.slot(name).and_then(|slot| *slot)
    }

    /// Whether no pool that both know differs.
    #[must_use]
    pub fn agree_with(&self, other: &Self) -> bool {
        let both = self.sizes().into_iter().zip(other.sizes());
        both.into_iter()
            .filter_map(|(mine, theirs)| mine.zip(theirs))
            .all(|(mine, theirs)| mine == theirs)
    }

    fn sizes(&self) -> [Option<u64>; 13] {
        [
            self.framework_heap,
            self.task_heap,
            self.framework_off_heap,
            self.task_off_heap,
            self.network,
            self.managed,
            self.off_heap,
            self.jvm_metaspace,
            self.jvm_overhead,
            self.total_flink,
            self.total_process,
            self.jvm_heap,
            self.jvm_direct,
        ]
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<u64>> {
        Some(match name {
            "framework_heap" => &mut self.framework_heap,
            "task_heap" => &mut self.task_heap,
            "framework_off_heap" => &mut self.framework_off_heap,
            "task_off_heap" => &mut self.task_off_heap,
            "network" => &mut self.network,
            "managed" => &mut self.managed,
            "off_heap" => &mut self.off_heap,
            "jvm_metaspace" => &mut self.jvm_metaspace,
            "jvm_overhead" => &mut self.jvm_overhead,
            "total_flink" => &mut self.total_flink,
            "total_process" => &mut self.total_process,
            "jvm_heap" => &mut self.jvm_heap,
            "jvm_direct" => &mut self.jvm_direct,
            _ => return None,
        })
    }
}

/// A pool whose size is an option, as far as direct memory is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectPool {
    /// `taskmanager.memory.task.off-heap.size`.
    TaskOffHeap,
    /// `taskmanager.memory.framework.off-heap.size`.
    FrameworkOffHeap,
    /// `jobmanager.memory.off-heap.size`.
    JobManagerOffHeap,
}

impl DirectPool {
    /// The model's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskOffHeap => "task_off_heap",
            Self::FrameworkOffHeap => "framework_off_heap",
            Self::JobManagerOffHeap => "off_heap",
        }
    }

    /// Its option.
    #[must_use]
    pub fn option(self) -> FlinkOption {
        match self {
            Self::TaskOffHeap => tm::TASK_OFF_HEAP,
            Self::FrameworkOffHeap => tm::FRAMEWORK_OFF_HEAP,
            Self::JobManagerOffHeap => jm::OFF_HEAP,
        }
    }
}
