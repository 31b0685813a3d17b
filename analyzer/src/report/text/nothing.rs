//! Where nothing was found: what that is worth.

use super::also::{self, reasons};
use super::budget;
use super::page::Page;
use crate::report::{Report, wording};
use crate::rules::{AnswerKind, NO_LINE};
use crate::units::counted;
use anstyle::{AnsiColor, Style};

/// How far every limit was, what was looked for, and what could not be told.
pub(super) fn nothing_found(page: &mut Page, report: &Report) {
    let (text, is_sure) = wording::nothing_found(report);
    let colour = if is_sure {
        AnsiColor::Green
    } else {
        AnsiColor::Yellow
    };
    page.line(colour.on_default().bold(), text);
    let subject = wording::short_subject(report);
    page.line(super::page::FAINT, &subject);
    also::cautions(page, report);
    budget::headroom(page, &report.headroom);
    why(page, report);
}

/// Reasons for which nothing was found that are shown, and of them those for which data lack.
const MOST_REASONS: usize = 3;

fn why(page: &mut Page, report: &Report) {
    page.heading("Why");
    let lines_say_nothing = report
        .checked
        .iter()
        .any(|checked| checked.reason.as_deref() == Some(NO_LINE));
    if lines_say_nothing {
        page.item("no line tells of an exhausted limit, a kill or a refused configuration");
    }
    let against = report
        .checked
        .iter()
        .filter(|checked| {
            checked.answer == AnswerKind::DoesNotFire && checked.reason.as_deref() != Some(NO_LINE)
        })
        .count();
    // A process with a trace is told by its limits; without one the reasons are all there is.
    if report.headroom.is_empty() {
        for (reason, labels) in reasons(report, AnswerKind::DoesNotFire)
            .iter()
            .take(MOST_REASONS)
        {
            page.item(&format!("{reason} ({})", labels.join(", ")));
        }
    }
    if against > 0 {
        let causes = counted(against as u64, "cause");
        let more = if page.look.is_verbose() {
            ""
        } else {
            "; --verbose tells why"
        };
        page.item(&format!("looked for and ruled out: {causes}{more}"));
    }
    also::lacking(page, report, MOST_REASONS);
}

/// The colour of a healthy process.
pub(super) const HEALTHY: Style = AnsiColor::Green.on_default();
