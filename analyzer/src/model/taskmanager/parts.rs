//! What Flink's memory is made of.

use crate::model::memory_size::MemorySize;
use crate::model::options::tm;
use crate::model::origin::Derived;
use crate::model::reader::Reader;
use crate::model::refusal::Refusal;

/// What is inside Flink's memory.
pub(super) struct Inside {
    pub(super) framework_heap: Derived,
    pub(super) framework_off_heap: Derived,
    pub(super) task_heap: Derived,
    pub(super) task_off_heap: Derived,
    pub(super) network: Derived,
    pub(super) managed: Derived,
}

/// The parts of Flink's memory that are read from options alone.
pub(super) struct Fixed {
    pub(super) framework_heap: Derived,
    pub(super) framework_off_heap: Derived,
    pub(super) task_off_heap: Derived,
}

impl Fixed {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            framework_heap: Derived::new(reader.size_or_default(&tm::FRAMEWORK_HEAP)?),
            framework_off_heap: Derived::new(reader.size_or_default(&tm::FRAMEWORK_OFF_HEAP)?),
            task_off_heap: Derived::new(reader.size_or_default(&tm::TASK_OFF_HEAP)?),
        })
    }

    pub(super) fn sum(&self) -> Result<MemorySize, Refusal> {
        MemorySize::sum(&[
            self.framework_heap.size,
            self.framework_off_heap.size,
            self.task_off_heap.size,
        ])
    }

    pub(super) fn with(self, task_heap: Derived, managed: Derived, network: Derived) -> Inside {
        Inside {
            framework_heap: self.framework_heap,
            framework_off_heap: self.framework_off_heap,
            task_heap,
            task_off_heap: self.task_off_heap,
            network,
            managed,
        }
    }
}

pub(super) fn sum_of_all_but_network(
    fixed: &Fixed,
    task_heap: &Derived,
    managed: &Derived,
) -> Result<MemorySize, Refusal> {
    MemorySize::sum(&[
        fixed.framework_heap.size,
        fixed.framework_off_heap.size,
        task_heap.size,
        fixed.task_off_heap.size,
        managed.size,
    ])
}
