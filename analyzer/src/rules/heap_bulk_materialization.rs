//! `heap_bulk_materialization`: by lines, the heap was exhausted while a driver was reading a result.

use super::Answer;
use super::told::{Claim, HeapCause, Words, in_words, no_line};
use crate::finding::{Consumer, ConsumerKind, Label};

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
