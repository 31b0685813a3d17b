//! A finding: what a rule says when it fires. The limit that was hit and the consumer that used it up are separate claims.

use crate::budget::Pools;
use crate::units::rfc3339;
use serde::Serialize;
use std::collections::BTreeMap;

/// A diagnosis with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// What it is.
    pub label: Label,
    /// How bad it is.
    pub severity: Severity,
    /// How sure the label is, from 0 to 1.
    pub confidence: f64,
    /// Which limit.
    pub limit: LimitClaim,
    /// Who used it up.
    pub consumer: Consumer,
    /// What is to come; absent when the limit was hit or the process ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// What it rests on, the strongest first.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub remedy: Remedy,
    /// What to gather to be surer; reports merge it.
    #[serde(skip)]
    pub collect: Vec<String>,
}

/// Names of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Buffers survive their purpose; a larger limit only delays.
    DirectLeak,
    /// Legitimate users need more than the limit.
    DirectUndersized,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will fail, or costs already.
    Warning,
    /// Failed, or is about to.
    Critical,
}

/// The limit that was hit or approached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LimitClaim {
    /// Name of the limit: `direct`.
    pub name: &'static str,
    /// The limit; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The most that was held against it at any sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
    /// Whether something did not fit.
    pub reached: bool,
}

/// Who used the limit up.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Consumer {
    /// What `name` is the name of.
    pub kind: ConsumerKind,
    /// The name, such as `com.acme.Enricher.open`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Line in the source at which the allocation happens or is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its share of the growth, or of the use where nothing grows; from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How sure the name is, from 0 to 1.
    pub confidence: f64,
}

/// What a consumer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsumerKind {
    /// A method that allocates or has allocated.
    CallSite,
    /// A library.
    Library,
    /// A part of Flink.
    Component,
    /// Not known.
    Unknown,
}

/// What is to come if nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Forecast {
    /// Seconds from the last sample until the limit is reached.
    pub exhausted_in_s: f64,
}

/// One fact, and where it was read.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Evidence {
    /// In a sentence.
    pub text: String,
    /// The series or record it was read from.
    pub signal: &'static str,
    /// Begin, RFC 3339.
    pub from: String,
    /// End, RFC 3339.
    pub to: String,
    /// The figure, in the signal's unit: bytes, a count, or bytes a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// Options to set; empty where no option helps.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Options to take out of the configuration, for they would contradict it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// The configuration that is taken for the present one, where none was given: the fewest options that derive to the pools that the
    /// process was started with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub assumes: BTreeMap<String, String>,
    /// The pools as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Pools>,
    /// The pools with the options set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Pools>,
}

impl Evidence {
    /// A fact about a stretch of wall-clock time, milliseconds since the epoch.
    #[must_use]
    pub fn new(text: String, signal: &'static str, from_ms: i64, to_ms: i64) -> Self {
        Self {
            text,
            signal,
            from: rfc3339(from_ms),
            to: rfc3339(to_ms),
            value: None,
        }
    }

    /// The same with its figure.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<Option<u64>>) -> Self {
        self.value = value.into();
        self
    }
}

impl Consumer {
    /// A consumer that is not known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            kind: ConsumerKind::Unknown,
            name: None,
            line: None,
            share: None,
            confidence: 0.0,
        }
    }
}

impl Label {
    /// The label's name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DirectLeak => "direct_leak",
            Self::DirectUndersized => "direct_undersized",
        }
    }
}

/// A probability to two digits: more would be a claim that nobody can check.
#[must_use]
pub fn two_digits(value: f64) -> f64 {
    (value.clamp(0.0, 1.0) * 100.0).round() / 100.0
}
