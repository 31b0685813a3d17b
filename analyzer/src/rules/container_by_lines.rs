//! The causes of a kill for the container's memory, as far as lines tell them apart: `native_growth_unattributed` where they do not.

use super::Answer;
use super::remedy::with_options;
use super::told::{Claim, ContainerCause, Words, in_words, no_line};
use crate::budget::process_size_key;
use crate::finding::{Consumer, ConsumerKind, Evidence, Label, Remedy, Severity};
use crate::lines::Told;
use crate::model::MemorySize;
use crate::units::bytes;

/// `native_growth_unattributed`: the container is full, the owner is not known.
pub(super) fn unattributed(words: &Words<'_>) -> Answer {
    let Some(told) = words.container.told else {
        return no_line();
    };
    let sig_kill = match words.container.cause {
        ContainerCause::Unknown => false,
        ContainerCause::SigKill => true,
        _ => return Answer::DoesNotFire("the lines name a likelier reason".to_owned()),
    };
    words.fires(Claim {
        alternatives: &[
            Label::RocksdbNativeLeak,
            Label::JvmOverheadUndersized,
            Label::AllocatorFragmentation,
            Label::CodecNativeLeak,
            Label::MmapFileAccounting,
            Label::OtherChildProcess,
        ],
        severity: if sig_kill { Severity::Warning } else { Severity::Critical },
        collect: collect(sig_kill),
        remedy: in_words(
            "Heap and direct memory have limits of their own, so what grew is outside of them, or the sum of all limits leaves no room. Find out which before the container is made larger.",
        ),
        ..claim(words, told, Label::NativeGrowthUnattributed, 0.35, if sig_kill { 0.6 } else { 0.97 })
    })
}

fn collect(sig_kill: bool) -> Vec<String> {
    let mut advice = vec![
        "run the process with flinkmem's agent: its ledger tells every resident byte by owner, also for the time before the kill".to_owned(),
        "the head of the process's log: it holds the whole budget, to see whether the limits leave room".to_owned(),
    ];
    if sig_kill {
        let how = "how the container ended (kubectl get pod -o json, dmesg, the NodeManager's log): SIGKILL alone does not tell why";
        advice.insert(0, how.to_owned());
    }
    advice
}

/// `jvm_overhead_undersized`: the JVM's own limits add up to nearly the container.
pub(super) fn no_room(words: &Words<'_>) -> Answer {
    let picture = &words.container;
    let Some(told) = picture
        .told
        .filter(|_| picture.cause == ContainerCause::NoRoom)
    else {
        return no_line();
    };
    let sums = picture.promised.zip(picture.limit).map(|(promised, limit)| {
        let text = format!(
            "heap, direct memory and metaspace may take {} of the container's {}: no room for stacks, code, collectors' tables and native libraries",
            bytes(promised),
            bytes(limit)
        );
        Evidence::told(text, told.t_ms, told.t_ms).with_value(promised)
    });
    let mut claim = claim(words, told, Label::JvmOverheadUndersized, 0.8, 0.97);
    claim.evidence.extend(sums);
    words.fires(Claim {
        alternatives: &[Label::NativeGrowthUnattributed],
        remedy: in_words(
            "Leave room: raise the process size (and the container with it) or lower the heap; Flink's own share for it is taskmanager.memory.jvm-overhead.min, .fraction and .max, at 1.10 or later.",
        ),
        ..claim
    })
}

/// `container_limit_below_budget`: the container is smaller than the configured process.
pub(super) fn below_budget(words: &Words<'_>) -> Answer {
    let picture = &words.container;
    let Some(told) = picture
        .told
        .filter(|_| picture.cause == ContainerCause::BelowBudget)
    else {
        return no_line();
    };
    let configured = words.budget.and_then(|budget| budget.started.total_process);
    let sums = configured.zip(picture.limit).map(|(configured, limit)| {
        let text = format!(
            "the process is configured to take {}, the container holds {}",
            bytes(configured),
            bytes(limit)
        );
        Evidence::told(text, told.t_ms, told.t_ms).with_value(configured)
    });
    let mut claim = claim(words, told, Label::ContainerLimitBelowBudget, 0.93, 0.97);
    claim.evidence.extend(sums);
    words.fires(Claim {
        remedy: agree(words, picture.limit),
        ..claim
    })
}

/// The process made as large as its container.
fn agree(words: &Words<'_>, limit: Option<u64>) -> Remedy {
    let advice =
        "Make both agree: set the process size to the container's limit, or the limit to it.";
    let Some((budget, limit)) = words.budget.zip(limit) else {
        return in_words(advice);
    };
    let size = MemorySize::from_bytes(limit).to_option();
    let set = [(process_size_key(budget.process), size)];
    with_options(Some(budget), &set, &[], advice)
}

/// `python_process_memory` and `other_child_process`: not the JVM.
pub(super) fn child(words: &Words<'_>, label: Label) -> Answer {
    let picture = &words.container;
    let wanted = match label {
        Label::PythonProcessMemory => ContainerCause::Python,
        _ => ContainerCause::Child,
    };
    let Some(told) = picture.told.filter(|_| picture.cause == wanted) else {
        return no_line();
    };
    words.fires(Claim {
        consumer: picture.victim.clone().map(|name| Consumer {
            kind: ConsumerKind::Process,
            name: Some(name),
            confidence: 0.7,
            ..Consumer::unknown()
        }),
        remedy: in_words(
            "The JVM is not the consumer. Bound the child where its size is set: for Python workers the bundle size and taskmanager.memory.managed.consumer-weights.",
        ),
        ..claim(words, told, label, 0.75, 0.97)
    })
}

/// `other_process_oom`: not Flink at all.
pub(super) fn other_process(words: &Words<'_>) -> Answer {
    let picture = &words.container;
    let by_container = picture
        .told
        .filter(|_| picture.cause == ContainerCause::OtherProcess);
    let by_log = words
        .heap
        .told
        .filter(|_| words.heap.cause == super::told::HeapCause::OtherProcess);
    let remedy =
        in_words("Flink is not involved: raise the limit of that program, or look into it.");
    match (by_container, by_log) {
        (Some(told), _) => words.fires(Claim {
            consumer: picture.victim.clone().map(|name| Consumer {
                kind: ConsumerKind::Process,
                name: Some(name),
                confidence: 0.9,
                ..Consumer::unknown()
            }),
            remedy,
            ..claim(words, told, Label::OtherProcessOom, 0.85, 0.97)
        }),
        (None, Some(told)) => words.fires(Claim {
            remedy,
            ..Claim::new(Label::OtherProcessOom, 0.7, ("heap", 0.97), told)
        }),
        _ => no_line(),
    }
}

fn claim<'a>(
    words: &Words<'_>,
    told: &'a Told,
    label: Label,
    confidence: f64,
    sure: f64,
) -> Claim<'a> {
    let picture = &words.container;
    let usage = picture.used.zip(picture.limit).map(|(used, limit)| {
        Evidence::told(
            format!("{} of {} were in use", bytes(used), bytes(limit)),
            told.t_ms,
            told.t_ms,
        )
        .with_value(used)
    });
    let of_another = (words.is_job_manager() && told.text.contains("Worker ")).then(|| {
        let text = "the JobManager tells this of another process, a TaskManager".to_owned();
        Evidence::told(text, told.t_ms, told.t_ms)
    });
    Claim {
        limit_bytes: picture.limit,
        peak: picture.used,
        evidence: usage.into_iter().chain(of_another).collect(),
        ..Claim::new(label, confidence, ("container", sure), told)
    }
}
