//! The TaskManager's memory, 1.10 and later.
//!
//! Three ways in, by what is set: task heap and managed memory (the rest is added up), Flink's memory (it is divided),
//! or the process's (metaspace and overhead come off first, then Flink's memory is divided). `derivation` takes them,
//! `network` sizes the one pool that is either a share or what the others leave, `refusals` has the messages.

mod derivation;
mod network;
mod parts;
mod refusals;

pub(crate) use derivation::derive;

use super::changes::Behaviour;
use super::cpu::{CpuCores, SlotCount};
use super::memory_size::MemorySize;
use super::options::tm;
use super::origin::Derived;

/// Every pool of a TaskManager.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskManagerModel {
    /// CPU cores that the process asks for.
    pub cpu: CpuCores,
    /// Number of slots; absent before 1.13, where the derivation did not look.
    pub slots: Option<SlotCount>,
    /// Heap for Flink itself.
    pub framework_heap: Derived,
    /// Direct and native memory for Flink itself.
    pub framework_off_heap: Derived,
    /// Heap for operators and user code.
    pub task_heap: Derived,
    /// Direct and native memory for operators and user code.
    pub task_off_heap: Derived,
    /// Network buffers.
    pub network: Derived,
    /// Managed memory: RocksDB, batch operators, Python. Outside every JVM limit.
    pub managed: Derived,
    /// Limit of metaspace.
    pub metaspace: Derived,
    /// Everything else of the process. Nobody enforces it.
    pub overhead: Derived,
    /// Flink's memory: heap, off-heap, network, managed.
    pub total_flink: Derived,
    /// Everything.
    pub total_process: Derived,
}

impl TaskManagerModel {
    /// `-Xmx`: framework and task heap.
    #[must_use]
    pub fn heap(&self) -> MemorySize {
        MemorySize::from_bytes(self.framework_heap.bytes() + self.task_heap.bytes())
    }

    /// `-XX:MaxDirectMemorySize`: framework and task off-heap, network.
    #[must_use]
    pub fn direct(&self) -> MemorySize {
        let off_heap = self.framework_off_heap.bytes() + self.task_off_heap.bytes();
        MemorySize::from_bytes(off_heap.saturating_add(self.network.bytes()))
    }

    /// The JVM arguments that Flink's start script uses.
    #[must_use]
    pub fn jvm_args(&self) -> String {
        let heap = self.heap().bytes();
        format!(
            "-Xmx{heap} -Xms{heap} -XX:MaxDirectMemorySize={} -XX:MaxMetaspaceSize={}",
            self.direct().bytes(),
            self.metaspace.bytes()
        )
    }

    /// The `-D` options that hand the result to the process, by key. Flink's own order is that of a Java hash map and
    /// means nothing.
    #[must_use]
    pub fn resolved_options(&self, behaviour: &Behaviour) -> Vec<(&'static str, String)> {
        let size = |derived: &Derived| format!("{}b", derived.bytes());
        let mut options = vec![
            (tm::CPU.key, self.cpu.as_double()),
            (tm::FRAMEWORK_HEAP.key, size(&self.framework_heap)),
            (tm::FRAMEWORK_OFF_HEAP.key, size(&self.framework_off_heap)),
            (tm::TASK_HEAP.key, size(&self.task_heap)),
            (tm::TASK_OFF_HEAP.key, size(&self.task_off_heap)),
            (tm::NETWORK_MIN.key, size(&self.network)),
            (tm::NETWORK_MAX.key, size(&self.network)),
            (tm::MANAGED.key, size(&self.managed)),
        ];
        if behaviour.resolved_metaspace_and_overhead {
            options.extend([
                (tm::METASPACE.key, size(&self.metaspace)),
                (tm::OVERHEAD_MIN.key, size(&self.overhead)),
                (tm::OVERHEAD_MAX.key, size(&self.overhead)),
            ]);
        }
        if let Some(slots) = self.slots {
            options.push((tm::SLOTS.key, slots.configured().to_string()));
            options.push(("external-resources", "none".to_owned()));
        }
        options
    }
}
