//! The Java heap: what is live after collections, who holds it, and what did not fit. Rules on the heap share this picture, so that they
//! cannot contradict each other. `docs/heap.md` tells how causes are told apart.

mod cause;
mod consumer;
mod content;
mod evidence;
mod finding;
mod live;
mod met;
mod remedy;
mod sites;
mod stack;
#[cfg(test)]
mod tests;

pub(super) use cause::{Cause, Leaning};
pub(super) use content::Content;
pub(super) use evidence::asked_by;
pub(super) use finding::{Draft, draft};
pub(super) use live::{Basis, Crowded, Live};
pub(super) use met::Met;
pub(super) use remedy::heap_remedy;
pub(super) use sites::SiteOwner;

use super::{
    Answer, Facts, Verdict, array_limit, heap_bulk_materialization, heap_leak, heap_many_writers,
    heap_state_growth, heap_undersized, jm_heap_metadata,
};
use crate::budget::Budget;
use crate::case::{Case, Moment, Outcome, OutcomeKind, seconds};
use crate::finding::{Label, LimitClaim};
use crate::model::Process;
use flinkmem_trace::{EventKind, Frame, Incident};

/// Everything about the Java heap of a case.
pub(super) struct HeapPicture<'a> {
    pub(super) case: &'a Case,
    pub(super) outcome: &'a Outcome,
    pub(super) budget: Option<&'a Budget>,
    /// `-Xmx`.
    pub(super) limit: Option<u64>,
    /// The most that was in use.
    pub(super) peak: Option<u64>,
    /// How the limit was met.
    pub(super) met: Met<'a>,
    /// A time in which collections found nothing and took the time.
    pub(super) crowded: Option<Crowded>,
    /// The live set until the limit was met.
    pub(super) live: Live,
    /// What the heap holds then.
    pub(super) content: Option<Content<'a>>,
    /// Who allocated what survives.
    pub(super) sites: Vec<SiteOwner<'a>>,
    /// Which way the evidence leans.
    pub(super) leaning: Leaning,
}

/// Asks the rules of this family.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    type Rule = for<'a> fn(&HeapPicture<'a>) -> Answer;
    const RULES: [(Label, Rule); 7] = [
        (Label::HeapUndersized, heap_undersized::check),
        (Label::HeapStateGrowth, heap_state_growth::check),
        (Label::HeapLeak, heap_leak::check),
        (
            Label::HeapBulkMaterialization,
            heap_bulk_materialization::check,
        ),
        (Label::HeapManyWriters, heap_many_writers::check),
        (Label::JmHeapMetadata, jm_heap_metadata::check),
        (Label::ArrayLimit, array_limit::check),
    ];
    let picture = HeapPicture::of(facts);
    for (label, rule) in RULES {
        verdict.take(label, rule(&picture));
    }
}

/// How many moments there were before the error was thrown: what asked for too much may have let go of it all before the error was noted, and
/// even the tick before, held up by the collections, may have read the heap after that.
fn before_it_was_given_back(moments: &[Moment]) -> usize {
    const NOTED_WITHIN_MS: u64 = 3_000;
    let used = |moment: &Moment| moment.heap.map(|heap| heap.used_bytes);
    let end = moments.last().map_or(0, |moment| moment.up_ms);
    let begin = moments.partition_point(|moment| moment.up_ms + NOTED_WITHIN_MS < end);
    let top = moments[begin..].iter().filter_map(used).max().unwrap_or(0);
    let is_full = |moment: &Moment| used(moment).is_some_and(|used| used >= top / 2);
    moments
        .iter()
        .rposition(is_full)
        .map_or(moments.len(), |last| last + 1)
}

