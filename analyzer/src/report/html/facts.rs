//! The process, how it ended, what was read, and how complete that is.

use super::Shown;
use crate::report::wording;
use crate::rules::AnswerKind;
use maud::{Markup, html};

/// The section.
pub(super) fn section(shown: Shown<'_>, id: &str) -> Markup {
    let report = shown.report;
    let answer = |kind| match kind {
        AnswerKind::Fires => "fires",
        AnswerKind::DoesNotFire => "does not fire",
        AnswerKind::NotEnoughData => "not enough data",
    };
    html! {
        section aria-labelledby={ (id) "-facts-h" } data-part="facts" {
            h2 id={ (id) "-facts-h" } { "Process and evidence" }
            dl {
                dt { "Process" } dd { (wording::subject(report)) }
                dt { "Outcome" } dd { (report.outcome.detail) }
                @if let Some(trace) = &report.subject.trace { dt { "Trace" } dd { code { (trace) } } }
                @if !report.subject.files.is_empty() { dt { "Read" } dd { (wording::files(report)) } }
                @if !report.disagreements.is_empty() { dt { "Differs" } dd { (wording::disagreements(&report.disagreements)) } }
                dt { "Gaps" } dd { (format!("{:.1} s", report.trace.longest_gap_s)) " at the longest without a sample" }
            }
            details {
                summary { "What every rule said" }
                div.scroll tabindex="0" role="group" aria-label="What every rule said" {
                    table {
                        thead { tr { th scope="col" { "Label" } th scope="col" { "Answer" } th scope="col" { "Reason" } } }
                        tbody {
                            @for checked in &report.checked {
                                tr.strong[checked.answer == AnswerKind::Fires] {
                                    th scope="row" { code { (checked.label.name()) } }
                                    td { (answer(checked.answer)) }
                                    td { (checked.reason.as_deref().unwrap_or("see the finding")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
