//! What is told: one event is one line.

use crate::case::Outcome;
use crate::finding::{Finding, Label};
use crate::report::Subject;
use crate::units::rfc3339;
use serde::Serialize;

/// Version of the JSON form: it changes when a reader would misunderstand it; new keys do not change it.
pub const SCHEMA: u32 = 1;

/// Something that is told about a process.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Event {
    /// Version of this form.
    pub schema: u32,
    /// When it was noticed, RFC 3339, UTC.
    pub time: String,
    /// What happened.
    pub event: EventKind,
    /// Name of the trace's directory, which tells processes apart.
    pub name: String,
    /// The process, as in a report.
    pub subject: Subject,
    /// What was found, as in a report: of `appeared` and `worsened` as it is, of `cleared` as it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// What got worse, of `worsened`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The finding on the same limit that this one takes the place of, of `appeared`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<Label>,
    /// What became of the process, of `ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Findings that were told and had not cleared, of `ended` and `gone`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub standing: Vec<Label>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A process that runs is followed from now on.
    Started,
    /// Something is found that was not before.
    Appeared,
    /// What was told is worse than it was then.
    Worsened,
    /// What was told is found no longer.
    Cleared,
    /// The process is over.
    Ended,
    /// The trace of a process that ran is gone.
    Gone,
}

/// What got worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The limit was met.
    LimitReached,
    /// The severity rose.
    Severity,
    /// The limit will be met much sooner than was told.
    Forecast,
}

impl Event {
    pub(super) fn new(event: EventKind, name: &str, subject: &Subject, now_ms: i64) -> Self {
        Self {
            schema: SCHEMA,
            time: rfc3339(now_ms),
            event,
            name: name.to_owned(),
            subject: subject.clone(),
            finding: None,
            reason: None,
            in_place_of: None,
            outcome: None,
            standing: Vec::new(),
        }
    }

    /// A finding of a process that nobody watched.
    #[must_use]
    pub fn found(name: &str, subject: &Subject, finding: Finding, now_ms: i64) -> Self {
        Self {
            finding: Some(finding),
            ..Self::new(EventKind::Appeared, name, subject, now_ms)
        }
    }
}

impl EventKind {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Appeared => "appeared",
            Self::Worsened => "worsened",
            Self::Cleared => "cleared",
            Self::Ended => "ended",
            Self::Gone => "gone",
        }
    }

    /// Whether something is found, or found worse.
    #[must_use]
    pub fn is_bad_news(self) -> bool {
        matches!(self, Self::Appeared | Self::Worsened)
    }
}

/// JSON Schema of the JSON form, for `docs/watch.schema.json`, with a final newline.
///
/// # Errors
/// Never in practice: a schema is a JSON value.
pub fn json_schema() -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Event))?;
    text.push('\n');
    Ok(text)
}
