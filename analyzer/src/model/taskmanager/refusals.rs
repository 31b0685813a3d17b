//! What Flink says about a TaskManager whose sizes do not add up.

use super::parts::Fixed;
use crate::model::changes::Behaviour;
use crate::model::memory_size::MemorySize;
use crate::model::options::tm;
use crate::model::origin::Derived;
use crate::model::refusal::Refusal;

pub(super) fn nothing_set(behaviour: &Behaviour) -> Refusal {
    let message = if behaviour.wording_of_1_10 {
        format!(
            "Either Task Heap Memory size ({}) and Managed Memory size ({}), or Total Flink Memory size ({}), \
             or Total Process Memory size ({}) need to be configured explicitly.",
            tm::TASK_HEAP.key,
            tm::MANAGED.key,
            tm::FLINK.key,
            tm::PROCESS.key
        )
    } else {
        format!(
            "Either required fine-grained memory ({} and {}), or Total Flink Memory size ({}), \
             or Total Process Memory size ({}) need to be configured explicitly.",
            tm::TASK_HEAP.key,
            tm::MANAGED.key,
            tm::FLINK.print(),
            tm::PROCESS.print()
        )
    };
    Refusal::configuration(message).about(&[
        tm::PROCESS.key,
        tm::FLINK.key,
        tm::TASK_HEAP.key,
        tm::MANAGED.key,
    ])
}

pub(super) fn too_much_without_network(
    fixed: &Fixed,
    task_heap: &Derived,
    managed: &Derived,
    flink: MemorySize,
) -> Refusal {
    let message = format!(
        "Sum of configured Framework Heap Memory ({}), Framework Off-Heap Memory ({}), Task Heap Memory ({}), \
         Task Off-Heap Memory ({}) and Managed Memory ({}) exceed configured Total Flink Memory ({flink}).",
        fixed.framework_heap.size,
        fixed.framework_off_heap.size,
        task_heap.size,
        fixed.task_off_heap.size,
        managed.size
    );
    let parts = [
        fixed.framework_heap.origin.key(),
        fixed.framework_off_heap.origin.key(),
    ];
    refusal_about(
        message,
        parts.into_iter().chain([
            task_heap.origin.key(),
            fixed.task_off_heap.origin.key(),
            managed.origin.key(),
        ]),
    )
}

pub(super) fn too_much_for_flink(
    fixed: &Fixed,
    managed: &Derived,
    network: &Derived,
    flink: MemorySize,
) -> Refusal {
    let message = format!(
        "Sum of configured Framework Heap Memory ({}), Framework Off-Heap Memory ({}), Task Off-Heap Memory ({}), \
         Managed Memory ({}) and Network Memory ({}) exceed configured Total Flink Memory ({flink}).",
        fixed.framework_heap.size,
        fixed.framework_off_heap.size,
        fixed.task_off_heap.size,
        managed.size,
        network.size
    );
    let parts = [
        fixed.framework_heap.origin.key(),
        fixed.framework_off_heap.origin.key(),
    ];
    refusal_about(
        message,
        parts.into_iter().chain([
            fixed.task_off_heap.origin.key(),
            managed.origin.key(),
            network.origin.key(),
        ]),
    )
}

fn refusal_about<'a>(message: String, parts: impl Iterator<Item = Option<&'a str>>) -> Refusal {
    let whole = [tm::FLINK.key, tm::PROCESS.key];
    let keys: Vec<&str> = whole.into_iter().chain(parts.flatten()).collect();
    Refusal::configuration(message).about(&keys)
}
