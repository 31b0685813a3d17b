//! `jm_heap_metadata`: a JobManager or coordinator holds splits, executions, schemas. By lines, the heap of a JobManager was exhausted, or one of its coordinators died without a word.

use super::Answer;
use super::heap::{Cause, Draft, HeapPicture, draft};
use super::told::{Claim, HeapCause, Words, in_words, no_line};
use crate::finding::{Evidence, Label, Remedy, Severity};
use crate::lines::{Fact, HeapWords};
use crate::units::bytes;

pub(super) fn check(picture: &HeapPicture<'_>) -> Answer {
    draft(picture, Cause::Metadata, Label::JmHeapMetadata, |draft| {
        remedy(picture, draft)
    })
}

fn remedy(picture: &HeapPicture<'_>, draft: &Draft) -> Remedy {
    let whose = match &draft.consumer.name {
        Some(name) => format!("{name} fills the JobManager's heap"),
        None => "A coordinator fills the JobManager's heap".to_owned(),
    };
    let limit = picture
        .limit
        .map_or(String::new(), |limit| format!(", now {}", bytes(limit)));
    in_words(format!(
        "{whose}: let it hold less: larger chunks or splits, discovery that waits until splits are taken, fewer tables in one job, fewer kept executions (jobmanager.execution.attempts-history-size, web.history), an upgrade that releases finished splits. Only where the number of splits has an end does a larger jobmanager.memory.heap.size{limit} help."
    ))
}

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let heap = &words.heap;
    let Some(told) = heap.told.filter(|_| heap.cause == HeapCause::JobManager) else {
        return no_line();
    };
    let (confidence, severity) = match told.fact {
        Fact::HeapExhausted(HeapWords::Serialized(_)) => (0.8, Severity::Critical),
        Fact::CoordinatorDied => (0.4, Severity::Warning),
        _ => (0.55, Severity::Critical),
    };
    let behind = (told.fact == Fact::CoordinatorDied).then(|| {
        let text = "the line hides its cause: the thread before this one died, mostly of an OutOfMemoryError".to_owned();
        Evidence::told(text, told.t_ms, told.t_ms)
    });
    let size = match told.fact {
        Fact::HeapExhausted(HeapWords::Serialized(size)) if size > 0 => {
            format!(" Its serialized form alone is larger than {}.", bytes(size))
        }
        _ => String::new(),
    };
    words.fires(Claim {
        alternatives: &[Label::HeapLeak, Label::HeapUndersized],
        severity,
        limit_bytes: words.case.observed.jvm_limits.heap.filter(|_| words.is_job_manager()),
        evidence: behind.into_iter().chain(words.requester(told)).collect(),
        remedy: in_words(format!(
            "Let the JobManager hold less: larger chunks or splits, fewer tables in one job, an upgrade that releases finished splits; or give it more with jobmanager.memory.heap.size.{size}"
        )),
        collect: vec!["the JobManager's standard output and a run with flinkmem's agent: its histograms name what fills the heap".to_owned()],
        ..Claim::new(Label::JmHeapMetadata, confidence, ("heap", heap.certainty()), told)
    })
}
