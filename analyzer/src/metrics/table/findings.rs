//! Findings, and what became of the process.

use super::{ReadProcess, bytes, epoch_s, gauge, number};
use crate::finding::{ConsumerKind, Finding, Severity};
use crate::metrics::points::{Known, Points};
use crate::metrics::signal::{Signal, Unit};
use crate::metrics::view::View;

const FINDING: &[&str] = &["label", "limit"];
const FINDINGS: Unit = Unit::Count("{finding}");

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    gauge(
        "flinkmem.process.up",
        Unit::Count("{process}"),
        &[],
        "1 while the process runs, 0 when it has ended; ended processes are shown for a while",
        |view, out| out.add(u64::from(view.runs())),
    ),
    gauge(
        "flinkmem.process.outcome",
        Unit::Count("{process}"),
        &["outcome"],
        "1 with what became of the process: running, exited, java_oom, killed, unknown",
        |view, out| out.add_with(&[("outcome", &snake(view.outcome().kind))], 1_u64),
    ),
    gauge(
        "flinkmem.process.info",
        Unit::Count("{process}"),
        &["main_class", "flink_version", "jdk", "agent_version"],
        "1 with what does not change during the life of the process",
        info,
    ),
    gauge(
        "flinkmem.trace.last_sample.timestamp",
        Unit::Seconds,
        &[],
        "When the last sample was taken, seconds since the epoch: time() less this is the age of all other figures of the process",
        |view, out| out.add(view.last_sample_ms().map(epoch_s)),
    ),
    gauge(
        "flinkmem.finding",
        FINDINGS,
        &["label", "limit", "severity", "consumer_kind", "consumer"],
        "1 for each finding, with who used up which limit; labels are explained by flinkmem explain",
        |view, out| {
            for finding in &view.report.findings {
                let kind = snake(finding.consumer.kind);
                let labels = [
                    ("label", finding.label.name()),
                    ("limit", finding.limit.name),
                    ("severity", severity(finding.severity)),
                    ("consumer_kind", &kind),
                    ("consumer", consumer(finding)),
                ];
                out.add_with(&labels, 1_u64);
            }
        },
    ),
    gauge(
        "flinkmem.finding.confidence",
        Unit::Ratio,
        FINDING,
        "How sure the label of a finding is",
        |view, out| each(view, out, |finding| Some(finding.confidence)),
    ),
    gauge(
        "flinkmem.finding.consumer.share",
        Unit::Ratio,
        FINDING,
        "Share of the growth that the consumer has, or of the use where nothing grows",
        |view, out| each(view, out, |finding| finding.consumer.share),
    ),
    gauge(
        "flinkmem.finding.exhausted_in",
        Unit::Seconds,
        &["label", "limit", "bound"],
        "Time from the last sample until the limit is exhausted, if nothing changes: expected, and the earliest and latest (95 %)",
        forecasts,
    ),
    bytes(
        "flinkmem.finding.limit",
        FINDING,
        "The limit that a finding is about",
        |view, out| each(view, out, |finding| finding.limit.bytes),
    ),
    bytes(
        "flinkmem.finding.peak",
        FINDING,
        "The most that was held against that limit",
        |view, out| each(view, out, |finding| finding.limit.peak),
    ),
    number(
        "flinkmem.findings",
        "{finding}",
        &["severity"],
        "Findings by severity, 0 where there is none",
        |view, out| {
            for wanted in [Severity::Critical, Severity::Warning, Severity::Info] {
                let of_it = view
                    .report
                    .findings
                    .iter()
                    .filter(|one| one.severity == wanted);
                let count = u64::try_from(of_it.count()).unwrap_or(u64::MAX);
                out.add_with(&[("severity", severity(wanted))], count);
            }
        },
    ),
];

fn each<V: Known>(view: &View<'_>, out: &mut Points, value: impl Fn(&Finding) -> Option<V>) {
    for finding in &view.report.findings {
        let labels = [
            ("label", finding.label.name()),
            ("limit", finding.limit.name),
        ];
        out.add_with(&labels, value(finding));
    }
}

fn forecasts(view: &View<'_>, out: &mut Points) {
    for finding in &view.report.findings {
        let Some(forecast) = finding.forecast else {
            continue;
        };
        let bounds = [
            ("expected", forecast.exhausted_in_s),
            ("earliest", forecast.earliest_s),
            ("latest", forecast.latest_s),
        ];
        for (bound, seconds) in bounds {
            let labels = [
                ("label", finding.label.name()),
                ("limit", finding.limit.name),
                ("bound", bound),
            ];
            out.add_with(&labels, seconds);
        }
    }
}

fn info(view: &View<'_>, out: &mut Points) {
    let subject = &view.report.subject;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let labels = [
        ("main_class", text(&subject.main_class)),
        ("flink_version", text(&subject.flink_version)),
        ("jdk", text(&subject.jdk)),
        ("agent_version", view.case.header.agent_version.clone()),
    ];
    let labels: Vec<(&str, &str)> = labels
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    out.add_with(&labels, 1_u64);
}

fn consumer(finding: &Finding) -> &str {
    match finding.consumer.kind {
        ConsumerKind::Unknown => "unknown",
        _ => finding.consumer.name.as_deref().unwrap_or("unknown"),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// A value's name, as in the report.
fn snake(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
