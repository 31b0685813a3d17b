//! `network_pool_unallocatable`: network memory does not fit into the JVM's limit on direct memory when the process starts.

use super::Answer;
use super::direct::{DirectPicture, Mechanism, met_evidence};
use super::told::{Claim, Words, in_words, no_line};
use crate::budget::Budget;
use crate::finding::{Consumer, ConsumerKind, Evidence, Finding, Label, Remedy, Severity};
use crate::lines::Fact;
use crate::model::MemorySize;
use crate::units::bytes;

/// The stack of the error is that of the pool: there is nothing to weigh.
const CONFIDENCE: f64 = 0.97;

/// By a trace: the pool's own allocation met the limit.
pub(super) fn check(picture: &DirectPicture<'_>) -> Answer {
    if picture.mechanism != Mechanism::NetworkPool {
        return Answer::DoesNotFire("the pool of network buffers did not fail".to_owned());
    }
    Answer::Fires(Box::new(Finding {
        label: Label::NetworkPoolUnallocatable,
        severity: Severity::Critical,
        confidence: CONFIDENCE,
        alternatives: Vec::new(),
        limit: picture.limit_claim(true),
        consumer: pool(),
        forecast: None,
        evidence: [met_evidence(picture), sizes(picture)]
            .into_iter()
            .flatten()
            .collect(),
        remedy: remedy(picture),
        collect: Vec::new(),
        told_ms: None,
    }))
}

fn pool() -> Consumer {
    Consumer {
        kind: ConsumerKind::Component,
        name: Some("Flink's pool of network buffers".to_owned()),
        confidence: 0.95,
        ..Consumer::unknown()
    }
}

/// What was meant for whom, and what the JVM allows.
fn sizes(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let (limit, budget) = (picture.limit?, picture.budget?);
    let pools = &budget.started;
    let parts = [pools.framework_off_heap, pools.task_off_heap, pools.network];
    let [framework, task, network] = parts.map(|part| part.map_or_else(String::new, bytes));
    let at = picture.met.first()?.t_ms;
    let text = format!(
        "the JVM allows {} of direct memory; Flink counts on {network} for the network, {framework} for itself and {task} for tasks",
        bytes(limit)
    );
    Some(Evidence::new(text, "options", at, at).with_value(limit))
}

fn remedy(picture: &DirectPicture<'_>) -> Remedy {
    let Some(budget) = picture.budget else {
        return in_words(REMEDY);
    };
    if budget.direct_limit_overridden {
        return overridden(budget);
    }
    // The sum fits, so somebody else was there first: as much more as the pool is large is enough in any case.
    let present = budget.started.framework_off_heap.unwrap_or(0);
    let network = budget.started.network.unwrap_or(0);
    match budget.grow("framework_off_heap", present.saturating_add(network)) {
        Some(raise) => Remedy {
            text: "Something took direct memory before Flink's pool of network buffers was allocated. Give the framework as much more, and see what holds it."
                .to_owned(),
            assumes: budget.assumed().into_iter().collect(),
            config: raise.config,
            remove: raise.remove,
            before: Some(raise.before),
            after: Some(raise.after),
        },
        None => in_words(REMEDY),
    }
}

fn overridden(budget: &Budget) -> Remedy {
    let sum = budget.started.jvm_direct.map_or_else(String::new, |sum| {
        format!(", which is {}", MemorySize::from_bytes(sum).to_option())
    });
    in_words(format!(
        "Take -XX:MaxDirectMemorySize out of env.java.opts: it comes after the one that Flink sets to the sum of its pools{sum}, and wins. If less is wanted, lower taskmanager.memory.network.max instead."
    ))
}

const REMEDY: &str = "The sizes do not belong together: the limit on direct memory must hold framework off-heap, task off-heap and network memory. Let Flink's scripts set -XX:MaxDirectMemorySize, and raise the size of the process or lower taskmanager.memory.network.max; a larger taskmanager.memory.network.min alone makes it worse.";

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
        consumer: Some(pool()),
        remedy: in_words(REMEDY),
        ..Claim::new(
            Label::NetworkPoolUnallocatable,
            0.95,
            ("direct", 0.97),
            told,
        )
    })
}
