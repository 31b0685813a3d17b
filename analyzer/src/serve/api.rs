//! What `/api/v1` answers, beside the reports themselves.

use super::board::{Shown, Snapshot};
use crate::case::Outcome;
use crate::finding::{Finding, Label, Severity};
use crate::report::ProcessKind;
use crate::units::rfc3339;
use serde::Serialize;

/// Changes when a reader would misunderstand an answer.
const SCHEMA: u32 = 1;

/// Answer of `/api/v1/processes`.
#[derive(Debug, Serialize)]
pub(super) struct Processes<'a> {
    schema: u32,
    processes: Vec<ProcessLine<'a>>,
}

/// One process in a few words.
#[derive(Debug, Serialize)]
struct ProcessLine<'a> {
    name: &'a str,
    process: ProcessKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sample: Option<String>,
    findings: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

/// The first finding, without its evidence.
#[derive(Debug, Serialize)]
struct Verdict {
    label: Label,
    severity: Severity,
    confidence: f64,
}

/// Answer of `/api/v1/findings`.
#[derive(Debug, Serialize)]
pub(super) struct Findings<'a> {
    schema: u32,
    findings: Vec<FindingOf<'a>>,
}

/// A finding, and whose it is.
#[derive(Debug, Serialize)]
struct FindingOf<'a> {
    process: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// Answer where there is nothing, or the question was wrong.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) error: String,
}

impl<'a> Processes<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let lines = snapshot.processes.values().map(ProcessLine::of);
        Self {
            schema: SCHEMA,
            processes: lines.collect(),
        }
    }
}

impl<'a> ProcessLine<'a> {
    fn of(shown: &'a Shown) -> Self {
        let report = &shown.report;
        Self {
            name: &shown.name,
            process: report.subject.process,
            host: report.subject.host.as_deref(),
            pid: report.subject.pid,
            outcome: &report.outcome,
            last_sample: shown.last_sample_ms.map(rfc3339),
            findings: report.findings.len(),
            verdict: report.findings.first().map(|finding| Verdict {
                label: finding.label,
                severity: finding.severity,
                confidence: finding.confidence,
            }),
        }
    }
}

impl<'a> Findings<'a> {
    /// Those that are at least so bad, the worst first.
    pub(super) fn of(snapshot: &'a Snapshot, at_least: Severity) -> Self {
        let mut findings: Vec<FindingOf<'a>> = snapshot
            .processes
            .values()
            .flat_map(|shown| {
                let findings = shown.report.findings.iter();
                findings.map(|finding| FindingOf {
                    process: &shown.name,
                    finding,
                })
            })
            .filter(|found| found.finding.severity >= at_least)
            .collect();
        findings.sort_by_key(|found| std::cmp::Reverse(found.finding.severity));
        Self {
            schema: SCHEMA,
            findings,
        }
    }
}
