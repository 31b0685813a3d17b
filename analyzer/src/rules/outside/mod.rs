//! What fills the container beside the JVM: other processes, mapped files, the host. The container itself is [`super::container`]'s.

mod beside;

pub(super) use beside::{Beside, Whose};

use super::container::Container;
use super::{
    Answer, Facts, Verdict, direct_nio_thread_cache, host_memory_exhausted, mmap_file_accounting,
    other_child_process, python_process_memory,
};
use crate::finding::Label;

/// Asks the rules of this family.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    let container = Container::of(facts);
    let beside = Beside::of(&container);
    verdict.take(
        Label::OtherChildProcess,
        other_child_process::check(&beside),
    );
    verdict.take(
        Label::PythonProcessMemory,
        python_process_memory::check(&beside),
    );
    verdict.take(
        Label::MmapFileAccounting,
        mmap_file_accounting::check(&container),
    );
    verdict.take(
        Label::HostMemoryExhausted,
        host_memory_exhausted::check(&container),
    );
    // The rules on direct memory have answered for this label already.
    if let found @ Answer::Fires(_) = direct_nio_thread_cache::in_container(&container) {
        verdict.take(Label::DirectNioThreadCache, found);
    }
    let fills_it = |label: Label| {
        matches!(
            label,
            Label::OtherChildProcess | Label::PythonProcessMemory | Label::DirectNioThreadCache
        )
    };
    let mut of_container = verdict.findings.iter();
    if of_container.any(|found| found.limit.name == "container" && fills_it(found.label)) {
        let reason = "what fills the container has a name";
        verdict.withdraw(Label::NativeGrowthUnattributed, reason);
    }
}
