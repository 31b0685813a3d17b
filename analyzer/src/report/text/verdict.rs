//! A finding: the cause, why, what to do. The first one fits on a screen whatever rules have to say.

use super::page::{FAINT, HEADING, Page, painted};
use super::paste;
use crate::finding::{Finding, Severity};
use crate::report::{Report, wording};
use anstyle::{AnsiColor, Style};

/// Lines of the smallest usual terminal; a prompt takes the last.
const SCREEN: usize = 23;

/// The verdict, in as many lines as a terminal shows; all of it where everything is to be told.
pub(super) fn verdict(page: &mut Page, report: &Report, finding: &Finding) {
    let mut cause = page.beside();
    head(&mut cause, report, finding);
    others_in_a_line(&mut cause, report);
    let verbose = page.look.is_verbose();
    // Cause, at least one fact, and both headings with their blank lines.
    let room = SCREEN.saturating_sub(cause.len() + 3 + LEAST_WHY);
    let action = what_to_do(
        page,
        report,
        finding,
        if verbose { usize::MAX } else { room },
    );
    let room = SCREEN.saturating_sub(cause.len() + action.len() + 3);
    page.append(cause);
    why(
        page,
        finding,
        if verbose {
            usize::MAX
        } else {
            room.max(LEAST_WHY)
        },
    );
    page.append(action);
}

/// Lines that the facts always have.
const LEAST_WHY: usize = 4;

/// Another finding, whole.
pub(super) fn whole(page: &mut Page, report: &Report, finding: &Finding) {
    head(page, report, finding);
    why(page, finding, usize::MAX);
    let action = what_to_do(page, report, finding, usize::MAX);
    page.append(action);
}

/// Another finding in some lines.
pub(super) fn brief(page: &mut Page, finding: &Finding) {
    let title = title(finding);
    let headline = wording::headline(finding);
    let consequence = wording::consequence(finding);
    page.hanging("  ", &format!("{title}: {headline} {consequence}"));
    let advice = sentences(&finding.remedy.text).next().unwrap_or_default();
    if !advice.is_empty() {
        page.wrapped(Style::new(), &format!("To do: {advice}"), "    ", "    ");
    }
    for (key, value) in &finding.remedy.config {
        page.wrapped(Style::new(), &format!("{key}: {value}"), "      ", "      ");
    }
}

fn head(page: &mut Page, report: &Report, finding: &Finding) {
    let title = title(finding);
    let subject = page.clean(&wording::short_subject(report));
    let room = page.look.columns.saturating_sub(title.chars().count());
    let beside = subject.chars().count() + 2 <= room;
    let title = painted(severity_style(finding.severity), &title);
    if beside {
        let subject = painted(FAINT, &format!("{subject:>room$}"));
        page.raw(&format!("{title}{subject}"));
    } else {
        page.raw(&title);
        page.line(FAINT, &subject);
    }
    page.line(HEADING, &wording::headline(finding));
    page.line(Style::new(), &wording::consequence(finding));
}

/// `CRITICAL  direct_leak, 93 % sure`.
pub(super) fn title(finding: &Finding) -> String {
    format!(
        "{}  {}, {:.0} % sure",
        severity_name(finding.severity),
        finding.label.name(),
        finding.confidence * 100.0
    )
}

/// That there is more than one thing, where nobody would look further down.
fn others_in_a_line(page: &mut Page, report: &Report) {
    let others: Vec<String> = report
        .findings
        .iter()
        .skip(1)
        .map(title_in_a_line)
        .collect();
    if !others.is_empty() {
        page.hanging("Also: ", &others.join("; "));
    }
}

fn title_in_a_line(finding: &Finding) -> String {
    format!(
        "{} {}",
        severity_name(finding.severity),
        finding.label.name()
    )
}

/// The facts, the strongest first, as many as fit; one at least.
fn why(page: &mut Page, finding: &Finding, room: usize) {
    page.heading("Why");
    let facts = finding.evidence.iter().map(|fact| {
        let mut item = page.beside();
        item.item(&fact.text);
        item
    });
    let facts: Vec<Page> = facts.collect();
    let whole: usize = facts.iter().map(Page::len).sum();
    // A line is kept for how many were left out.
    let room = if whole <= room {
        room
    } else {
        room.saturating_sub(1)
    };
    let (mut used, mut left_out) = (0, 0);
    for (index, fact) in facts.into_iter().enumerate() {
        if index > 0 && used + fact.len() > room {
            left_out += 1;
            continue;
        }
        used += fact.len();
        page.append(fact);
    }
    if left_out > 0 {
        let facts = if left_out == 1 { "fact" } else { "facts" };
        page.wrapped(
            FAINT,
            &format!("{left_out} more {facts}: --verbose"),
            "  - ",
            "    ",
        );
    }
}

/// The advice with its lines to paste. Sentences are left out at its end where it does not fit, never lines to paste.
fn what_to_do(page: &Page, report: &Report, finding: &Finding, room: usize) -> Page {
    let mut pasted = page.beside();
    paste::block(
        &mut pasted,
        &finding.remedy,
        report.subject.flink_version.as_deref(),
    );
    let with = |sentences: &[&str], cut: bool| {
        let mut advice = page.beside();
        advice.blank();
        advice.raw(&painted(HEADING, "What to do"));
        let text = sentences.join(" ");
        let text = if cut {
            format!("{text} More: --verbose.")
        } else {
            text
        };
        advice.indented(&text);
        advice
    };
    let all: Vec<&str> = sentences(&finding.remedy.text).collect();
    let mut advice = with(&all, false);
    let mut kept = all.len();
    while advice.len() + pasted.len() > room && kept > 1 {
        kept -= 1;
        advice = with(all.get(..kept).unwrap_or_default(), true);
    }
    advice.append(pasted);
    advice
}

/// A text in sentences: each ends in a full stop before a capital.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let ends = rest.match_indices(". ").find(|(at, _)| {
            let next = rest.get(at + 2..).and_then(|next| next.chars().next());
            next.is_some_and(char::is_uppercase)
        });
        let (sentence, others) = match ends {
            Some((at, _)) => rest.split_at(at + 1),
            None => (rest, ""),
        };
        rest = others.trim_start();
        Some(sentence)
    })
}

/// The word for a severity.
pub(super) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    }
}

/// Its colour.
pub(super) fn severity_style(severity: Severity) -> Style {
    let colour = match severity {
        Severity::Critical => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Info => AnsiColor::Cyan,
    };
    colour.on_default().bold()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_before_a_capital_only() {
        let text =
            "Give it 1.5 GiB more, e.g. by size. Close it. No size helps: twice would last 3.5 s.";
        let found: Vec<&str> = sentences(text).collect();
        assert_eq!(
            found,
            [
                "Give it 1.5 GiB more, e.g. by size.",
                "Close it.",
                "No size helps: twice would last 3.5 s."
            ]
        );
    }
}
