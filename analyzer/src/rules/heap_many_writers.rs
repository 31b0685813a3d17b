//! `heap_many_writers`: buffers times open writers. By lines, the heap was exhausted in a writer of column files, each of which buffers for
//! itself.

use super::Answer;
use super::heap::{Cause, Draft, HeapPicture, draft};
use super::told::{Claim, HeapCause, Words, in_words, no_line};
use crate::finding::{Consumer, ConsumerKind, Label, Remedy};
use crate::units::bytes;

pub(super) fn check(picture: &HeapPicture<'_>) -> Answer {
    draft(picture, Cause::Writers, Label::HeapManyWriters, |draft| {
        remedy(picture, draft)
    })
}

fn remedy(picture: &HeapPicture<'_>, draft: &Draft) -> Remedy {
    let class = draft.consumer.name.as_deref().unwrap_or("writers");
    let content = picture.content.as_ref();
    let writers = content.and_then(|content| Some((content, content.count_of(class)?.count)));
    let each = writers.filter(|(_, count)| *count > 0).map_or_else(
        || "Many writers are open".to_owned(),
        |(content, count)| {
            let most = content
                .at
                .classes
                .first()
                .map_or(0, |largest| largest.bytes);
            let each = bytes(most / count);
            format!("{count} writers ({class}) are open, with about {each} each")
        },
    );
    in_words(format!(
        "{each}. Open fewer at once: key the stream by partition before the sink (hash distribution), close what is idle sooner (rollover and inactivity intervals), or make what each buffers smaller (row group, page and dictionary sizes). Memory is the product of both numbers."
    ))
}

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
