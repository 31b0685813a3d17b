//! `host_memory_exhausted`: the kernel refused native memory, or killed somebody for lack of it on the whole host.

use super::Answer;
use super::container::Container;
use super::told::{Claim, ContainerCause, Words, in_words, no_line};
use crate::case::{OutcomeKind, share};
use crate::finding::{Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Severity};
use crate::lines::{Fact, Told};
use crate::units::bytes;
use flinkmem_trace::{HostMemory, Surroundings};

/// A host with less than this share of its memory to be had, swap included, is about to kill.
const NOTHING_LEFT: f64 = 0.03;
/// The container's limit must be so far that it cannot have been the reason.
const FAR_FROM_LIMIT: f64 = 0.85;
/// A trace that stops, and a host without memory at the last look: likely one for the other.
const STOPPED: f64 = 0.7;
/// It runs; the host may recover.
const RUNS: f64 = 0.6;

/// By a trace: the host had nothing left at the last look, and the container's limit was far.
pub(super) fn check(container: &Container<'_>) -> Answer {
    let looks = container.case.evidence.all::<Surroundings>();
    let mut host = looks.filter_map(|look| Some((look.taken.t_ms, look.host?)));
    let Some((t_ms, host)) = host.next_back() else {
        return Answer::DoesNotFire("the host's memory was not looked at".to_owned());
    };
    let Some(text) = shortage(&host) else {
        return Answer::DoesNotFire("the host had memory left".to_owned());
    };
    let held = container.held.peak.unwrap_or(0);
    let by_container = container.killed()
        || container
            .limit
            .is_some_and(|limit| share(held, limit) >= FAR_FROM_LIMIT);
    if by_container {
        return Answer::DoesNotFire("the container's limit was nearer than the host's".to_owned());
    }
    let stopped = container.outcome.kind == OutcomeKind::Unknown;
    Answer::Fires(Box::new(Finding {
        label: Label::HostMemoryExhausted,
        severity: match stopped {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        confidence: if stopped { STOPPED } else { RUNS },
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "host",
            confidence: None,
            bytes: Some(host.total_bytes),
            peak: host
                .available_bytes
                .map(|available| host.total_bytes.saturating_sub(available)),
            reached: stopped,
        },
        consumer: Consumer::unknown(),
        forecast: None,
        evidence: vec![Evidence::new(text, "surroundings.host", t_ms, t_ms)],
        remedy: in_words(REMEDY),
        collect: vec![
            "dmesg of the host around that time, and its processes by resident memory".to_owned(),
        ],
        told_ms: None,
    }))
}

/// What says that the host has nothing left; `None` where it has, or does not tell.
fn shortage(host: &HostMemory) -> Option<String> {
    const STRICT: u64 = 2;
    let total = host.total_bytes.saturating_add(host.swap_total_bytes);
    let available = host.available_bytes?.saturating_add(host.swap_free_bytes);
    if total > 0 && share(available, total) < NOTHING_LEFT {
        return Some(format!(
            "the host had {} left of {}, swap included",
            bytes(available),
            bytes(total)
        ));
    }
    let limit = host
        .commit_limit_bytes
        .filter(|_| host.overcommit_memory == Some(STRICT))?;
    let left = limit.saturating_sub(host.committed_bytes);
    (share(left, limit) < NOTHING_LEFT).then(|| {
        format!(
            "the host promises no more than {} (vm.overcommit_memory is 2), of which {} were left",
            bytes(limit),
            bytes(left)
        )
    })
}

const REMEDY: &str = "Give the host less to do or more memory: fewer processes on it, or smaller ones. A larger heap makes it worse.";

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
        remedy: in_words(REMEDY),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_cache_is_memory_left_and_strict_accounting_is_another_end() {
        let fine = HostMemory {
            total_bytes: 1000,
            available_bytes: Some(600),
            committed_bytes: 990,
            commit_limit_bytes: Some(1000),
            overcommit_memory: Some(0),
            ..HostMemory::default()
        };
        assert!(shortage(&fine).is_none());
        let empty = HostMemory {
            available_bytes: Some(20),
            ..fine
        };
        assert!(shortage(&empty).is_some());
        let with_swap = HostMemory {
            swap_total_bytes: 1000,
            swap_free_bytes: 900,
            ..empty
        };
        assert!(shortage(&with_swap).is_none());
        let strict = HostMemory {
            overcommit_memory: Some(2),
            ..fine
        };
        assert!(shortage(&strict).is_some());
    }
}
