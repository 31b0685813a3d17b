//! The document around the processes.

use super::embed::{Assets, data};
use super::flame::{self, Flame};
use super::ledger::{self, Ledger};
use super::timeline::{self, Timeline};
use super::verdict::{severity_name, severity_of_nothing};
use super::what_if::{self, WhatIf};
use super::{Shown, budget, facts, loaders, verdict};
use crate::budget::Peaks;
use crate::finding::Severity;
use crate::report::{Report, wording};
use maud::{DOCTYPE, Markup, html};
use serde::Serialize;
use std::cmp::Reverse;

/// What the scripts draw of one process.
#[derive(Debug, Serialize)]
struct Data {
    timeline: Option<Timeline>,
    ledger: Option<Ledger>,
    flame: Option<Flame>,
    what_if: Option<WhatIf>,
}

/// One file with all processes, those with the worst findings first.
#[must_use]
pub fn page(processes: &[Shown<'_>]) -> String {
    let mut ordered: Vec<Shown<'_>> = processes.to_vec();
    ordered.sort_by_key(|shown| Reverse(worst(shown.report)));
    let assets = Assets::new();
    let title = match ordered.as_slice() {
        [one] => format!("{} · {}", headline(one.report), name(one.report)),
        all => format!("{} processes", all.len()),
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(assets.policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "flinkmem " (env!("CARGO_PKG_VERSION")) };
                title { (title) " · flinkmem" }
                (assets.style())
            }
            body {
                a.skip href="#main" { "To the verdict" }
                header.page-head {
                    span.brand { "flinkmem" }
                    span.page-title { @if let [one] = ordered.as_slice() { (wording::subject(one.report)) } @else { (title) } }
                    button.needs-script type="button" data-do="theme" { "Dark" }
                }
                @if ordered.len() > 1 { (overview(&ordered)) }
                main id="main" tabindex="-1" {
                    @for (index, shown) in ordered.iter().enumerate() { (process(*shown, &format!("p{}", index + 1))) }
                }
                div.tip role="status" aria-live="polite" hidden data-tip {}
                footer {
                    "Made by flinkmem " (env!("CARGO_PKG_VERSION")) ". This file is whole: it loads nothing, and sends nothing."
                }
                (assets.script())
            }
        }
    };
    markup.into_string()
}

fn worst(report: &Report) -> Option<Severity> {
    report.findings.iter().map(|finding| finding.severity).max()
}

fn name(report: &Report) -> String {
    let subject = &report.subject;
    let host = subject.host.as_deref().unwrap_or("unknown host");
    match subject.pid {
        Some(pid) => format!("{host} {pid}"),
        None => host.to_owned(),
    }
}

fn headline(report: &Report) -> String {
    match report.findings.first() {
        Some(finding) => wording::headline(finding),
        None => wording::nothing_found(report).0.to_owned(),
    }
}

fn severity(report: &Report) -> &'static str {
    match report.findings.first() {
        Some(finding) => severity_name(finding.severity),
        None => severity_of_nothing(report),
    }
}

/// A table of the processes, each a link.
fn overview(ordered: &[Shown<'_>]) -> Markup {
    html! {
        nav.processes aria-label="Processes" {
            table {
                thead { tr { th scope="col" { "Severity" } th scope="col" { "Process" } th scope="col" { "Verdict" } } }
                tbody {
                    @for (index, shown) in ordered.iter().enumerate() {
                        @let severity = severity(shown.report);
                        tr {
                            td { span.badge.(severity) { (severity) } }
                            th scope="row" { a href={ "#p" (index + 1) } { (name(shown.report)) } }
                            td { (headline(shown.report)) }
                        }
                    }
                }
            }
        }
    }
}

fn process(shown: Shown<'_>, id: &str) -> Markup {
    let peaks = Peaks::measured(shown.case, shown.budget);
    let drawn = Data {
        timeline: Timeline::of(shown),
        ledger: Ledger::of(shown),
        flame: Flame::of(shown.case),
        what_if: WhatIf::of(shown, &peaks),
    };
    html! {
        article id=(id) data-process={ (id) "-data" } aria-label=(wording::subject(shown.report)) tabindex="-1" {
            h1 { (wording::subject(shown.report)) }
            (verdict::section(shown, id))
            @if let Some(timeline) = &drawn.timeline { (timeline::section(shown, timeline, id)) }
            (ledger::section(shown, id))
            @if let Some(flame) = &drawn.flame { (flame::section(shown, flame, id)) }
            (loaders::section(shown, id))
            (budget::section(shown, &peaks, id))
            @if let Some(what_if) = &drawn.what_if { (what_if::section(what_if, id)) }
            (facts::section(shown, id))
            (data(&format!("{id}-data"), &drawn))
        }
    }
}
