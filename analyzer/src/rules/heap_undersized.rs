//! `heap_undersized`: the live set is legitimate and larger than the heap. A size helps, and here it is. By lines, the heap was exhausted and nothing tells by whom. Of the public reports with such a line, this cause and state that
//! grows are the commonest, one in five each; so the label is weak, the limit certain.

use super::Answer;
use super::heap::{Cause, HeapPicture, draft, heap_remedy};
use super::told::{Claim, HeapCause, Words, in_words, no_line};
use crate::finding::Label;
use crate::lines::Fact;

/// From here on a size is proposed.
const SURE_ENOUGH: f64 = 0.5;

const WHO_FIRST: &str = "Find out who holds the heap before it is made larger: a leak only takes longer to fill it. \
     If the live set is legitimate, taskmanager.memory.task.heap.size or fewer slots in one process help.";

pub(super) fn check(picture: &HeapPicture<'_>) -> Answer {
    draft(picture, Cause::Undersized, Label::HeapUndersized, |draft| {
        // A size for a cause that is hardly known would be a guess with figures.
        match draft.sure >= SURE_ENOUGH {
            true => heap_remedy(picture, &draft.consumer),
            false => in_words(WHO_FIRST),
        }
    })
}

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let heap = &words.heap;
    let Some(told) = heap.told.filter(|_| heap.cause == HeapCause::Unknown) else {
        return no_line();
    };
    let alternatives = heap.alternatives();
    words.fires(Claim {
        alternatives: &alternatives,
        limit_bytes: words.limits_of(told).heap,
        evidence: words.requester(told).into_iter().collect(),
        remedy: in_words(WHO_FIRST),
        collect: collect(&told.fact),
        ..Claim::new(
            Label::HeapUndersized,
            0.25,
            ("heap", heap.certainty()),
            told,
        )
    })
}

fn collect(fact: &Fact) -> Vec<String> {
    let mut advice = vec![
        "run the process with flinkmem's agent: its histograms at two times tell a large live set from one that grows, and name the holder".to_owned(),
    ];
    match fact {
        Fact::OutOfMemory => advice.push(
            "the error has no words: look for others in the process's standard output and in its log, which may name another limit".to_owned(),
        ),
        _ => advice.push("or a heap dump: -XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath=DIR".to_owned()),
    }
    advice
}
