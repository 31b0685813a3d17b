//! Threads: their number, who creates them, and the limits on them. What both rules look at, so that they cannot contradict
//! each other.

mod groups;
mod leaning;
mod limit;
#[cfg(test)]
mod tests;

pub(super) use groups::Group;
pub(super) use leaning::{Leaning, Sign, points, total_growth};
pub(super) use limit::ThreadLimit;

use super::metaspace::MetaspacePicture;
use super::{Facts, Verdict, thread_leak, thread_limit};
use crate::case::{Case, Outcome, OutcomeKind};
use crate::finding::{Consumer, ConsumerKind, Evidence, Label, LimitClaim};
use crate::units::time_of_day;
use flinkmem_trace::{EventKind, Incident, IncidentKind, ThreadCensus};

/// JVMTI's flag of an incident of threads.
const THREADS: u32 = 4;

/// So many threads for each class loader that they keep are more than jobs that each leave one behind.
const THREADS_PER_LOADER: u64 = 3;

/// Asks the rules of this family.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    let threads = ThreadPicture::of(facts);
    let metaspace = MetaspacePicture::of(facts);
    verdict.take(Label::ThreadLeak, thread_leak::check(&threads, &metaspace));
    verdict.take(Label::ThreadLimit, thread_limit::check(&threads));
}

/// Everything about the threads of a case.
pub(super) struct ThreadPicture<'a> {
    pub(super) case: &'a Case,
    pub(super) outcome: &'a Outcome,
    /// Refused starts that were noted, in order.
    pub(super) refused: Vec<&'a Incident>,
    /// The census that counts: when a start was refused first, else the last.
    pub(super) census: Option<&'a ThreadCensus>,
    /// The threads that grew most, those of the JVM and of Flink left out.
    pub(super) main: Option<Group<'a>>,
    /// What refused, or is the nearest to.
    pub(super) limit: ThreadLimit,
    /// Ends of tasks and jobs, and restarts, milliseconds since the agent started.
    pub(super) ends: Vec<u64>,
    /// Which way the evidence leans.
    pub(super) leaning: Leaning,
}

/// Whether an incident is a refused start of a thread.
pub(super) fn is_refused(incident: &Incident) -> bool {
    let by_flag = incident.flags.is_some_and(|flags| flags & THREADS != 0);
    let by_words = incident
        .message
        .as_deref()
        .is_some_and(|message| message.contains("native thread"));
    incident.incident == IncidentKind::ResourceExhausted && (by_flag || by_words)
}

