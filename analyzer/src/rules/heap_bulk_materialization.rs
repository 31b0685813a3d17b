//! `heap_bulk_materialization`: one call loads a whole result. By lines, the heap was exhausted while a driver was reading one.

use super::Answer;
use super::heap::{Cause, Draft, HeapPicture, draft};
use super::told::{Claim, HeapCause, Words, in_words, no_line};
use crate::finding::{Consumer, ConsumerKind, Label, Remedy};

pub(super) fn check(picture: &HeapPicture<'_>) -> Answer {
    draft(picture, Cause::Bulk, Label::HeapBulkMaterialization, remedy)
}

fn remedy(draft: &Draft) -> Remedy {
    let whose = match &draft.consumer.name {
        Some(name) => format!("{name} takes a whole result at once"),
        None => "One call takes a whole result at once".to_owned(),
    };
    in_words(format!(
        "{whose}: let it stream (a fetch size of the driver, an iterator, pages), or read in partitions of a known size. A larger heap holds only a larger result."
    ))
}

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let heap = &words.heap;
    let Some(told) = heap.told.filter(|_| heap.cause == HeapCause::Bulk) else {
        return no_line();
    };
    let alternatives = heap.alternatives();
    // The driver's own frame is nearer to a proof than its exception around the error.
    let confidence = if heap.method.is_some() { 0.7 } else { 0.5 };
    let consumer = heap.method.clone().map(|method| Consumer {
        kind: ConsumerKind::CallSite,
        name: Some(method),
        confidence: 0.6,
        ..Consumer::unknown()
    });
    words.fires(Claim {
        alternatives: &alternatives,
        limit_bytes: words.limits_of(told).heap,
        consumer,
        evidence: words.requester(told).into_iter().collect(),
        remedy: in_words(
            "Let the driver stream: a fetch size (scan.fetch-size; Integer.MIN_VALUE for MySQL), or a scan in partitions. A larger heap holds only a larger table.",
        ),
        collect: vec!["a heap dump, or flinkmem's agent, would tell the largest arrays and who asked for them".to_owned()],
        ..Claim::new(Label::HeapBulkMaterialization, confidence, ("heap", heap.certainty()), told)
    })
}
