//! Flink's own pools: network buffers and managed memory, as Flink keeps account of them.

mod attempts;
mod tasks;

use attempts::Attempt;

use super::{
    Answer, Facts, Verdict, managed_undersized, network_buffer_leak, network_buffers_insufficient,
};
use crate::budget::Budget;
use crate::case::Case;
use crate::finding::Label;
use crate::lines::{Fact, Told};
use crate::network::Shortage;
use crate::units::to_bytes;
use flinkmem_trace::NetworkPool;

type Rule = fn(&Pools<'_>) -> Answer;

const RULES: [(Label, Rule); 3] = [
    (
        Label::NetworkBuffersInsufficient,
        network_buffers_insufficient::check,
    ),
    (Label::NetworkBufferLeak, network_buffer_leak::check),
    (Label::ManagedUndersized, managed_undersized::check),
];

/// Asks the rules of this family. Only the TaskManager has these pools.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    let pools = Pools::of(facts);
    for (label, rule) in RULES {
        verdict.take(label, rule(&pools));
    }
}

/// A heap needs half as much again as collections leave in it: with less, they come back to back.
const HEAP_OVER_LIVE: f64 = 1.5;

/// What the rules of this family look at.
pub(super) struct Pools<'a> {
    pub(super) case: &'a Case,
    pub(super) budget: Option<&'a Budget>,
    /// The pool of network buffers at the last sample that tells it.
    pub(super) network: Option<NetworkPool>,
    /// Stretches in which tasks had buffers, in order.
    pub(super) attempts: Vec<Attempt>,
    /// Subtasks of each vertex that ran here at the same time, in the order in which the vertices came.
    pub(super) vertices: Vec<(String, u64)>,
    /// What the log says, if it was given: the largest shortage of network buffers.
    pub(super) shortage: Option<(&'a Told, Option<Shortage>)>,
}

impl<'a> Pools<'a> {
    fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let inside = &case.timeline.inside;
        let last_ms = case
            .timeline
            .moments
            .last()
            .map_or(0, |moment| moment.up_ms);
        Self {
            case,
            budget: facts.budget,
            network: inside
                .iter()
                .rev()
                .find_map(|inside| inside.flink.as_ref()?.network),
            attempts: attempts::of(inside, last_ms),
            vertices: tasks::vertices(&case.events),
            shortage: shortage(case),
        }
    }

    /// The least heap that the process can do with, from what was measured.
    pub(super) fn heap_needs(&self) -> Option<u64> {
        let live = self.case.live_heap_bytes()?;
        Some(to_bytes(live as f64 * HEAP_OVER_LIVE))
    }
}

fn shortage(case: &Case) -> Option<(&Told, Option<Shortage>)> {
    let told = case.told.iter().filter_map(|(told, _)| match told.fact {
        Fact::NetworkBuffersInsufficient(figures) => Some((told, figures)),
        _ => None,
    });
    told.max_by_key(|(_, figures)| figures.map(|figures| figures.enough_for_this_request()))
}