impl<'a> HeapPicture<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let moments = &case.timeline.moments;
        let met = Met::of(case);
        let limit = case
            .timeline
            .last(|moment| {
                moment
                    .heap
                    .map(|heap| heap.max_bytes)
                    .filter(|&max| max > 0)
            })
            .or(case.observed.jvm_limits.heap);
        let crowded = limit.and_then(|limit| Crowded::of(moments, limit));
        let exhausted_ms = exhausted_ms(&met, crowded.as_ref());
        let until = exhausted_ms.map_or(moments.len(), |end| {
            let told = moments.partition_point(|moment| moment.up_ms <= end);
            before_it_was_given_back(&moments[..told])
        });
        let mut picture = Self {
            case,
            outcome: facts.outcome,
            budget: facts.budget,
            limit,
            peak: case
                .timeline
                .peak(|moment| moment.heap.map(|heap| heap.used_bytes)),
            live: Live::of(&moments[..until], is_g1(case)),
            content: Content::of(case, limit, exhausted_ms),
            sites: sites::owners(case, survivors_ms(&met, crowded.as_ref())),
            met,
            crowded,
            leaning: Leaning::Neither(String::new()),
        };
        picture.leaning = cause::of(&picture);
        picture
    }

    /// When the heap was exhausted, milliseconds since the agent started.
    pub(super) fn exhausted_ms(&self) -> Option<u64> {
        exhausted_ms(&self.met, self.crowded.as_ref())
    }

    /// Whether an error was thrown.
    pub(super) fn failed(&self) -> bool {
        !self.met.heap.is_empty()
    }

    pub(super) fn is_job_manager(&self) -> bool {
        self.case.observed.process == Some(Process::JobManager)
    }

    /// Whether the process may still be alive, so that a forecast has a meaning.
    pub(super) fn may_run(&self) -> bool {
        matches!(
            self.outcome.kind,
            OutcomeKind::Running | OutcomeKind::Unknown
        )
    }

    /// The claim that the heap is the limit.
    pub(super) fn limit_claim(&self) -> LimitClaim {
        LimitClaim {
            name: "heap",
            confidence: None,
            bytes: self.limit,
            peak: self.peak,
            reached: self.exhausted_ms().is_some(),
        }
    }

    /// Stacks that met the limit, the first ones.
    pub(super) fn requesters(&self) -> impl Iterator<Item = &'a Incident> {
        self.met.heap.iter().copied()
    }

    /// The first stack at the limit that holds code of the job's.
    pub(super) fn user_stack(&self) -> Option<&'a [Frame]> {
        let mut stacks = self.requesters().map(|incident| incident.frames.as_slice());
        stacks.find(|frames| {
            stack::owner(frames).is_some_and(|(owner, _)| owner.origin == crate::case::Origin::User)
        })
    }

    /// When the last tasks were started before a time, milliseconds since the agent started.
    pub(super) fn tasks_started_ms(&self, until_ms: u64) -> Option<u64> {
        let starts = self.case.events.iter().filter(|event| {
            event.up_ms <= until_ms
                && matches!(
                    event.event,
                    EventKind::TaskStarted | EventKind::JobSeen | EventKind::Restart
                )
        });
        starts.map(|event| event.up_ms).max()
    }

    /// Wall clock of a time on the monotonic clock.
    pub(super) fn wall(&self, up_ms: u64) -> i64 {
        self.case.wall_ms(up_ms)
    }

    /// Seconds that were watched.
    pub(super) fn watched_s(&self) -> f64 {
        self.case.timeline.span_s()
    }

    /// Moments after a time.
    pub(super) fn moments_after(&self, up_ms: u64) -> &'a [Moment] {
        let moments = &self.case.timeline.moments;
        &moments[moments.partition_point(|moment| moment.up_ms <= up_ms)..]
    }

    /// Seconds of the way up to the limit.
    pub(super) fn climb_s(&self) -> Option<f64> {
        self.live
            .climb
            .map(|climb| seconds(climb.to_ms) - seconds(climb.from_ms))
    }
}

fn is_g1(case: &Case) -> bool {
    case.header
        .jvm
        .flags
        .get("UseG1GC")
        .is_some_and(|value| value == "true")
}

/// What is written down shortly after an error belongs to it: the agent is slow in a heap that is full.
const AFTER_MS: u64 = 10_000;

fn exhausted_ms(met: &Met<'_>, crowded: Option<&Crowded>) -> Option<u64> {
    let error = met.first().map(|incident| incident.up_ms);
    error.or(crowded.map(|crowded| crowded.from_ms))
}

/// Until when survivors count. An error ends what filled the heap. A heap that is full without one stays so, and the later somebody
/// looks, the less of what survives is garbage that has not been collected often enough.
fn survivors_ms(met: &Met<'_>, crowded: Option<&Crowded>) -> Option<u64> {
    let error = met
        .first()
        .map(|incident| incident.up_ms.saturating_add(AFTER_MS));
    error.or(crowded.map(|crowded| crowded.to_ms))
}
