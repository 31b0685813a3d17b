//! Who holds the resident memory, by the agent's ledger.

use crate::case::{Case, Outcome, OutcomeKind};
use crate::units::rfc3339;
use flinkmem_trace::{Ledger, Libraries, Owner};
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
    /// Of `malloc_in_use` by library, largest first: estimates from sampled blocks, with the agent's `native=on` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<LibraryPart>,
}

/// What one library holds of what `malloc` gave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LibraryPart {
    /// Its name, such as `librocksdbjni-linux64.so`; the JVM itself is `libjvm.so`.
    pub name: String,
    /// Live bytes, in the sizes asked for.
    pub bytes: u64,
}

/// The JVM's own library: memory of `Unsafe` passes through it as well.
const JVM: &str = "libjvm.so";

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
        let ledger = at_the_end.or_else(|| case.evidence.last())?;
        let mut rss = Self::from(ledger);
        let in_use = rss.parts.iter_mut();
        if let Some(part) = in_use
            .into_iter()
            .find(|part| part.owner == "malloc_in_use")
        {
            part.libraries = libraries(case, ledger.taken.up_ms);
        }
        Some(rss)
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
                libraries: Vec::new(),
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

/// What libraries held about then, off-heap memory of Java code, which is an owner of its own, taken off the JVM's share.
fn libraries(case: &Case, up_ms: u64) -> Vec<LibraryPart> {
    let Some(found) = case.evidence.until::<Libraries>(up_ms) else {
        return Vec::new();
    };
    let moment = case.timeline.at_or_before(found.taken.up_ms);
    let off_heap = moment.and_then(|moment| moment.off_heap);
    let off_heap_bytes = off_heap.map_or(0, |off_heap| off_heap.live_bytes);
    let mut parts: Vec<LibraryPart> = found
        .libraries
        .iter()
        .map(|library| {
            let is_the_jvm = library.name == JVM;
            let other = if is_the_jvm { off_heap_bytes } else { 0 };
            LibraryPart {
                name: library.name.clone(),
                bytes: library.live_bytes.saturating_sub(other),
            }
        })
        .filter(|part| part.bytes > 0)
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    parts
}

/// The owner's name as in the trace.
fn name(owner: Owner) -> String {
    match serde_json::to_value(owner) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unclaimed".to_owned(),
    }
}
