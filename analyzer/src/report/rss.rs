//! Who holds the resident memory, by the agent's ledger.

use crate::case::{Case, Outcome, OutcomeKind};
use crate::units::rfc3339;
use flinkmem_trace::{Ledger, Owner};
use serde::Serialize;

/// Resident memory with its owners.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Rss {
    /// When it was counted, RFC 3339.
    pub at: String,
    /// The same, milliseconds since the epoch.
    #[serde(skip)]
    pub at_ms: i64,
    /// Resident bytes of the process.
    pub bytes: u64,
    /// Share of them that has an owner, from 0 to 1.
    pub attributed: f64,
    /// By owner, largest first.
    pub parts: Vec<RssPart>,
}

/// What one owner holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RssPart {
    /// The owner, by the trace's name; `unclaimed` where none was found.
    pub owner: String,
    /// Resident bytes.
    pub bytes: u64,
}

impl Rss {
    /// The ledger that tells most: of the last incident, when the process ended; the last one, while it runs. `None` when
    /// the agent wrote none.
    pub(super) fn of(case: &Case, outcome: &Outcome) -> Option<Self> {
        let of_an_incident = || {
            let ledgers = case.evidence.all::<Ledger>();
            ledgers.rev().find(|ledger| ledger.taken.incident.is_some())
        };
        let runs = outcome.kind == OutcomeKind::Running;
        let at_the_end = (!runs).then(of_an_incident).flatten();
        at_the_end.or_else(|| case.evidence.last()).map(Self::from)
    }
}

impl From<&Ledger> for Rss {
    fn from(ledger: &Ledger) -> Self {
        let mut parts: Vec<RssPart> = ledger
            .parts
            .iter()
            .map(|part| RssPart {
                owner: name(part.owner),
                bytes: part.bytes,
            })
            .collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
        Self {
            at: rfc3339(ledger.taken.t_ms),
            at_ms: ledger.taken.t_ms,
            bytes: ledger.rss_bytes,
            // Four digits: three do not tell 99.9 % from all.
            attributed: (ledger.attributed() * 10_000.0).round() / 10_000.0,
            parts,
        }
    }
}

/// The owner's name as in the trace.
fn name(owner: Owner) -> String {
    match serde_json::to_value(owner) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unclaimed".to_owned(),
    }
}
