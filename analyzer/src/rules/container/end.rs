//! How a process ended, as far as its container is concerned. A kill leaves no words: it is told by what the machine counted, by whoever
//! ended the container, or by a trace that stops at the limit.

use super::super::Facts;
use super::Held;
use crate::case::{Moment, OutcomeKind};
use crate::lines::Fact;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::rules) enum End {
    /// Killed for the container's memory.
    Killed {
        /// How sure that is, from 0 to 1.
        sure: f64,
    },
    /// Its trace stops without an end below the limit: killed, crashed, or copied while it ran.
    Vanished,
    /// Anything else: it runs, ended in an orderly way, or failed otherwise.
    Alive,
}

/// Said by the kernel's counter, or by whoever ended the container.
pub(super) const TOLD: f64 = 0.97;

/// The trace stops without an end at the limit.
const STOPS_AT_LIMIT: f64 = 0.92;

/// The trace stops without an end, on its way over the limit.
const STOPS_ON_THE_WAY: f64 = 0.75;

/// A trace that stops this near below the limit, and on its way over it, is taken for one of a killed process.
const NEAR: f64 = 0.85;

/// Between two samples near a limit lie 0.1 s; a process that takes memory fast is reclaiming for the last of them. Seconds to look ahead.
const AHEAD_S: f64 = 2.0;

impl End {
    pub(super) fn of(facts: Facts<'_>, held: &Held, limit: Option<u64>) -> Self {
        let (case, outcome) = (facts.case, facts.outcome);
        let lines_tell = case
            .told
            .iter()
            .any(|(told, _)| matches!(told.fact, Fact::ContainerKilled(_)));
        if outcome.kind == OutcomeKind::Killed {
            let by_host = case.told.iter().any(|(told, _)| {
                matches!(
                    told.fact,
                    Fact::HostKilled(_) | Fact::VirtualMemoryKilled { .. }
                )
            });
            if by_host && !lines_tell {
                return Self::Alive;
            }
            let counted = kills(&case.timeline.moments);
            let sure = if lines_tell || counted {
                TOLD
            } else {
                STOPS_AT_LIMIT
            };
            return Self::Killed { sure };
        }
        match outcome.kind {
            OutcomeKind::Unknown if on_the_way_over(held, limit) => Self::Killed {
                sure: STOPS_ON_THE_WAY,
            },
            OutcomeKind::Unknown => Self::Vanished,
            _ => Self::Alive,
        }
    }
}

fn on_the_way_over(held: &Held, limit: Option<u64>) -> bool {
    let Some((last, limit)) = held.last.zip(limit) else {
        return false;
    };
    let next = last as f64 + held.pace_at_end.max(0.0) * AHEAD_S;
    last as f64 >= limit as f64 * NEAR && next >= limit as f64
}

fn kills(moments: &[Moment]) -> bool {
    let counter = |moment: &Moment| moment.cgroup?.oom_kill;
    let first = moments.iter().find_map(counter);
    let last = moments.iter().rev().find_map(counter);
    last > first
}
