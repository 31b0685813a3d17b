//! Metaspace: classes, their loaders, and what keeps loaders of ended jobs. What both rules look at, so that they cannot
//! contradict each other.

mod generations;
mod leaning;
mod retained;
#[cfg(test)]
mod tests;

pub(super) use generations::{Generations, is_of_job, running_jobs};
pub(super) use leaning::Leaning;
pub(super) use retained::{Retained, in_words, is_of_thread};

use super::threads::ThreadPicture;
use super::{Answer, Facts, Verdict, classloader_leak, metaspace_undersized, oom_swallowed_zombie};
use crate::budget::Budget;
use crate::case::{Case, Moment, Outcome, OutcomeKind};
use crate::finding::{Evidence, Label, LimitClaim, Severity};
use crate::units::{bytes, time_of_day};
use flinkmem_trace::{Incident, IncidentKind, Loaders, RootPath};
use std::collections::BTreeSet;

/// Asks the rules of this family.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    let threads = ThreadPicture::of(facts);
    let picture = MetaspacePicture::of(facts);
    let zombie = oom_swallowed_zombie::check(facts);
    let undersized = metaspace_undersized::check(&picture, is_critical(&zombie));
    verdict.take(
        Label::ClassloaderLeak,
        classloader_leak::check(&picture, &threads),
    );
    verdict.take(Label::MetaspaceUndersized, undersized);
    verdict.take(Label::OomSwallowedZombie, zombie);
}

/// Where an error was swallowed, that is what is wrong with the process now; the limit was met once.
fn is_critical(zombie: &Answer) -> bool {
    matches!(zombie, Answer::Fires(finding) if finding.severity == Severity::Critical)
}

/// Everything about the metaspace of a case.
pub(super) struct MetaspacePicture<'a> {
    pub(super) case: &'a Case,
    pub(super) outcome: &'a Outcome,
    pub(super) budget: Option<&'a Budget>,
    /// The part that was exhausted or is the fullest.
    pub(super) area: Area,
    pub(super) limit: Option<u64>,
    pub(super) peak: Option<u64>,
    /// Errors, in order.
    pub(super) met: Vec<&'a Incident>,
    /// Loaders when the limit was met first, else at the last census.
    pub(super) generations: Option<Generations<'a>>,
    /// What keeps those of ended jobs, the way that keeps most of them first.
    pub(super) retained: Vec<Retained<'a>>,
    /// Which way the evidence leans.
    pub(super) leaning: Leaning,
}

/// Metaspace as a whole, or its part for compressed class pointers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Metaspace,
    ClassSpace,
}

impl Area {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Metaspace => "metaspace",
            Self::ClassSpace => "class_space",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Metaspace => "metaspace",
            Self::ClassSpace => "the class space",
        }
    }

    fn of(incident: &Incident) -> Option<Self> {
        match incident.message.as_deref() {
            Some("Metaspace") => Some(Self::Metaspace),
            Some("Compressed class space") => Some(Self::ClassSpace),
            _ => None,
        }
    }

    pub(super) fn used(self, moment: &Moment) -> Option<u64> {
        let pool = match self {
            Self::Metaspace => moment.metaspace,
            Self::ClassSpace => moment.class_space,
        };
        Some(pool?.used_bytes)
    }

    fn committed(self, moment: &Moment) -> Option<u64> {
        let pool = match self {
            Self::Metaspace => moment.metaspace,
            Self::ClassSpace => moment.class_space,
        };
        Some(pool?.committed_bytes)
    }

    fn max(self, moment: &Moment) -> Option<u64> {
        let pool = match self {
            Self::Metaspace => moment.metaspace,
            Self::ClassSpace => moment.class_space,
        };
        pool?.max_bytes
    }
}

/// Whether an incident is an error of metaspace.
pub(super) fn is_exhausted(incident: &Incident) -> bool {
    incident.incident == IncidentKind::ResourceExhausted && Area::of(incident).is_some()
}

impl<'a> MetaspacePicture<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let met: Vec<&Incident> = case
            .incidents
            .iter()
            .filter(|incident| is_exhausted(incident))
            .collect();
        let area = met
            .first()
            .and_then(|first| Area::of(first))
            .unwrap_or(Area::Metaspace);
        let generations = census(case, &met).map(|census| Generations::until(case, census));
        let limit = case.timeline.last(|moment| area.max(moment)).or(case
            .observed
            .jvm_limits
            .metaspace
            .filter(|_| area == Area::Metaspace));
        let mut picture = Self {
            case,
            outcome: facts.outcome,
            budget: facts.budget,
            area,
            limit,
            peak: case.timeline.peak(|moment| area.committed(moment)),
            retained: paths_of(case, generations.as_ref()),
            met,
            generations,
            leaning: Leaning::Neither(String::new()),
        };
        picture.leaning = leaning::of(&picture);
        picture
    }

    /// Whether an error was thrown.
    pub(super) fn failed(&self) -> bool {
        !self.met.is_empty()
    }

    /// Whether the process may still be alive, so that a forecast has a meaning.
    pub(super) fn may_run(&self) -> bool {
        matches!(
            self.outcome.kind,
            OutcomeKind::Running | OutcomeKind::Unknown
        )
    }

    pub(super) fn limit_claim(&self) -> LimitClaim {
        LimitClaim {
            name: self.area.name(),
            confidence: None,
            bytes: self.limit,
            peak: self.peak,
            reached: self.failed(),
        }
    }

    /// Loaders of ended jobs for which a path is known.
    pub(super) fn explained(&self) -> usize {
        let ids = self.retained.iter().flat_map(|group| &group.loaders);
        ids.collect::<BTreeSet<_>>().len()
    }

    /// How and how often the limit was met.
    pub(super) fn met_evidence(&self) -> Option<Evidence> {
        let (first, last) = (self.met.first()?, self.met.last()?);
        let limit = self.limit.map_or("its limit".to_owned(), |limit| {
            format!("its limit of {}", bytes(limit))
        });
        let times: u64 = self.met.iter().map(|one| one.suppressed + 1).sum();
        let thread = first.thread.as_deref().map_or(String::new(), |thread| {
            let short: String = thread.chars().take(60).collect();
            format!(" in thread \"{short}\"")
        });
        let text = format!(
            "{} met {limit} at {}{thread}: OutOfMemoryError{}",
            self.area.in_words(),
            time_of_day(first.t_ms),
            crate::units::and_again(times, last.t_ms),
        );
        let fact = Evidence::new(text, "resource_exhausted", first.t_ms, last.t_ms);
        Some(fact.with_value(self.peak))
    }
}

/// The census when the limit was met, else the last one until then, else the last of all.
fn census<'a>(case: &'a Case, met: &[&Incident]) -> Option<&'a Loaders> {
    let Some(first) = met.first() else {
        return case.evidence.last::<Loaders>();
    };
    let of_incident = met
        .iter()
        .find_map(|incident| case.evidence.of_incident::<Loaders>(incident.id).next());
    of_incident.or_else(|| case.evidence.until::<Loaders>(first.up_ms))
}

fn paths_of<'a>(case: &'a Case, generations: Option<&Generations<'a>>) -> Vec<Retained<'a>> {
    let Some(generations) = generations else {
        return Vec::new();
    };
    let ended: BTreeSet<u32> = generations.ended.iter().filter_map(|l| l.id).collect();
    retained::retained(case.evidence.all::<RootPath>(), &ended)
}
