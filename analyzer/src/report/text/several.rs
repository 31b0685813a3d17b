//! Several processes: a table, the worst first, and a screen for each verdict; or a line for each process.

use super::lives::{Lives, same_verdict, worst};
use super::look::{Characters, Look};
use super::page::{FAINT, HEADING, Page, painted};
use super::verdict::{severity_name, severity_style};
use super::{nothing, screen};
use crate::finding::{Finding, Severity};
use crate::report::{Report, wording};

/// Reports as text with the escape sequences of colours, with a final newline: one is a screen, several begin with a table.
#[must_use]
pub fn to_screens(reports: &[Report], look: Look) -> String {
    let mut page = Page::new(look);
    match reports {
        [one] => screen(&mut page, one),
        _ => several(&mut page, reports),
    }
    page.into_text()
}

/// A line for each process with findings, the worst first: severity, label, confidence, consumer and process, with tabs between. Nothing for
/// healthy ones.
#[must_use]
pub fn to_lines(reports: &[Report], look: Look) -> String {
    let page = Page::new(look);
    let mut found: Vec<(&Report, &Finding)> = reports
        .iter()
        .filter_map(|report| Some((report, report.findings.first()?)))
        .collect();
    found.sort_by_key(|(_, verdict)| std::cmp::Reverse(verdict.severity));
    let mut text = String::new();
    for (report, verdict) in found {
        let severity = severity_name(verdict.severity);
        let consumer = wording::who(&verdict.consumer).unwrap_or("-");
        let fields = [
            painted(severity_style(verdict.severity), severity),
            verdict.label.name().to_owned(),
            format!("{:.2}", verdict.confidence),
            page.clean(consumer),
            page.clean(&wording::short_subject(report)),
        ];
        text += &fields.join("\t");
        text.push('\n');
    }
    text
}

fn several(page: &mut Page, reports: &[Report]) {
    let processes = Lives::of(reports);
    let verdicts = verdicts(&processes);
    page.line(HEADING, &counts(reports));
    page.blank();
    for lives in &processes {
        row(page, lives, number(&verdicts, lives.shown));
    }
    if page.look.is_verbose() {
        for report in processes.iter().flat_map(|lives| &lives.reports) {
            rule(page, &wording::short_subject(report));
            screen(page, report);
        }
        return;
    }
    for (index, lives) in verdicts.iter().enumerate() {
        let shown = lives.shown;
        rule(
            page,
            &format!("{}: {}", index + 1, wording::short_subject(shown)),
        );
        if let Some(summary) = lives.summary() {
            page.line(anstyle::Style::new(), &summary);
            page.blank();
        }
        screen(page, shown);
    }
}

/// Of each verdict the first process that has it; healthy ones have a line in the table, which is enough.
fn verdicts<'a, 'b>(processes: &'b [Lives<'a>]) -> Vec<&'b Lives<'a>> {
    let mut found: Vec<&Lives> = Vec::new();
    for lives in processes {
        let shown = lives.shown;
        if !shown.findings.is_empty() && number(&found, shown).is_none() {
            found.push(lives);
        }
    }
    found
}

/// Which screen shows the verdict of a report, counted from 1.
fn number(verdicts: &[&Lives], report: &Report) -> Option<usize> {
    let same = |lives: &&Lives| !report.findings.is_empty() && same_verdict(lives.shown, report);
    verdicts.iter().position(same).map(|index| index + 1)
}

/// `5 processes: 1 critical, 1 with warnings, 3 healthy`.
fn counts(reports: &[Report]) -> String {
    let name = |report: &Report| match worst(report) {
        Some(Severity::Critical) => "critical",
        Some(Severity::Warning) => "with warnings",
        Some(Severity::Info) => "with remarks",
        None if wording::nothing_found(report).1 => "healthy",
        None => "with nothing found",
    };
    let names = [
        "critical",
        "with warnings",
        "with remarks",
        "healthy",
        "with nothing found",
    ];
    let counted = names.map(|wanted| {
        (
            reports
                .iter()
                .filter(|report| name(report) == wanted)
                .count(),
            wanted,
        )
    });
    let parts: Vec<String> = counted
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    format!("{} processes: {}", reports.len(), parts.join(", "))
}

/// Columns of the longest label.
const LABEL: usize = 28;
/// Columns of a number, a severity and a confidence, with the gaps between all.
const OTHERS: usize = 22;
/// Columns that are left to the process where a terminal is narrow.
const PROCESS: usize = 20;

/// A process in a line: the screen that shows its verdict, how bad, what, how sure, and which process.
fn row(page: &mut Page, lives: &Lives, number: Option<usize>) {
    let number = number.map_or(String::new(), |number| number.to_string());
    let severity = severity(lives.shown);
    let verdict = lives.shown.findings.first();
    let label_columns = LABEL.min(page.look.columns.saturating_sub(OTHERS + PROCESS));
    let label = verdict.map_or(String::new(), |verdict| {
        page.short(verdict.label.name(), label_columns)
    });
    let sure = verdict.map_or(String::new(), |verdict| {
        format!("{:.0} %", verdict.confidence * 100.0)
    });
    let columns = page.look.columns.saturating_sub(label_columns + OTHERS);
    let process = process(page, lives, columns);
    page.raw(&format!(
        "{number:>3}  {severity} {label:<label_columns$} {sure:>5}  {process}"
    ));
}

/// How bad it is, as wide as the longest word for it.
fn severity(report: &Report) -> String {
    let (word, style) = match report.findings.first() {
        None if wording::nothing_found(report).1 => ("healthy", nothing::HEALTHY),
        None => ("nothing", FAINT),
        Some(verdict) => (
            severity_name(verdict.severity),
            severity_style(verdict.severity),
        ),
    };
    painted(style, &format!("{word:<9}"))
}

/// Which process, and how many lives it had.
fn process(page: &Page, lives: &Lives, columns: usize) -> String {
    let subject = wording::short_subject(lives.shown)
        .replacen("TaskManager", "TM", 1)
        .replacen("JobManager", "JM", 1);
    let count = lives.count();
    let subject = page.short(&subject, columns.saturating_sub(count.len()));
    subject + &count
}

/// A line across the page with a title in it.
fn rule(page: &mut Page, title: &str) {
    let dash = match page.look.characters {
        Characters::Ascii => "-",
        Characters::Unicode => "─",
    };
    let title = page.short(title, page.look.columns.saturating_sub(8));
    let rest = page.look.columns.saturating_sub(title.chars().count() + 4);
    page.blank();
    let line = format!("{dash}{dash} {title} {}", dash.repeat(rest));
    page.raw(&painted(FAINT, &line));
    page.blank();
}
