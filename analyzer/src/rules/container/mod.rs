//! What the rules on the container's memory look at: how near its limit was, what became of the process, whose resident bytes grew, who else is in
//! it, and whether the pools' limits fit into it at all. The families `native` and `outside` share it, so that they cannot contradict each other.
//!
//! Page cache is no use of the limit: the kernel gives it back before it kills. What counts is called *held* here.

mod end;
mod held;
mod others;
mod parts;
mod room;

pub(super) use end::End;
pub(super) use held::Held;
pub(super) use others::Others;
pub(super) use parts::Parts;
pub(super) use room::Room;

use super::Facts;
use crate::budget::Budget;
use crate::case::{Case, Outcome, OutcomeKind};
use crate::finding::{Evidence, LimitClaim};
use crate::units::{bytes, duration};

/// Everything about the container of a case.
pub(super) struct Container<'a> {
    pub(super) case: &'a Case,
    pub(super) outcome: &'a Outcome,
    pub(super) budget: Option<&'a Budget>,
    /// The limit in force last; where no cgroup has one, the limit that lines tell.
    pub(super) limit: Option<u64>,
    /// What was held at each sample, and how it grew.
    pub(super) held: Held,
    /// How it ended, as far as the container is concerned.
    pub(super) end: End,
    /// Resident bytes of the process by owner, and how they grew.
    pub(super) parts: Parts,
    /// Children and other processes.
    pub(super) others: Others,
    /// The limits of all pools together.
    pub(super) room: Room,
}

impl<'a> Container<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let limit = limit(case);
        let held = Held::of(case);
        let end = End::of(facts, &held, limit);
        let parts = Parts::of(case);
        let room = Room::of(facts, &parts, &held);
        Self {
            case,
            outcome: facts.outcome,
            budget: facts.budget,
            limit,
            end,
            others: Others::of(case),
            held,
            parts,
            room,
        }
    }

    /// The claim that the container is the limit.
    pub(super) fn limit_claim(&self) -> LimitClaim {
        LimitClaim {
            name: "container",
            confidence: match self.end {
                End::Killed { sure } if !self.kill_was_told() => Some(sure),
                _ => None,
            },
            bytes: self.limit,
            peak: self.held.peak,
            reached: self.killed(),
        }
    }

    /// Whether the process was killed for its memory, or so it seems.
    pub(super) fn killed(&self) -> bool {
        matches!(self.end, End::Killed { .. })
    }

    /// Whether somebody counted or told the kill, so that it need not be concluded.
    fn kill_was_told(&self) -> bool {
        matches!(self.end, End::Killed { sure } if sure >= end::TOLD)
    }

    /// How sure it is that the container's limit was met.
    pub(super) fn sure_of_kill(&self) -> f64 {
        match self.end {
            End::Killed { sure } => sure,
            End::Vanished | End::Alive => 0.0,
        }
    }

    /// Whether the process may still be alive, so that a forecast has a meaning.
    pub(super) fn may_run(&self) -> bool {
        let open = matches!(
            self.outcome.kind,
            OutcomeKind::Running | OutcomeKind::Unknown
        );
        open && !self.killed()
    }

    /// Bytes that the limit leaves now.
    pub(super) fn left(&self) -> Option<u64> {
        Some(self.limit?.saturating_sub(self.held.last?))
    }

    /// How the limit was met, or how near it is.
    pub(super) fn met_evidence(&self) -> Option<Evidence> {
        let (limit, last) = (self.limit?, self.held.last?);
        let moments = &self.case.timeline.moments;
        let (first, end) = (moments.first()?, moments.last()?);
        let percent = last as f64 / limit as f64 * 100.0;
        let what = format!(
            "{} of the container's {} were held at the last sample ({percent:.0} %), page cache not counted",
            bytes(last),
            bytes(limit),
        );
        let text = match self.end {
            End::Killed { .. } => format!("{}; {what}", self.outcome.detail),
            End::Vanished | End::Alive => what,
        };
        let from = if self.killed() { end.t_ms } else { first.t_ms };
        Some(Evidence::new(text, "cgroup.usage_bytes", from, end.t_ms).with_value(last))
    }

    /// Who else grew, and who did not: what a verdict excludes.
    pub(super) fn parts_evidence(&self, shown: usize) -> Option<Evidence> {
        let parts = &self.parts;
        let span = parts.to_ms.saturating_sub(parts.from_ms) as f64 / 1000.0;
        let grown: Vec<String> = parts
            .list
            .iter()
            .filter(|part| part.growth() > 0)
            .take(shown)
            .map(|part| format!("{} +{}", part.name(), bytes(part.growth())))
            .collect();
        if grown.is_empty() {
            return None;
        }
        let text = format!(
            "of the process's resident memory grew in {}: {}",
            duration(span),
            grown.join(", ")
        );
        let wall = |up_ms| self.case.wall_ms(up_ms);
        let fact = Evidence::new(text, "ledger.parts", wall(parts.from_ms), wall(parts.to_ms));
        Some(fact.with_value(parts.growth_of_all()))
    }
}

/// The limit in force last.
fn limit(case: &Case) -> Option<u64> {
    let measured = case.timeline.last(|moment| moment.cgroup?.limit_bytes);
    measured
        .or(case.observed.container_limit)
        .filter(|limit| *limit > 0)
}
