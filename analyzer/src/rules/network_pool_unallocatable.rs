//! `network_pool_unallocatable`: network memory does not fit into the JVM's limit on direct memory when the process starts.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Consumer, ConsumerKind, Evidence, Label};
use crate::lines::Fact;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| matches!(fact, Fact::NetworkPoolRefused(_))) else {
        return no_line();
    };
    let Fact::NetworkPoolRefused(figures) = told.fact else {
        return no_line();
    };
    let text = format!(
        "the pool wants {} MiB, of which {} were got before direct memory was exhausted{}",
        figures.required_mb,
        figures.allocated_mb,
        if figures.missing_mb == 0 {
            "; the missing part is less than a MiB, not nothing"
        } else {
            ""
        },
    );
    words.fires(Claim {
        limit_bytes: words.case.observed.jvm_limits.direct,
        evidence: vec![Evidence::told(text, told.t_ms, told.t_ms)],
        consumer: Some(Consumer {
            kind: ConsumerKind::Component,
            name: Some("Flink's pool of network buffers".to_owned()),
            confidence: 0.95,
            ..Consumer::unknown()
        }),
        remedy: in_words(
            "The sizes do not belong together: the limit on direct memory must hold framework off-heap, task off-heap and network memory. Let Flink's scripts set -XX:MaxDirectMemorySize, and raise the size of the process or lower taskmanager.memory.network.max; a larger taskmanager.memory.network.min alone makes it worse.",
        ),
        ..Claim::new(Label::NetworkPoolUnallocatable, 0.95, ("direct", 0.97), told)
    })
}
