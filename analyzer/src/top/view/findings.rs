//! What the rules say, a line each.

use crate::finding::Severity;
use crate::report::{Report, headline};

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    /// How bad.
    pub severity: Severity,
    /// The label's name.
    pub label: &'static str,
    /// How sure, from 0 to 1.
    pub confidence: f64,
    /// Cause and forecast in a line.
    pub text: String,
    /// Its place in the report.
    pub index: usize,
}

/// In the report's order, the verdict first.
pub(super) fn rows(report: &Report) -> Vec<FindingRow> {
    let row = |(index, finding): (usize, &crate::finding::Finding)| {
        let forecast = finding
            .forecast
            .map(|forecast| format!(" Exhausted in {}.", forecast.in_words()));
        FindingRow {
            severity: finding.severity,
            label: finding.label.name(),
            confidence: finding.confidence,
            text: format!("{}{}", headline(finding), forecast.unwrap_or_default()),
            index,
        }
    };
    report.findings.iter().enumerate().map(row).collect()
}
