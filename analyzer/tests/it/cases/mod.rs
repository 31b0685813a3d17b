//! What happened in a process, and what the verdict must be; one module for each kind of story.

mod consumer;
mod healthy;
mod leak;
mod not_sure;
mod outcome;
mod plain_jvm;
mod undersized;
mod varying;

use crate::synth::Jvm;
use flinkmem_analyzer::case::{Case, Surroundings};
use flinkmem_analyzer::finding::{Finding, Label};
use flinkmem_analyzer::report::Report;
use flinkmem_analyzer::rules::AnswerKind;

fn diagnose(jvm: &Jvm) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let case = Case::read(&jvm.write(directory.path())).unwrap();
    // Long after, elsewhere.
    let here = Surroundings {
        now_ms: i64::MAX,
        host: "elsewhere".to_owned(),
    };
    Report::of(&case, &here)
}

fn verdict(jvm: &Jvm, label: Label, consumer: &str) -> Finding {
    let mut report = diagnose(jvm);
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    let finding = report.findings.remove(0);
    assert_eq!(finding.label, label, "{finding:#?}");
    assert_eq!(
        finding.consumer.name.as_deref(),
        Some(consumer),
        "{finding:#?}"
    );
    finding
}

fn silent(jvm: &Jvm) -> Report {
    let report = diagnose(jvm);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    report
}

fn answer(report: &Report, label: Label) -> AnswerKind {
    report
        .checked
        .iter()
        .find(|checked| checked.label == label)
        .unwrap()
        .answer
}

const OPEN: &str = "com.acme.Enricher.open";
