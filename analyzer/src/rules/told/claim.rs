//! A finding made of lines.

use super::Words;
use crate::finding::{
    Consumer, Evidence, Finding, Label, LimitClaim, Remedy, Severity, two_digits,
};
use crate::lines::Told;

/// What a rule claims by lines. Limit and consumer are separate: unless the rule knows better, the consumer is unknown, and the report says what
/// to collect.
pub(in crate::rules) struct Claim<'a> {
    pub(in crate::rules) label: Label,
    pub(in crate::rules) confidence: f64,
    /// Other causes that the lines allow.
    pub(in crate::rules) alternatives: &'a [Label],
    pub(in crate::rules) severity: Severity,
    /// Name of the limit and how sure it is.
    pub(in crate::rules) limit: (&'static str, f64),
    pub(in crate::rules) limit_bytes: Option<u64>,
    pub(in crate::rules) peak: Option<u64>,
    /// What was told first.
    pub(in crate::rules) told: &'a Told,
    /// More than the line itself.
    pub(in crate::rules) evidence: Vec<Evidence>,
    pub(in crate::rules) consumer: Option<Consumer>,
    pub(in crate::rules) remedy: Remedy,
    pub(in crate::rules) collect: Vec<String>,
}

impl<'a> Claim<'a> {
    /// A claim with nothing but a label, its limit and the line.
    pub(in crate::rules) fn new(
        label: Label,
        confidence: f64,
        limit: (&'static str, f64),
        told: &'a Told,
    ) -> Self {
        Self {
            label,
            confidence,
            alternatives: &[],
            severity: Severity::Critical,
            limit,
            limit_bytes: None,
            peak: None,
            told,
            evidence: Vec::new(),
            consumer: None,
            remedy: Remedy::default(),
            collect: Vec::new(),
        }
    }

    pub(super) fn finding(self, words: &Words<'_>) -> Finding {
        let mut evidence = vec![words.evidence(self.told)];
        evidence.extend(self.evidence);
        let (name, sure) = self.limit;
        Finding {
            label: self.label,
            severity: self.severity,
            confidence: two_digits(self.confidence),
            alternatives: self.alternatives.to_vec(),
            limit: LimitClaim {
                name,
                confidence: Some(two_digits(sure)),
                bytes: self.limit_bytes,
                peak: self.peak,
                reached: true,
            },
            consumer: self.consumer.unwrap_or_else(Consumer::unknown),
            forecast: None,
            evidence,
            remedy: self.remedy,
            collect: self.collect,
            told_ms: self.told.t_ms,
        }
    }
}
