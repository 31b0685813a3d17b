//! A verdict held against what is expected.

use super::{Expected, Scenario};
use crate::verdict::{Finding, Verdict};
use serde::{Deserialize, Serialize};

/// What came of a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judgement {
    /// The scenario.
    pub scenario: String,
    /// Version of Flink.
    pub flink: String,
    /// Feature release of Java.
    pub java: u32,
    /// What the first finding had to be; empty for healthy.
    pub expected: Vec<String>,
    /// The first finding's label; absent without a finding.
    pub label: Option<String>,
    /// Its confidence.
    pub confidence: Option<f64>,
    /// Its consumer.
    pub consumer: Option<String>,
    /// How sure the consumer is.
    #[serde(default)]
    pub consumer_confidence: Option<f64>,
    /// Whether the first label is right.
    pub label_right: bool,
    /// Whether the consumer is right; absent where none can be expected.
    pub consumer_right: Option<bool>,
    /// Whether the remedy's configuration held; absent where it proposes none.
    pub remedy_held: Option<bool>,
    /// What is wrong, in words; empty when all is right.
    pub wrong: Vec<String>,
    /// How long the trial took, seconds.
    pub seconds: f64,
}

impl Judgement {
    /// Judges a verdict. Whether its remedy holds is not known yet.
    #[must_use]
    pub fn of(scenario: &Scenario, flink: &str, java: u32, verdict: &Verdict) -> Self {
        let expected = &scenario.expected;
        let first = verdict.findings.first();
        let label_right = match first {
            None => expected.is_healthy(),
            Some(finding) => expected.labels.contains(&finding.label.as_str()),
        };
        Self {
            scenario: scenario.name.to_owned(),
            flink: flink.to_owned(),
            java,
            expected: labels(scenario),
            label: first.map(|finding| finding.label.clone()),
            confidence: first.map(|finding| finding.confidence),
            consumer: first.and_then(|finding| finding.consumer.name.clone()),
            consumer_confidence: first
                .filter(|finding| finding.consumer.name.is_some())
                .and_then(|finding| finding.consumer.confidence),
            label_right,
            consumer_right: first
                .filter(|_| !expected.is_healthy())
                .map(|finding| consumer_is_right(expected, finding)),
            remedy_held: None,
            wrong: wrong(expected, verdict),
            seconds: 0.0,
        }
    }

    /// What is written down where there is no verdict to judge.
    #[must_use]
    pub fn none(scenario: &Scenario, flink: &str, java: u32, error: &anyhow::Error) -> Self {
        Self {
            scenario: scenario.name.to_owned(),
            flink: flink.to_owned(),
            java,
            expected: labels(scenario),
            label: None,
            confidence: None,
            consumer: None,
            consumer_confidence: None,
            label_right: false,
            consumer_right: None,
            remedy_held: None,
            wrong: vec![format!("not judged: {}", first_line(error))],
            seconds: 0.0,
        }
    }
}

fn wrong(expected: &Expected, verdict: &Verdict) -> Vec<String> {
    let Some(first) = verdict.findings.first() else {
        return if expected.is_healthy() {
            Vec::new()
        } else {
            vec!["nothing was found".to_owned()]
        };
    };
    if expected.is_healthy() {
        return vec![format!("a false alarm: {}", first.label)];
    }
    let mut wrong = Vec::new();
    if !expected.labels.contains(&first.label.as_str()) {
        wrong.push(format!("{} is none of {:?}", first.label, expected.labels));
    }
    if first.limit.name != expected.limit {
        wrong.push(format!(
            "limit {} is not {}",
            first.limit.name, expected.limit
        ));
    }
    if !consumer_is_right(expected, first) {
        wrong.push(format!(
            "consumer {} {:?} is none of {:?}",
            first.consumer.kind, first.consumer.name, expected.consumer
        ));
    }
    for text in expected.evidence {
        if !first.evidence.iter().any(|fact| fact.text.contains(text)) {
            wrong.push(format!("no evidence says {text:?}"));
        }
    }
    let further = &verdict.findings[1..];
    let is_there = |finding: &Finding| expected.also.contains(&finding.label.as_str());
    if !expected.also.is_empty() && !further.iter().any(is_there) {
        wrong.push(format!("none of {:?} is found beside it", expected.also));
    }
    wrong
}

fn labels(scenario: &Scenario) -> Vec<String> {
    let labels = scenario.expected.labels.iter();
    labels.map(|&label| label.to_owned()).collect()
}

/// What went wrong at the bottom of it: above it are the ends of logs.
pub(super) fn first_line(error: &anyhow::Error) -> String {
    let text = error.root_cause().to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

fn consumer_is_right(expected: &Expected, finding: &Finding) -> bool {
    match &finding.consumer.name {
        None => expected.consumer.is_empty(),
        Some(name) => expected.consumer.iter().any(|part| name.contains(part)),
    }
}
