//! Pauses and what else keeps a process from answering: collections, other safepoints, the processor quota, a frozen machine, swapping.

mod stall;
mod timeout;

pub(super) use stall::Stall;

use super::{Facts, Verdict, gc_pause_heartbeat};

use crate::case::Case;
use crate::finding::Label;
use crate::lines::{Fact, Told};
use flinkmem_trace::{Incident, IncidentKind, Pause};

/// Everything about how long a process did not answer.
pub(super) struct PausesPicture<'a> {
    pub(super) case: &'a Case,

    /// `heartbeat.timeout`, milliseconds: as configured where that is known, else Flink's default.
    pub(super) timeout_ms: u64,
    /// Whether it is known.
    pub(super) timeout_is_known: bool,
    /// The first line about a heartbeat that stayed away.
    pub(super) lost: Option<&'a Told>,
    /// The time before that line, or, without one, the worst stretch of a timeout's length.
    pub(super) stall: Option<Stall>,
    /// The longest pause in it.
    pub(super) longest: Option<&'a Pause>,
    /// The first error for want of heap.
    pub(super) heap_error: Option<&'a Incident>,
}

/// Asks the rules of this family.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    let picture = PausesPicture::of(facts);
    verdict.take(Label::GcPauseHeartbeat, gc_pause_heartbeat::check(&picture));
}

impl<'a> PausesPicture<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let configured = timeout::configured_ms(case);
        let timeout_ms = configured.unwrap_or(timeout::DEFAULT_MS);
        let mut told = case.told.iter().map(|(told, _)| told);
        let lost = told.find(|told| told.fact == Fact::HeartbeatLost && told.t_ms.is_some());
        let moments = &case.timeline.moments;
        let before = |end_ms| {
            let stall = Stall::before(moments, end_ms, timeout_ms)?;
            Some(stall.or_by_records(case, end_ms, timeout_ms))
        };
        let stall = match lost.and_then(|lost| lost.t_ms) {
            Some(lost_ms) => before(lost_ms),
            None => {
                let around = stall::busiest_end_ms(case, timeout_ms).and_then(before);
                let worst = Stall::worst(moments, timeout_ms).into_iter().chain(around);
                // Much of a timeout, and little between: a longer stretch has more pauses, and more time to answer.
                let fills =
                    |stall: &Stall| stall.collecting_ms.min(timeout_ms as f64) * stall.collecting();
                worst.max_by(|a, b| fills(a).total_cmp(&fills(b)))
            }
        };
        let heap_error = case.incidents.iter().find(|incident| {
            let of_heap = incident.flags.is_some_and(|flags| flags & 2 != 0);
            incident.incident == IncidentKind::ResourceExhausted && of_heap
        });
        Self {
            case,

            timeout_ms,
            timeout_is_known: configured.is_some(),
            longest: stall.and_then(|stall| longest(case, &stall)),
            stall,
            lost,
            heap_error,
        }
    }

    /// Whether the heap was exhausted before: then pauses are what that looks like.
    pub(super) fn is_consequence(&self) -> bool {
        let begin = self.stall.map_or(i64::MAX, |stall| stall.to_ms);
        self.heap_error.is_some_and(|error| error.t_ms <= begin)
    }
}

fn longest<'a>(case: &'a Case, stall: &Stall) -> Option<&'a Pause> {
    let within = case
        .evidence
        .all::<Pause>()
        .filter(|pause| pause.t_ms <= stall.to_ms && stall::end_ms(pause) >= stall.from_ms);
    within.max_by_key(|pause| pause.duration_us)
}
