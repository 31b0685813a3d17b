//! The verdict: what it is, why, what to do.

use super::Shown;
use crate::budget::Pools;
use crate::finding::{Evidence, Finding, Remedy, Severity};
use crate::report::{Headroom, Report, wording};
use crate::rules::{AnswerKind, NO_LINE};
use crate::units::bytes;
use maud::{Markup, html};

/// The section with the verdict and what else was found.
pub(super) fn section(shown: Shown<'_>, id: &str) -> Markup {
    let report = shown.report;
    html! {
        section.verdict aria-labelledby={ (id) "-verdict-h" } data-part="verdict" {
            @match report.findings.split_first() {
                None => { (nothing_found(report, id)) }
                Some((verdict, others)) => {
                    (found(verdict, id, "verdict"))
                    @if !others.is_empty() {
                        h3 { "Also found" }
                        @for (index, other) in others.iter().enumerate() {
                            details.finding {
                                summary { (badge(other)) " " (wording::headline(other)) }
                                (body(other, &format!("{id}-{index}")))
                            }
                        }
                    }
                }
            }
            (cautions(report))
            @if !report.collect.is_empty() {
                h3 { "To be surer" }
                ul { @for advice in &report.collect { li { (advice) } } }
            }
        }
    }
}

fn found(finding: &Finding, id: &str, name: &str) -> Markup {
    html! {
        p.label { (badge(finding)) }
        h2 id={ (id) "-" (name) "-h" } { (wording::headline(finding)) }
        p.consequence { (wording::consequence(finding)) }
        (body(finding, id))
    }
}

fn badge(finding: &Finding) -> Markup {
    let severity = severity_name(finding.severity);
    html! {
        span.badge.(severity) { (severity) }
        " "
        code { (finding.label.name()) }
        ", " (format!("{:.0}", finding.confidence * 100.0)) " % sure"
    }
}

pub(super) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn body(finding: &Finding, id: &str) -> Markup {
    html! {
        div.two-columns {
            div {
                h3 { "Why" }
                ol.evidence { @for fact in &finding.evidence { (evidence(fact)) } }
            }
            div {
                h3 { "What to do" }
                (remedy(&finding.remedy, id))
            }
        }
    }
}

fn evidence(fact: &Evidence) -> Markup {
    let when = match (&fact.from, &fact.to) {
        (Some(from), Some(to)) if from != to => Some(format!("{} to {}", clock(from), clock(to))),
        (Some(at), _) => Some(clock(at)),
        _ => None,
    };
    html! {
        li {
            (fact.text)
            div.source { @if let Some(when) = when { (when) " · " } code { (fact.signal) } }
        }
    }
}

/// The time of RFC 3339, to the second: the day is that of the trace.
fn clock(rfc3339: &str) -> String {
    let time = rfc3339.split_once('T').map_or(rfc3339, |(_, time)| time);
    let seconds = time.get(..8).unwrap_or(time);
    format!("{seconds}Z")
}

fn remedy(remedy: &Remedy, id: &str) -> Markup {
    let block = |options: &std::collections::BTreeMap<String, String>| {
        let lines = options
            .iter()
            .map(|(key, value)| format!("{key}: {value}\n"));
        lines.collect::<String>()
    };
    html! {
        p { (remedy.text) }
        @if !remedy.config.is_empty() {
            figure.config {
                figcaption {
                    "config.yaml"
                    button.needs-script type="button" data-do="copy" data-of={ (id) "-config" } { "Copy" }
                }
                pre id={ (id) "-config" } tabindex="0" { code { (block(&remedy.config)) } }
            }
        }
        @if !remedy.remove.is_empty() {
            p { "Take out: " @for (i, key) in remedy.remove.iter().enumerate() { @if i > 0 { ", " } code { (key) } } }
        }
        @if !remedy.assumes.is_empty() {
            p { "Taken for the present configuration: " }
            pre tabindex="0" { code { (block(&remedy.assumes)) } }
        }
        @if let (Some(before), Some(after)) = (&remedy.before, &remedy.after) {
            details { summary { "Every pool before and after" } (pools(before, after)) }
        }
    }
}

