//! The budget that a process was started with: how much memory was meant for whom.
//!
//! The start scripts hand every pool to the JVM's main class as `-D key=<n>b`, already derived, and the agent records
//! those. This module only reads and adds them up; deriving pools from a configuration is the memory model's work.

mod lines;

pub(crate) use lines::serves_tasks;
pub use lines::{BudgetLine, budget_lines};

use crate::units::parse_flink_size;
use flinkmem_trace::FlinkFacts;
use serde::Serialize;

/// The pools of a process, in bytes. What is not known is absent.
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
    /// The option's key.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::TaskOffHeap => "taskmanager.memory.task.off-heap.size",
            Self::FrameworkOffHeap => "taskmanager.memory.framework.off-heap.size",
            Self::JobManagerOffHeap => "jobmanager.memory.off-heap.size",
        }
    }
}

impl Pools {
    /// The pools that a Flink process was started with.
    #[must_use]
    pub fn recorded(flink: &FlinkFacts) -> Self {
        let size = |key: &str| parse_flink_size(flink.options.get(key)?);
        let pools = if flink.process == "jm" {
            Self {
                jvm_heap: size("jobmanager.memory.heap.size"),
                off_heap: size(DirectPool::JobManagerOffHeap.key()),
                jvm_metaspace: size("jobmanager.memory.jvm-metaspace.size"),
                jvm_overhead: size("jobmanager.memory.jvm-overhead.max"),
                ..Self::default()
            }
        } else {
            Self {
                framework_heap: size("taskmanager.memory.framework.heap.size"),
                task_heap: size("taskmanager.memory.task.heap.size"),
                framework_off_heap: size(DirectPool::FrameworkOffHeap.key()),
                task_off_heap: size(DirectPool::TaskOffHeap.key()),
                network: size("taskmanager.memory.network.max"),
                managed: size("taskmanager.memory.managed.size"),
                jvm_metaspace: size("taskmanager.memory.jvm-metaspace.size"),
                jvm_overhead: size("taskmanager.memory.jvm-overhead.max"),
                ..Self::default()
            }
        };
        pools.added_up()
    }

    /// The pools with one of them resized and everything else left as it is, so that the totals change with it.
    #[must_use]
    pub fn with(mut self, pool: DirectPool, bytes: u64) -> Self {
        let resized = match pool {
            DirectPool::TaskOffHeap => &mut self.task_off_heap,
            DirectPool::FrameworkOffHeap => &mut self.framework_off_heap,
            DirectPool::JobManagerOffHeap => &mut self.off_heap,
        };
        *resized = Some(bytes);
        self.added_up()
    }

    /// Size of a pool.
    #[must_use]
    pub fn get(&self, pool: DirectPool) -> Option<u64> {
        match pool {
            DirectPool::TaskOffHeap => self.task_off_heap,
            DirectPool::FrameworkOffHeap => self.framework_off_heap,
            DirectPool::JobManagerOffHeap => self.off_heap,
        }
    }

    fn added_up(mut self) -> Self {
        let is_job_manager = self.off_heap.is_some();
        if is_job_manager {
            self.total_flink = sum(&[self.jvm_heap, self.off_heap]);
        } else {
            self.jvm_heap = sum(&[self.framework_heap, self.task_heap]);
            self.jvm_direct = sum(&[self.framework_off_heap, self.task_off_heap, self.network]);
            self.total_flink = sum(&[self.jvm_heap, self.jvm_direct, self.managed]);
        }
        self.total_process = sum(&[self.total_flink, self.jvm_metaspace, self.jvm_overhead]);
        self
    }
}

/// The sum, if every part is known.
fn sum(parts: &[Option<u64>]) -> Option<u64> {
    parts
        .iter()
        .try_fold(0_u64, |sum, part| sum.checked_add((*part)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `-D` options of a real TaskManager 1.20.5 with `-XX:MaxDirectMemorySize=213070644 -Xmx260046843`.
    fn real_task_manager() -> FlinkFacts {
        let options = [
            ("taskmanager.memory.network.min", "78852916b"),
            ("taskmanager.memory.task.off-heap.size", "0b"),
            ("taskmanager.memory.jvm-metaspace.size", "268435456b"),
            ("taskmanager.memory.jvm-overhead.min", "201326592b"),
            ("taskmanager.memory.framework.off-heap.size", "134217728b"),
            ("taskmanager.memory.network.max", "78852916b"),
            ("taskmanager.memory.framework.heap.size", "134217728b"),
            ("taskmanager.memory.managed.size", "315411665b"),
            ("taskmanager.memory.task.heap.size", "125829115b"),
            ("taskmanager.memory.jvm-overhead.max", "201326592b"),
        ];
        FlinkFacts {
            process: "tm".to_owned(),
            version: Some("1.20.5".to_owned()),
            options: options
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        }
    }

    #[test]
    fn the_sums_are_those_of_flinks_own_jvm_arguments() {
        let pools = Pools::recorded(&real_task_manager());
        assert_eq!(pools.jvm_heap, Some(260_046_843));
        assert_eq!(pools.jvm_direct, Some(213_070_644));
        assert_eq!(
            pools.total_process,
            Some(260_046_843 + 213_070_644 + 315_411_665 + 268_435_456 + 201_326_592)
        );
    }

    #[test]
    fn a_resized_pool_moves_the_totals() {
        let before = Pools::recorded(&real_task_manager());
        let after = before.with(DirectPool::TaskOffHeap, 64 << 20);
        assert_eq!(after.jvm_direct, Some(213_070_644 + (64 << 20)));
        assert_eq!(
            after.total_process,
            before.total_process.map(|total| total + (64 << 20))
        );
        assert_eq!(after.jvm_heap, before.jvm_heap);
    }

    #[test]
    fn what_is_not_recorded_stays_unknown() {
        let mut facts = real_task_manager();
        facts.options.remove("taskmanager.memory.network.max");
        let pools = Pools::recorded(&facts);
        assert_eq!(
            (pools.network, pools.jvm_direct, pools.total_process),
            (None, None, None)
        );
        assert_eq!(pools.jvm_heap, Some(260_046_843));
    }
}
