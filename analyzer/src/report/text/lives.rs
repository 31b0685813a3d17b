//! Lives of one process, one after the other: what Kubernetes or a start script begins anew is one thing to look at.

use crate::finding::Severity;
use crate::report::{Report, subject::ProcessKind};
use std::collections::BTreeMap;

/// One life after the other at one place, the oldest first.
#[derive(Debug)]
pub(super) struct Lives<'a> {
    pub(super) reports: Vec<&'a Report>,
    /// The newest of the worst.
    pub(super) shown: &'a Report,
}

/// So many lives in a row are a loop; two processes may well follow each other.
const LOOP: usize = 3;

impl<'a> Lives<'a> {
    /// Puts the lives of each process together, the worst process first.
    pub(super) fn of(reports: &'a [Report]) -> Vec<Self> {
        let mut ordered: Vec<&Report> = reports.iter().collect();
        ordered.sort_by_key(|report| report.subject.life_ms);
        let mut found: Vec<Self> = Vec::new();
        for report in ordered {
            let goes_on = |lives: &&mut Self| {
                lives
                    .reports
                    .last()
                    .is_some_and(|last| follows(last, report))
            };
            match found.iter_mut().find(goes_on) {
                Some(lives) => lives.push(report),
                None => found.push(Self::one(report)),
            }
        }
        let (loops, single): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|lives| lives.reports.len() >= LOOP);
        let single = single.into_iter().flat_map(|lives| lives.reports);
        let single = single.map(Self::one);
        let mut all: Vec<Self> = loops.into_iter().chain(single).collect();
        all.sort_by_key(|lives| std::cmp::Reverse(worst(lives.shown)));
        all
    }

    fn one(report: &'a Report) -> Self {
        Self {
            reports: vec![report],
            shown: report,
        }
    }

    fn push(&mut self, next: &'a Report) {
        if worst(next) >= worst(self.shown) {
            self.shown = next;
        }
        self.reports.push(next);
    }

    /// How many, when, and what was found how often; `None` for a single life.
    pub(super) fn summary(&self) -> Option<String> {
        let (first, last) = (self.reports.first()?, self.reports.last()?);
        if self.reports.len() < LOOP {
            return None;
        }
        let (began, _) = first.subject.life_ms?;
        let (_, ended) = last.subject.life_ms?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for report in &self.reports {
            *counts.entry(verdict_name(report)).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let counts: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name} in {count}"))
            .collect();
        Some(format!(
            "{} lives one after the other from {} to {}, {} each: {}. This is the newest of the worst; --verbose shows each.",
            self.reports.len(),
            crate::units::day_and_time(began),
            crate::units::day_and_time(ended),
            self.lengths(),
            counts.join(", ")
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

/// The label of the verdict, in a word.
pub(super) fn verdict_name(report: &Report) -> &'static str {
    report
        .findings
        .first()
        .map_or("nothing", |verdict| verdict.label.name())
}

/// How bad it is: what failed comes before what may, and any finding before none.
pub(super) fn worst(report: &Report) -> Option<Severity> {
    report.findings.iter().map(|finding| finding.severity).max()
}