/// Names of pools, in the order of the tables.
const POOLS: [&str; 13] = [
    "total_process",
    "total_flink",
    "jvm_heap",
    "framework_heap",
    "task_heap",
    "jvm_direct",
    "framework_off_heap",
    "task_off_heap",
    "off_heap",
    "network",
    "managed",
    "jvm_metaspace",
    "jvm_overhead",
];

fn pools(before: &Pools, after: &Pools) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Pool" } th.number scope="col" { "Before" } th.number scope="col" { "After" } } }
            tbody {
                @for name in POOLS {
                    @if let (Some(old), Some(new)) = (before.size(name), after.size(name)) {
                        tr.strong[old != new] {
                            th scope="row" { code { (name) } }
                            td.number { (bytes(old)) }
                            td.number { (bytes(new)) }
                        }
                    }
                }
            }
        }
    }
}

fn nothing_found(report: &Report, id: &str) -> Markup {
    html! {
        @let severity = severity_of_nothing(report);
        p.label { span.badge.(severity) { (severity) } }
        h2 id={ (id) "-verdict-h" } { (wording::nothing_found(report).0) }
        div.two-columns {
            div { h3 { "Room left" } (room(&report.headroom)) }
            div { h3 { "Why" } (checked(report)) }
        }
    }
}

/// Without a finding a process is healthy, if enough was seen to say so.
pub(super) fn severity_of_nothing(report: &Report) -> &'static str {
    match wording::nothing_found(report) {
        (_, true) => "healthy",
        (_, false) => "unknown",
    }
}

/// How far every limit was.
fn room(limits: &[Headroom]) -> Markup {
    html! {
        @if limits.is_empty() { p { "No limit was measured." } }
        @else {
            table {
                thead {
                    tr {
                        th scope="col" { "Limit" }
                        @for heading in ["At the most", "Of", "Left"] { th.number scope="col" { (heading) } }
                    }
                }
                tbody {
                    @for limit in limits {
                        tr {
                            th scope="row" { (limit.what) }
                            @for figure in [limit.peak, limit.limit, limit.left()] { td.number { (limit.unit.text(figure)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What the rules that did not fire say, those that say the same together.
fn checked(report: &Report) -> Markup {
    let mut said: Vec<(bool, &str, Vec<&str>)> = Vec::new();
    for one in &report.checked {
        let lacks = one.answer == AnswerKind::NotEnoughData;
        let Some(reason) = one.reason.as_deref().filter(|reason| *reason != NO_LINE) else {
            continue;
        };
        let name = one.label.name();
        match said.iter_mut().find(|(_, known, _)| *known == reason) {
            Some((.., labels)) => labels.push(name),
            None => said.push((lacks, reason, vec![name])),
        }
    }
    html! {
        @if said.is_empty() {
            p { "No line tells of an exhausted limit, a kill or a refused configuration." }
        }
        @for (lacks, heading) in [(false, None), (true, Some("Not enough data for"))] {
            @if let Some(heading) = heading.filter(|_| said.iter().any(|(l, ..)| *l)) { h4 { (heading) } }
            ul.compact {
                @for (_, reason, labels) in said.iter().filter(|(l, ..)| *l == lacks) {
                    li { (reason) " " span.source { (labels.join(", ")) } }
                }
            }
        }
    }
}

fn cautions(report: &Report) -> Markup {
    let cautions = report.trace.cautions(report.subject.samples);
    html! {
        @if !cautions.is_empty() {
            p.caution { strong { "Caution" } " the trace is not complete: " (cautions.join(", ")) }
        }
        @for contradiction in &report.contradictions {
            p.caution { strong { "But" } " " (contradiction) }
        }
    }
}
