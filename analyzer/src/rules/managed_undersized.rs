//! `managed_undersized`: a reservation of managed memory did not fit.

use super::Answer;
use super::network::Pools;
use super::remedy::configured;
use super::told::{Claim, Words, in_words, no_line, requester};
use crate::budget::Wish;
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Remedy, Severity,
};
use crate::lines::{Fact, Told};
use crate::units::{bytes, round_up};

/// The line says it, and the slot's own figures agree.
const TOLD: f64 = 0.95;
/// Nothing else is reserved in the slot, so who asked is who needs.
const ALONE: f64 = 0.95;
/// Others hold some of the slot's share.
const NOT_ALONE: f64 = 0.6;

/// By a trace, for figures: that a reservation failed, only a line can tell.
pub(super) fn check(pools: &Pools<'_>) -> Answer {
    let failed = pools
        .case
        .told
        .iter()
        .find_map(|(told, _)| match told.fact {
            Fact::ManagedExhausted {
                requested,
                remaining,
            } => Some((told, requested?, remaining?)),
            _ => None,
        });
    let Some((told, requested, remaining)) = failed else {
        return Answer::DoesNotFire(
            "no reservation of managed memory is told to have failed".to_owned(),
        );
    };
    let slot = slot_bytes(pools).max(remaining);
    let text = format!(
        "a slot has {} of managed memory; {} were asked for while {} were reserved already",
        bytes(slot),
        bytes(requested),
        bytes(slot.saturating_sub(remaining))
    );
    Answer::Fires(Box::new(Finding {
        label: Label::ManagedUndersized,
        severity: Severity::Critical,
        confidence: TOLD,
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "managed",
            confidence: None,
            bytes: Some(slot),
            peak: Some(slot.saturating_sub(remaining).saturating_add(requested)),
            reached: true,
        },
        consumer: consumer(told, remaining >= slot),
        forecast: None,
        evidence: vec![Evidence::told(text, told.t_ms, told.t_ms).with_value(requested)],
        remedy: remedy(pools, slot, requested, remaining),
        collect: Vec::new(),
        told_ms: None,
    }))
}

/// The share of one slot, as Flink has it or as the budget says.
fn slot_bytes(pools: &Pools<'_>) -> u64 {
    let inside = pools.case.timeline.inside.iter().rev();
    let mut slots = inside.filter_map(|inside| Some(&inside.flink.as_ref()?.slots));
    let measured = slots.find_map(|slots| slots.iter().filter_map(|slot| slot.managed_bytes).max());
    let derived = || {
        let managed = pools.budget?.started.managed?;
        Some(managed / slots_total(pools).max(1))
    };
    measured.or_else(derived).unwrap_or(0)
}

fn slots_total(pools: &Pools<'_>) -> u64 {
    let inside = pools.case.timeline.inside.iter().rev();
    let mut totals = inside.filter_map(|inside| inside.flink.as_ref()?.slots_total);
    totals.next().unwrap_or(1)
}

fn consumer(told: &Told, is_alone: bool) -> Consumer {
    match requester(&told.frames) {
        None => Consumer::unknown(),
        Some(frame) => Consumer {
            kind: ConsumerKind::CallSite,
            name: Some(frame.qualified()),
            line: frame.line,
            share: None,
            confidence: if is_alone { ALONE } else { NOT_ALONE },
        },
    }
}

/// Each slot gets what is missing, for the next attempt may come into another.
fn remedy(pools: &Pools<'_>, slot: u64, requested: u64, remaining: u64) -> Remedy {
    /// Sizes are rounded up to this.
    const STEP_BYTES: u64 = 1 << 20;
    let slots = slots_total(pools);
    let each = slot.saturating_add(requested.saturating_sub(remaining));
    let advice = format!(
        "Managed memory is split evenly among the {slots} slots, and by weight among their users: let the operator ask for less, use fewer slots, or give each slot {}.",
        bytes(each)
    );
    let need = round_up(each.saturating_mul(slots), STEP_BYTES);
    let wish = Wish::of("managed", need)
        .sparing("jvm_heap", pools.heap_needs())
        .used("jvm_heap", pools.case.live_heap_bytes());
    configured(pools.budget, &wish, &advice)
}

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| matches!(fact, Fact::ManagedExhausted { .. })) else {
        return no_line();
    };
    let figures = match told.fact {
        Fact::ManagedExhausted {
            requested,
            remaining,
        } => requested.zip(remaining),
        _ => None,
    };
    let evidence = figures.map(|(requested, remaining)| {
        let text = format!(
            "{} were asked for, {} were left",
            bytes(requested),
            bytes(remaining)
        );
        Evidence::told(text, told.t_ms, told.t_ms).with_value(requested)
    });
    words.fires(Claim {
        limit_bytes: words.budget.and_then(|budget| budget.pools.managed),
        evidence: evidence.into_iter().collect(),
        remedy: in_words(
            "Managed memory is split by slots and by weight among its users. Raise taskmanager.memory.managed.size or fraction, or use fewer slots; if the task before had not given its share back, the next attempt succeeds.",
        ),
        collect: vec!["slots of the process and users of managed memory in the job (state backend, batch operators, Python)".to_owned()],
        ..Claim::new(Label::ManagedUndersized, 0.8, ("managed", 0.98), told)
    })
}
