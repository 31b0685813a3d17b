//! What was seen beside the verdict, and what could not be told.

use super::page::Page;
use super::verdict;
use crate::report::Report;
use crate::rules::{AnswerKind, NO_LINE};
use crate::units::counted;

/// What the trace lacks, where that matters for the verdict.
pub(super) fn cautions(page: &mut Page, report: &Report) {
    let cautions = report.trace.cautions(report.subject.samples);
    if !cautions.is_empty() {
        page.blank();
        let text = format!("the trace is not complete: {}", cautions.join(", "));
        page.hanging("Caution  ", &text);
    }
}

/// Findings behind the first: in some lines, or whole where everything is to be told.
pub(super) fn other_findings(page: &mut Page, report: &Report) {
    let Some((_, others)) = report.findings.split_first() else {
        return;
    };
    if others.is_empty() {
        return;
    }
    page.heading("Also found");
    for other in others {
        if page.look.is_verbose() {
            page.blank();
            verdict::whole(page, report, other);
        } else {
            verdict::brief(page, other);
        }
    }
}

/// What to gather next.
pub(super) fn to_be_surer(page: &mut Page, report: &Report) {
    if report.collect.is_empty() {
        return;
    }
    page.heading("To be surer");
    for advice in &report.collect {
        page.item(advice);
    }
}

/// Causes that lack data, under a heading of their own.
pub(super) fn not_told(page: &mut Page, report: &Report) {
    if reasons(report, AnswerKind::NotEnoughData).is_empty() || page.look.is_verbose() {
        return;
    }
    page.heading("Not measured");
    lacking(page, report, MOST_LACKING);
}

/// Reasons for lack of data that are shown beside a verdict.
const MOST_LACKING: usize = 2;

/// Causes that cannot be told, with what lacks.
pub(super) fn lacking(page: &mut Page, report: &Report, most: usize) {
    let lacking = reasons(report, AnswerKind::NotEnoughData);
    for (missing, labels) in lacking.iter().take(most) {
        page.item(&format!(
            "{missing}: so nothing about {}",
            labels.join(", ")
        ));
    }
    let left_out: usize = lacking
        .iter()
        .skip(most)
        .map(|(_, labels)| labels.len())
        .sum();
    if left_out > 0 {
        let others = counted(left_out as u64, "other cause");
        page.item(&format!(
            "{others} could not be told either; --verbose names them"
        ));
    }
}

/// What rules of one kind of answer say, and which; rules that say the same are one.
pub(super) fn reasons(report: &Report, kind: AnswerKind) -> Vec<(&str, Vec<&'static str>)> {
    let mut found: Vec<(&str, Vec<&'static str>)> = Vec::new();
    for checked in report
        .checked
        .iter()
        .filter(|checked| checked.answer == kind)
    {
        let Some(reason) = checked
            .reason
            .as_deref()
            .filter(|reason| *reason != NO_LINE)
        else {
            continue;
        };
        match found.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, labels)) => labels.push(checked.label.name()),
            None => found.push((reason, vec![checked.label.name()])),
        }
    }
    found
}

/// Every rule with its answer.
pub(super) fn checked(page: &mut Page, report: &Report) {
    page.heading("Checked");
    for checked in &report.checked {
        let answer = match checked.answer {
            AnswerKind::Fires => "found",
            AnswerKind::DoesNotFire => "no",
            AnswerKind::NotEnoughData => "not enough data",
        };
        let reason = checked
            .reason
            .as_ref()
            .map_or(String::new(), |reason| format!(": {reason}"));
        page.item(&format!("{}: {answer}{reason}", checked.label.name()));
    }
}

/// Where everything was read.
pub(super) fn sources(page: &mut Page, report: &Report) {
    page.heading("Sources");
    if let Some(trace) = &report.subject.trace {
        page.item(trace);
    }
    for file in &report.subject.files {
        page.item(&format!(
            "{} ({}, {} lines, {} of them facts)",
            file.path, file.kind, file.lines, file.facts
        ));
    }
}
