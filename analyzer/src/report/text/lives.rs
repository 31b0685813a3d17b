//! Lives of one process, one after the other: what Kubernetes or a start script begins anew is one thing to look at.

use crate::finding::Severity;
use crate::report::{Report, subject::ProcessKind};

/// Lives at one place with the same verdict, the oldest first.
#[derive(Debug)]
pub(super) struct Lives<'a> {
    pub(super) reports: Vec<&'a Report>,
    /// The newest.
    pub(super) shown: &'a Report,
    /// All lives at the place, whatever was found in them.
    pub(super) at_the_place: usize,
}

/// So many lives in a row are a loop; two processes may well follow each other.
const LOOP: usize = 3;

impl<'a> Lives<'a> {
    /// Puts the lives of each process together, the worst first.
    pub(super) fn of(reports: &'a [Report]) -> Vec<Self> {
        let mut all: Vec<Self> = places(reports)
            .into_iter()
            .flat_map(|lives| {
                if lives.len() < LOOP {
                    lives.into_iter().map(|life| Self::one(life, 1)).collect()
                } else {
                    by_verdict(&lives)
                }
            })
            .collect();
        all.sort_by_key(|lives| std::cmp::Reverse(worst(lives.shown)));
        all
    }

    fn one(report: &'a Report, at_the_place: usize) -> Self {
        Self {
            reports: vec![report],
            shown: report,
            at_the_place,
        }
    }

    /// How many, in a word or two; nothing for a process that has but this life.
    pub(super) fn count(&self) -> String {
        match (self.reports.len(), self.at_the_place) {
            (_, 1) => String::new(),
            (count, all) if count == all => format!(", {count} lives"),
            (count, all) => format!(", {count} of {all} lives"),
        }
    }

    /// How many, when, how long; `None` for a single life.
    pub(super) fn summary(&self) -> Option<String> {
        let (first, last) = (self.reports.first()?, self.reports.last()?);
        if self.reports.len() < 2 {
            return None;
        }
        let (began, _) = first.subject.life_ms?;
        let (_, ended) = last.subject.life_ms?;
        Some(format!(
            "{} lives one after the other from {} to {}, {} each, with the same verdict. This is the newest; --verbose shows each.",
            self.reports.len(),
            crate::units::day_and_time(began),
            crate::units::day_and_time(ended),
            self.lengths(),
        ))
    }

    fn lengths(&self) -> String {
        let lengths = self.reports.iter().filter_map(|report| {
            let (began, ended) = report.subject.life_ms?;
            Some((ended - began) as f64 / 1000.0)
        });
        let (shortest, longest) = lengths.fold((f64::MAX, 0.0_f64), |(low, high), length| {
            (low.min(length), high.max(length))
        });
        crate::units::duration_range(shortest, longest)
    }
}

/// The lives at each place, the oldest first.
fn places(reports: &[Report]) -> Vec<Vec<&Report>> {
    let mut ordered: Vec<&Report> = reports.iter().collect();
    ordered.sort_by_key(|report| report.subject.life_ms);
    let mut found: Vec<Vec<&Report>> = Vec::new();
    for report in ordered {
        let goes_on =
            |lives: &&mut Vec<&Report>| lives.last().is_some_and(|last| follows(last, report));
        match found.iter_mut().find(goes_on) {
            Some(lives) => lives.push(report),
            None => found.push(vec![report]),
        }
    }
    found
}

/// The lives at one place by what was found in them.
fn by_verdict<'a>(lives: &[&'a Report]) -> Vec<Lives<'a>> {
    let mut found: Vec<Lives<'a>> = Vec::new();
    for life in lives {
        match found
            .iter_mut()
            .find(|known| same_verdict(known.shown, life))
        {
            Some(known) => {
                known.reports.push(life);
                known.shown = life;
            }
            None => found.push(Lives::one(life, lives.len())),
        }
    }
    found
}

/// Whether both say the same of the same consumer.
pub(super) fn same_verdict(one: &Report, other: &Report) -> bool {
    let verdict = |report: &Report| {
        let verdict = report.findings.first()?;
        Some((
            verdict.label,
            verdict.severity,
            verdict.consumer.name.clone(),
        ))
    };
    verdict(one) == verdict(other)
}

fn follows(last: &Report, next: &Report) -> bool {
    let (last, next) = (&last.subject, &next.subject);
    let same_place = last.host.is_some() && last.host == next.host && last.process == next.process;
    let is_flink = next.process != ProcessKind::Jvm;
    let after = match (last.life_ms, next.life_ms) {
        (Some((_, ended)), Some((began, _))) => began >= ended,
        _ => false,
    };
    same_place && after && (is_flink || last.main_class == next.main_class)
}

/// How bad it is: what failed comes before what may, and any finding before none.
pub(super) fn worst(report: &Report) -> Option<Severity> {
    report.findings.iter().map(|finding| finding.severity).max()
}
