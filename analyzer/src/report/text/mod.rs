//! The text form: the verdict on the first screen, the cause first. It may change at any time; programs read the JSON form.

mod also;
mod budget;
mod lives;
mod look;
mod names;
mod nothing;
mod page;
mod paste;
mod several;
mod verdict;

pub use look::{Characters, Look, NARROWEST, Verbosity, WIDEST};
pub use several::{to_lines, to_screens};

use super::{Report, wording};
use crate::finding::ConsumerKind;
use page::{FAINT, Page};

/// The report as plain text of 80 columns, with a final newline.
#[must_use]
pub fn to_text(report: &Report) -> String {
    anstream::adapter::strip_str(&to_screen(report, Look::default())).to_string()
}

/// The report as text with the escape sequences of its colours, with a final newline. It reads as well without them.
#[must_use]
pub fn to_screen(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    screen(&mut page, report);
    page.into_text()
}

/// One process: the verdict, what was measured, what else there is.
fn screen(page: &mut Page, report: &Report) {
    let who_is_known = match report.findings.first() {
        None => {
            nothing::nothing_found(page, report);
            false
        }
        Some(verdict) => {
            verdict::verdict(page, report, verdict);
            also::cautions(page, report);
            verdict.consumer.kind != ConsumerKind::Unknown
        }
    };
    // Who does not know yet who it was, is to look there next.
    if !who_is_known {
        also::to_be_surer(page, report);
    }
    budget::pools(page, &report.budget);
    if let Some(rss) = &report.rss {
        budget::resident(page, rss);
    }
    also::other_findings(page, report);
    if !report.findings.is_empty() {
        also::not_told(page, report);
    }
    if who_is_known {
        also::to_be_surer(page, report);
    }
    if page.look.is_verbose() {
        if !report.findings.is_empty() {
            budget::headroom(page, &report.headroom);
        }
        also::checked(page, report);
        also::sources(page, report);
    }
    foot(page, report);
}

/// Which process it was, what became of it, and what does not go together.
fn foot(page: &mut Page, report: &Report) {
    page.blank();
    page.hanging("Process  ", &wording::subject(report));
    page.hanging("Outcome  ", &report.outcome.detail);
    if !report.subject.files.is_empty() {
        page.hanging("Read     ", &wording::files(report));
    }
    for contradiction in &report.contradictions {
        page.hanging("But      ", contradiction);
    }
    if !report.disagreements.is_empty() {
        page.hanging("Differs  ", &wording::disagreements(&report.disagreements));
    }
    if !page.look.is_verbose() {
        let explain = report.findings.first().map(|verdict| {
            let label = verdict.label.name();
            format!("; flinkmem explain {label} for what the label means")
        });
        let more = format!("--verbose for everything{}", explain.unwrap_or_default());
        page.wrapped(FAINT, &more, "More     ", "         ");
    }
}
