//! `heap_many_writers`: by lines, the heap was exhausted in a writer of column files, each of which buffers for itself.

use super::Answer;
use super::told::{Claim, HeapCause, Words, in_words, no_line};
use crate::finding::{Consumer, ConsumerKind, Label};

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let heap = &words.heap;
    let Some(told) = heap.told.filter(|_| heap.cause == HeapCause::Writers) else {
        return no_line();
    };
    let alternatives = heap.alternatives();
    words.fires(Claim {
        alternatives: &alternatives,
        limit_bytes: words.limits_of(told).heap,
        consumer: heap.method.clone().map(|method| Consumer {
            kind: ConsumerKind::CallSite,
            name: Some(method),
            confidence: 0.4,
            ..Consumer::unknown()
        }),
        remedy: in_words(
            "Open fewer files at once: distribute by partition before the sink, or make row groups and dictionaries smaller.",
        ),
        collect: vec!["how many files a task has open, and flinkmem's agent: writers are told by their count".to_owned()],
        ..Claim::new(Label::HeapManyWriters, 0.5, ("heap", heap.certainty()), told)
    })
}
