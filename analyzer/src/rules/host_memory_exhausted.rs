//! `host_memory_exhausted`: the kernel refused native memory, or killed somebody for lack of it on the whole host.

use super::Answer;
use super::told::{Claim, ContainerCause, Words, in_words, no_line};
use crate::finding::{Consumer, ConsumerKind, Evidence, Label};
use crate::lines::{Fact, Told};
use crate::units::bytes;

/// Less than this is refused only where there is nothing left at all, or no room for another mapping.
const FEW_BYTES: u64 = 1 << 20;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    if let Some(told) = words.first(|fact| matches!(fact, Fact::HostKilled(_))) {
        return words.fires(killed(told));
    }
    let refused = words.first(|fact| matches!(fact, Fact::NativeRefused { .. }));
    let cannot = || words.first(|fact| *fact == Fact::JvmCannotContinue);
    let Some(told) = refused.or_else(cannot) else {
        return no_line();
    };
    if words.tells(|fact| matches!(fact, Fact::ThreadRefused(Some(_)) | Fact::ShellError)) {
        return Answer::DoesNotFire("the lines name another reason".to_owned());
    }
    if words.container.cause != ContainerCause::None {
        return Answer::DoesNotFire("the container's limit was hit, not the host's".to_owned());
    }
    let requested = words
        .all(|fact| matches!(fact, Fact::NativeRefused { .. }))
        .find_map(requested);
    let size = requested.map(|size| {
        let little = if size < FEW_BYTES {
            ", so there was nothing left, or no room for one more mapping"
        } else {
            ""
        };
        Evidence::told(
            format!("{} of native memory were refused{little}", bytes(size)),
            told.t_ms,
            told.t_ms,
        )
        .with_value(size)
    });
    let confidence = if refused.is_some() { 0.75 } else { 0.5 };
    words.fires(Claim {
        alternatives: &[Label::NativeGrowthUnattributed, Label::SandboxLimit, Label::JvmOverheadUndersized],
        evidence: size.into_iter().collect(),
        remedy: in_words(
            "Give the host less to do or more memory: fewer processes on it, or smaller ones. A larger heap makes it worse.",
        ),
        collect: vec![
            "free -m, vm.overcommit_memory, vm.max_map_count and who else runs on the host; dmesg around that time".to_owned(),
            "the JVM's hs_err file: it holds the host's memory and the container's limit".to_owned(),
        ],
        ..Claim::new(Label::HostMemoryExhausted, confidence, ("host", if refused.is_some() { 0.85 } else { 0.7 }), told)
    })
}

fn requested(told: &Told) -> Option<u64> {
    match told.fact {
        Fact::NativeRefused { bytes, .. } => bytes,
        _ => None,
    }
}

fn killed(told: &Told) -> Claim<'_> {
    let (name, used) = match &told.fact {
        Fact::HostKilled(kill) => (kill.what.clone(), kill.used),
        _ => (None, None),
    };
    let size = used.map(|used| {
        let text = format!(
            "it held {}; the kernel chooses the largest, which need not be the one that grew",
            bytes(used)
        );
        Evidence::told(text, told.t_ms, told.t_ms).with_value(used)
    });
    Claim {
        alternatives: &[Label::NativeGrowthUnattributed],
        peak: used,
        evidence: size.into_iter().collect(),
        consumer: name.map(|name| Consumer {
            kind: ConsumerKind::Process,
            name: Some(name),
            confidence: 0.3,
            ..Consumer::unknown()
        }),
        remedy: in_words(
            "Let the sizes of all processes on the host add up to less than its memory, and give each a container with a limit.",
        ),
        collect: vec![
            "the kernel's table of processes beside this line: it tells who held how much"
                .to_owned(),
        ],
        ..Claim::new(Label::HostMemoryExhausted, 0.85, ("host", 0.95), told)
    }
}
