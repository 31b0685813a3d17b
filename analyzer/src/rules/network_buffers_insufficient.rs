//! `network_buffers_insufficient`: a gate or result asks for more buffers than are not promised yet.

use super::Answer;
use super::told::{Claim, Words, grown, in_words, no_line};
use crate::finding::{Evidence, Label, Remedy};
use crate::lines::{Fact, Told};
use crate::network::Shortage;
use crate::units::bytes;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| matches!(fact, Fact::NetworkBuffersInsufficient(_))) else {
        return no_line();
    };
    // The largest of them: a pool that meets the first may fail the next.
    let shortages = words
        .all(|fact| matches!(fact, Fact::NetworkBuffersInsufficient(_)))
        .filter_map(shortage);
    let worst = shortages.max_by_key(Shortage::enough_for_this_request);
    let total = worst.map(|worst| worst.total.saturating_mul(worst.segment_bytes));
    words.fires(Claim {
        alternatives: &[Label::NetworkBufferLeak],
        limit_bytes: total,
        evidence: worst.map(|worst| arithmetic(told, worst)).into_iter().collect(),
        remedy: remedy(words, worst),
        collect: vec![
            "the topology, for flinkmem network: it adds up what all exchanges need, which no single line does".to_owned(),
            "whether it happens in a fresh process: if only after restarts, buffers are lost when jobs end".to_owned(),
        ],
        ..Claim::new(Label::NetworkBuffersInsufficient, 0.9, ("network_buffers", 0.99), told)
    })
}

fn shortage(told: &Told) -> Option<Shortage> {
    match told.fact {
        Fact::NetworkBuffersInsufficient(shortage) => shortage,
        _ => None,
    }
}

fn arithmetic(told: &Told, worst: Shortage) -> Evidence {
    let text = format!(
        "{} of {} buffers are promised already; with this request it would be {}, which is {}",
        worst.promised(),
        worst.total,
        worst.promised().saturating_add(worst.required),
        bytes(worst.enough_for_this_request()),
    );
    Evidence::told(text, told.t_ms, told.t_ms).with_value(worst.enough_for_this_request())
}

fn remedy(words: &Words<'_>, worst: Option<Shortage>) -> Remedy {
    let text = "Give the network more, or let the job need less: lower parallelism, fewer all-to-all exchanges, fewer slots in one process.";
    match worst {
        Some(worst) => grown(
            words,
            "network",
            worst.enough_for_this_request(),
            text,
            "This meets the largest request seen; later ones may want more.",
        ),
        None => in_words(text),
    }
}
