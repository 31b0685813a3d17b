//! What became of a process, by lines.

use super::{Case, OutcomeKind};
use crate::lines::Fact;

/// What lines say of the end; `None` where they do not.
pub(super) fn by_lines(case: &Case) -> Option<(OutcomeKind, String)> {
    let facts = || case.told.iter().map(|(told, _)| told);
    let find = |wanted: fn(&Fact) -> bool| facts().find(|told| wanted(&told.fact));
    let in_file =
        |what: &str, told: &crate::lines::Told| format!("{what}, by {}", case.source_name(told));
    if let Some(told) = find(|fact| matches!(fact, Fact::ContainerKilled(_))) {
        return Some((
            OutcomeKind::Killed,
            in_file("the container was killed for its memory", told),
        ));
    }
    if let Some(told) = find(|fact| matches!(fact, Fact::VirtualMemoryKilled { .. })) {
        return Some((
            OutcomeKind::Killed,
            in_file("YARN killed the container", told),
        ));
    }
    if let Some(told) = find(|fact| matches!(fact, Fact::HostKilled(_))) {
        return Some((
            OutcomeKind::Killed,
            in_file(
                "the kernel killed the process, for the host had no memory",
                told,
            ),
        ));
    }
    if let Some(told) = find(|fact| matches!(fact, Fact::Exit { code: 137, .. })) {
        return Some((
            OutcomeKind::Killed,
            in_file("the process was ended by SIGKILL", told),
        ));
    }
    let memory = |fact: &Fact| {
        matches!(
            fact,
            Fact::HeapExhausted(_)
                | Fact::DirectExhausted(_)
                | Fact::MetaspaceExhausted(_)
                | Fact::OutOfMemory
                | Fact::ThreadRefused(_)
        )
    };
    let ended = find(|fact| matches!(fact, Fact::EndedByOutOfMemory)).or_else(|| {
        find(|fact| matches!(fact, Fact::FlinkEnds))
            .filter(|_| facts().any(|told| memory(&told.fact)))
    });
    if let Some(told) = ended {
        return Some((
            OutcomeKind::JavaOom,
            in_file("the process ended itself for an OutOfMemoryError", told),
        ));
    }
    let jvm = find(|fact| matches!(fact, Fact::JvmCannotContinue | Fact::NativeRefused { .. }))?;
    Some((
        OutcomeKind::Exited,
        in_file("the JVM could not go on for lack of native memory", jvm),
    ))
}
