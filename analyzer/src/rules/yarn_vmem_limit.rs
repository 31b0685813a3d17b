//! `yarn_vmem_limit`: YARN's check of virtual memory, which says nothing about memory in use.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Evidence, Label};
use crate::lines::Fact;
use crate::units::bytes;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let killed = words.first(|fact| matches!(fact, Fact::VirtualMemoryKilled { .. }));
    let status = || words.first(|fact| matches!(fact, Fact::Exit { code: -103, .. }));
    let Some(told) = killed.or_else(status) else {
        return no_line();
    };
    let (used, limit, physical) = match told.fact {
        Fact::VirtualMemoryKilled {
            used,
            limit,
            physical,
        } => (used, limit, physical),
        _ => (None, None, None),
    };
    let little = used.zip(physical).map(|(used, physical)| {
        let text = format!(
            "{} of address space, but only {} of memory in use",
            bytes(used),
            bytes(physical)
        );
        Evidence::told(text, told.t_ms, told.t_ms).with_value(physical)
    });
    words.fires(Claim {
        limit_bytes: limit,
        peak: used,
        evidence: little.into_iter().collect(),
        remedy: in_words(
            "Address space is no memory: set yarn.nodemanager.vmem-check-enabled=false, or a larger yarn.nodemanager.vmem-pmem-ratio. No size in Flink matters here.",
        ),
        ..Claim::new(Label::YarnVmemLimit, 0.97, ("none", 0.95), told)
    })
}