impl<'a> ThreadPicture<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let refused: Vec<&Incident> = case
            .incidents
            .iter()
            .filter(|incident| is_refused(incident))
            .collect();
        let census = census(case, &refused);
        let until_ms = census.map_or(0, |census| census.taken.up_ms);
        let mut picture = Self {
            case,
            outcome: facts.outcome,
            main: census.and_then(|census| groups::main(case, census)),
            limit: ThreadLimit::of(case, census, !refused.is_empty()),
            ends: ends(case, until_ms),
            refused,
            census,
            leaning: Leaning::Neither(String::new()),
        };
        picture.leaning = leaning::of(&picture);
        picture
    }

    /// Whether a start was refused.
    pub(super) fn failed(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Whether the process may still be alive, so that a forecast has a meaning.
    pub(super) fn may_run(&self) -> bool {
        matches!(
            self.outcome.kind,
            OutcomeKind::Running | OutcomeKind::Unknown
        )
    }

    /// Whether these threads leak, in a number beside which the loaders that they keep are a consequence.
    pub(super) fn drives(&self, pattern: &str, loaders: usize) -> bool {
        let Some(main) = self.main.as_ref().filter(|main| main.pattern() == pattern) else {
            return false;
        };
        matches!(self.leaning, Leaning::Leak(..))
            && main.grown >= THREADS_PER_LOADER.saturating_mul(loaders as u64)
    }

    /// Threads have no bytes: the figures are in the evidence.
    pub(super) fn limit_claim(&self) -> LimitClaim {
        LimitClaim {
            name: "threads",
            confidence: None,
            bytes: None,
            peak: None,
            reached: self.failed(),
        }
    }

    /// Who has started most of the threads that grew.
    pub(super) fn consumer(&self) -> Consumer {
        let Some(main) = &self.main else {
            return Consumer::unknown();
        };
        let creator = main.creator(self.case);
        let name = match &creator {
            Some(creator) => format!("{} started by {}", main.pattern(), creator.method),
            None => main.pattern().to_owned(),
        };
        let all = self.census.map_or(0, |census| census.live);
        Consumer {
            kind: ConsumerKind::Thread,
            name: Some(name),
            line: creator.as_ref().and_then(|creator| creator.line),
            share: (all > 0)
                .then(|| crate::finding::two_digits(main.group.live as f64 / all as f64)),
            confidence: if creator.is_some() { 0.95 } else { 0.8 },
        }
    }

    /// Who starts threads of that name.
    pub(super) fn creator_evidence(&self, pattern: &str) -> Option<Evidence> {
        let census = self.case.evidence.last::<ThreadCensus>()?;
        let group = census
            .groups
            .iter()
            .find(|group| group.pattern == pattern)?;
        let creator = groups::creator(self.case, group)?;
        let line = creator
            .line
            .map_or(String::new(), |line| format!(" (line {line})"));
        let text = format!(
            "threads {pattern} that live: {}, started by {}{line}",
            group.live, creator.method
        );
        let at = census.taken.t_ms;
        Some(Evidence::new(text, "thread_census", at, at).with_value(group.live))
    }

    /// The threads that grew.
    pub(super) fn growth_evidence(&self) -> Option<Evidence> {
        let (main, census) = (self.main.as_ref()?, self.census?);
        let (from, to) = (main.first, census.taken);
        let creator = main.creator(self.case).map_or(String::new(), |creator| {
            let line = creator
                .line
                .map_or(String::new(), |line| format!(" (line {line})"));
            format!(", started by {}{line}", creator.method)
        });
        let text = format!(
            "threads {}: from {} to {} of {} in all{creator}; {} came, {} of them ended",
            main.pattern(),
            main.group.live.saturating_sub(main.grown),
            main.group.live,
            census.live,
            main.group.appeared,
            main.group.vanished,
        );
        let fact = Evidence::new(text, "thread_census", from.t_ms, to.t_ms);
        Some(fact.with_value(main.group.live))
    }

    /// How and how often a start was refused.
    pub(super) fn refused_evidence(&self) -> Option<Evidence> {
        let (first, last) = (self.refused.first()?, self.refused.last()?);
        let times: u64 = self.refused.iter().map(|one| one.suppressed + 1).sum();
        let thread = first.thread.as_deref().map_or(String::new(), |thread| {
            let short: String = thread.chars().take(60).collect();
            format!(" in thread \"{short}\"")
        });
        let text = format!(
            "the JVM could not start a thread at {}{thread}{}; {}",
            time_of_day(first.t_ms),
            crate::units::and_again(times, last.t_ms),
            self.limit.in_words(),
        );
        let fact = Evidence::new(text, "resource_exhausted", first.t_ms, last.t_ms);
        Some(fact.with_value(self.limit.current()))
    }
}

fn census<'a>(case: &'a Case, refused: &[&Incident]) -> Option<&'a ThreadCensus> {
    let of_incident = refused.iter().find_map(|incident| {
        case.evidence
            .of_incident::<ThreadCensus>(incident.id)
            .next()
    });
    of_incident
        .or_else(|| case.evidence.until(refused.first()?.up_ms))
        .or_else(|| case.evidence.last())
}

fn ends(case: &Case, until_ms: u64) -> Vec<u64> {
    let is_end = |event: EventKind| matches!(event, EventKind::TaskEnded | EventKind::Restart);
    let mut ends: Vec<u64> = case
        .events
        .iter()
        .filter(|event| is_end(event.event) && event.up_ms <= until_ms)
        .map(|event| event.up_ms)
        .collect();
    // A restart is an end and a beginning, told at about the same time.
    ends.dedup_by(|later, earlier| later.saturating_sub(*earlier) < SAME_END_MS);
    ends
}

/// What is told within this time is one end.
const SAME_END_MS: u64 = 1_000;
