//! `network_buffers_insufficient`: a gate or result asks for more buffers than are not promised yet.

use super::Answer;
use super::network::Pools;
use super::remedy::configured;
use super::told::{Claim, Words, grown, in_words, no_line};
use crate::budget::Wish;
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Remedy, Severity,
};
use crate::lines::{Fact, Told};
use crate::network::{BufferRules, Exchange, Pattern, Shortage, Shuffle, demand};
use crate::units::{bytes, round_up};

/// The line says it, and the pool's own figures agree.
const TOLD: f64 = 0.97;
/// The pool is full and the tasks are gone at once, again and again: another fault that comes as soon is possible.
const SEEN: f64 = 0.7;
/// So often, for it not to be chance.
const TIMES: usize = 2;

/// By a trace: tasks require the whole pool and end at once; the log tells whether that is why.
pub(super) fn check(pools: &Pools<'_>) -> Answer {
    let Some(network) = pools.network else {
        return Answer::DoesNotFire("Flink's pool of network buffers was not seen".to_owned());
    };
    let full = pools
        .attempts
        .iter()
        .filter(|attempt| attempt.hit_the_end());
    let times = full.clone().count();
    let most = pools.attempts.iter().map(|attempt| attempt.required).max();
    let told = pools.shortage.is_some();
    if !told && times < TIMES {
        return Answer::DoesNotFire(format!(
            "at most {} of {} network buffers were required",
            most.unwrap_or(0),
            network.segments_total
        ));
    }
    let total = network.segments_total.saturating_mul(network.segment_bytes);
    let span = full
        .clone()
        .next()
        .zip(full.clone().next_back())
        .or(pools.attempts.first().zip(pools.attempts.last()));
    let seen = span.map(|(first, last)| {
        let wall = |up_ms| pools.case.wall_ms(up_ms);
        let text = format!(
            "tasks required {} of {} buffers at the most and were gone soon after, {times} times",
            most.unwrap_or(0),
            network.segments_total
        );
        Evidence::new(text, "flink.network", wall(first.from_ms), wall(last.to_ms)).with_value(most)
    });
    let figures = pools
        .shortage
        .and_then(|(told, worst)| Some((told, worst?)));
    let arithmetic = figures.map(|(told, worst)| arithmetic(told, worst));
    Answer::Fires(Box::new(Finding {
        label: Label::NetworkBuffersInsufficient,
        severity: Severity::Critical,
        confidence: if told { TOLD } else { SEEN },
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "network_buffers",
            confidence: None,
            bytes: Some(total),
            peak: most.map(|most| most.saturating_mul(network.segment_bytes)),
            reached: true,
        },
        consumer: consumer(pools),
        forecast: None,
        evidence: seen.into_iter().chain(arithmetic).chain(needed(pools)).collect(),
        remedy: measured_remedy(pools, network.segment_bytes),
        collect: match told {
            true => Vec::new(),
            false => vec![
                "the log of the TaskManager or JobManager: it says \"Insufficient number of network buffers\" if that is why the tasks ended".to_owned(),
            ],
        },
        told_ms: None,
    }))
}

fn consumer(pools: &Pools<'_>) -> Consumer {
    let names: Vec<&str> = pools
        .vertices
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        return Consumer::unknown();
    }
    Consumer {
        kind: ConsumerKind::Component,
        name: Some(format!("the exchanges between {}", names.join(", "))),
        line: None,
        share: None,
        confidence: 0.9,
    }
}

/// What the tasks that were seen require if each vertex sends all to all of the next, and all run here: streaming's defaults.
fn chain_of_exchanges(vertices: &[(String, u64)]) -> Option<u64> {
    const RULES: BufferRules = BufferRules {
        per_channel: 2,
        floating: 8,
        capped: false,
        cap: None,
        sort_shuffle: None,
        overdraft: None,
    };
    // Of a job that fails at its start not all tasks may have been seen.
    let parallelism = vertices.iter().map(|(_, most)| *most).max()?;
    let exchange = Exchange {
        upstream: parallelism,
        downstream: parallelism,
        pattern: Pattern::AllToAll,
        shuffle: Shuffle::Pipelined,
    };
    let exchanges = vec![exchange; vertices.len().saturating_sub(1)];
    let required = demand(&RULES, &exchanges, 1).total.required;
    (required > 0).then_some(required)
}

fn needed(pools: &Pools<'_>) -> Option<Evidence> {
    let required = chain_of_exchanges(&pools.vertices)?;
    let tasks: Vec<String> = pools
        .vertices
        .iter()
        .map(|(name, most)| format!("{most} of {name}"))
        .collect();
    let first = pools.case.timeline.moments.first()?;
    let last = pools.case.timeline.moments.last()?;
    let text = format!(
        "tasks seen at once: {}; exchanges of all with all between them require {required} buffers",
        tasks.join(", ")
    );
    Some(Evidence::new(text, "events", first.t_ms, last.t_ms).with_value(required))
}

const ADVICE: &str = "Give the network more, or let the job need less: lower parallelism, fewer all-to-all exchanges, fewer slots in one process.";

fn measured_remedy(pools: &Pools<'_>, segment_bytes: u64) -> Remedy {
    /// Sizes are rounded up to this.
    const STEP_BYTES: u64 = 1 << 20;
    let by_tasks =
        chain_of_exchanges(&pools.vertices).map(|required| required.saturating_mul(segment_bytes));
    let by_line = pools
        .shortage
        .and_then(|(_, worst)| Some(worst?.enough_for_this_request()));
    let Some(need) = by_tasks.max(by_line) else {
        return in_words(ADVICE);
    };
    let wish = Wish::of("network", round_up(need, STEP_BYTES))
        .sparing("jvm_heap", pools.heap_needs())
        .used("jvm_heap", pools.case.live_heap_bytes());
    configured(pools.budget, &wish, ADVICE)
}

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
    let text = ADVICE;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_exchanges_is_counted_at_the_parallelism_of_the_widest_vertex() {
        let vertices = [
            ("Source".to_owned(), 8),
            ("Map".to_owned(), 8),
            ("Sink".to_owned(), 7),
        ];
        // Twice: 8 results of 8 + 1 buffers, 8 gates of 2 * 8 + 1.
        assert_eq!(chain_of_exchanges(&vertices), Some(2 * (8 * 9 + 8 * 17)));
        assert_eq!(chain_of_exchanges(&vertices[..1]), None);
    }
}
