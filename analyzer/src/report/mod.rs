//! The report: built once as a value, printed by small printers. Reports do not think.

mod headroom;
mod heap_and_pauses;
pub mod html;
mod loaders_and_threads;
mod native_memory;
mod quality;
mod rss;
mod subject;
mod text;
mod told;
mod wording;

pub use headroom::{Headroom, Unit};
pub use quality::TraceQuality;
pub use rss::{LibraryPart, Rss, RssPart};
pub use subject::{FileRead, ProcessKind, Subject};
pub use text::{
    Characters, Look, NARROWEST, Verbosity, WIDEST, to_lines, to_screen, to_screens, to_text,
};
pub use wording::{consequence, headline, process};

use crate::budget::{Budget, BudgetLine, budget_lines};
use crate::case::{Case, Outcome, Surroundings};
use crate::configuration::layers::Disagreement;
use crate::finding::Finding;
use crate::rules::{Checked, Facts, judge};
use serde::Serialize;

/// Version of the JSON form: it changes when a reader would misunderstand it; new keys do not change it.
pub const SCHEMA: u32 = 1;

/// Everything there is to say about one process.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// Version of this form.
    pub schema: u32,
    /// Which process.
    pub subject: Subject,
    /// What became of it.
    pub outcome: Outcome,
    /// What was found, the first is the verdict; empty for a healthy process.
    pub findings: Vec<Finding>,
    /// Every pool with what was measured in it.
    pub budget: Vec<BudgetLine>,
    /// Who holds the resident memory; absent in traces without a ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss: Option<Rss>,
    /// Where what was configured, what Flink's start script resolved and what the JVM runs with say different things.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<Disagreement>,
    /// What the inputs say that does not go together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<String>,
    /// What to gather next.
    pub collect: Vec<String>,
    /// What each rule said.
    pub checked: Vec<Checked>,
    /// How complete the trace is.
    pub trace: TraceQuality,
    /// How far the process stayed from its limits, the nearest first.
    #[serde(skip)]
    pub headroom: Vec<Headroom>,
}

impl Report {
    /// Diagnoses a case against what it was started with.
    #[must_use]
    pub fn of(case: &Case, here: &Surroundings) -> Self {
        Self::with_budget(case, here, Budget::recorded(&case.observed).as_ref())
    }

    /// Diagnoses a case against a budget; `None` for a process that is not Flink's.
    #[must_use]
    pub fn with_budget(case: &Case, here: &Surroundings, budget: Option<&Budget>) -> Self {
        let outcome = Outcome::of(case, here);
        let verdict = judge(Facts {
            case,
            outcome: &outcome,
            budget,
        });
        Self {
            schema: SCHEMA,
            subject: Subject::of(case, budget),
            findings: verdict.findings,
            budget: budget_lines(case, budget.map(|budget| &budget.pools)),
            rss: Rss::of(case, &outcome),
            disagreements: budget.map_or_else(Vec::new, |budget| budget.disagreements.clone()),
            contradictions: case.all_contradictions(),
            collect: verdict.collect,
            checked: verdict.checked,
            trace: TraceQuality::of(case),
            headroom: Headroom::of(case),
            outcome,
        }
    }

    /// The JSON form, without a final newline.
    ///
    /// # Errors
    /// Never in practice: the report is plain data.
    pub fn to_json(&self, pretty: bool) -> serde_json::Result<String> {
        if pretty {
            serde_json::to_string_pretty(self)
        } else {
            serde_json::to_string(self)
        }
    }
}

/// JSON Schema of the JSON form, for `docs/report.schema.json`, with a final newline.
///
/// # Errors
/// Never in practice: a schema is a JSON value.
pub fn json_schema() -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Report))?;
    text.push('\n');
    Ok(text)
}
