//! Lines about the Java heap, and which of its causes they lean to.

use super::{is_of_a_task, requester};
use crate::case::{Case, Source};
use crate::finding::Label;
use crate::lines::{Fact, HeapWords, Told};
use crate::model::Process;

/// What lines say about the heap.
pub(in crate::rules) struct HeapPicture<'a> {
    /// What told of it first.
    pub(in crate::rules) told: Option<&'a Told>,
    /// What it leans to.
    pub(in crate::rules) cause: HeapCause,
    /// The method that names the cause, where a stack does.
    pub(in crate::rules) method: Option<String>,
}

/// A cause of an exhausted heap that lines can lean to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum HeapCause {
    /// The heap was not exhausted.
    None,
    /// Nothing tells which; the live set may be too large for it.
    Unknown,
    /// A driver was loading a whole result.
    Bulk,
    /// A writer of column files was buffering.
    Writers,
    /// It is a JobManager, or one of its coordinators.
    JobManager,
    /// It is none of Flink's processes.
    OtherProcess,
}

/// A heap that a full collection leaves this full is exhausted, whether an error says so or not.
const FULL: f64 = 0.97;
/// Full collections in a row that leave it so. One may have come just before something was dropped.
const IN_A_ROW: usize = 5;
/// A log of fewer lines may be a part in which Flink happens to say nothing.
const ENOUGH_LINES: u64 = 20;

/// Methods in which drivers read a whole result at once.
const BULK: [&str; 5] = [
    "readAllResults",
    "readAllRows",
    "getResultSet",
    "processQueryResult",
    "readResultSet",
];
/// Writers that buffer a row group or stripe each.
const WRITERS: [&str; 3] = [
    "org.apache.parquet.",
    "org.apache.orc.",
    "org.apache.hadoop.hive.ql.io.orc.",
];

impl<'a> HeapPicture<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        let told = exhausted(case)
            .or_else(|| thrashing(case))
            .or_else(|| dead_coordinator(case));
        let Some(told) = told else {
            return Self {
                told: None,
                cause: HeapCause::None,
                method: None,
            };
        };
        let (cause, method) = cause(case, told);
        Self {
            told: Some(told),
            cause,
            method,
        }
    }

    /// How sure it is that the heap was the limit.
    pub(in crate::rules) fn certainty(&self) -> f64 {
        match self.told.map(|told| &told.fact) {
            Some(Fact::HeapExhausted(_)) => 0.98,
            Some(Fact::Pause(_)) => 0.9,
            // Any of the JVM's limits may have lost its words, but the heap is the usual one.
            Some(Fact::OutOfMemory) => 0.6,
            _ => 0.5,
        }
    }

    /// What else it may be.
    pub(in crate::rules) fn alternatives(&self) -> Vec<Label> {
        let all = [
            Label::HeapUndersized,
            Label::HeapStateGrowth,
            Label::HeapLeak,
            Label::HeapBulkMaterialization,
            Label::HeapManyWriters,
        ];
        let own = match self.cause {
            HeapCause::Unknown => Some(Label::HeapUndersized),
            HeapCause::Bulk => Some(Label::HeapBulkMaterialization),
            HeapCause::Writers => Some(Label::HeapManyWriters),
            _ => None,
        };
        all.into_iter()
            .filter(|label| Some(*label) != own)
            .collect()
    }
}

/// An error in words; an error without words only if no other is there.
fn exhausted(case: &Case) -> Option<&Told> {
    let mut facts = case.told.iter().map(|(told, _)| told);
    let named = facts
        .clone()
        .find(|told| matches!(told.fact, Fact::HeapExhausted(_)));
    let of_another_limit = |told: &&Told| {
        matches!(
            told.fact,
            Fact::DirectExhausted(_)
                | Fact::MetaspaceExhausted(_)
                | Fact::ThreadRefused(_)
                | Fact::ArrayLimit
                | Fact::NetworkPoolRefused(_)
        )
    };
    if named.is_some() || facts.clone().any(|told| of_another_limit(&told)) {
        return named;
    }
    facts.find(|told| told.fact == Fact::OutOfMemory)
}

/// Full collections that find nothing, back to back.
fn thrashing(case: &Case) -> Option<&Told> {
    let mut row = 0;
    for (told, _) in &case.told {
        let Fact::Pause(pause) = told.fact else {
            continue;
        };
        let Some((after, total)) = pause.after.zip(pause.total).filter(|_| pause.is_full) else {
            continue;
        };
        row = if after as f64 >= total as f64 * FULL {
            row + 1
        } else {
            0
        };
        if row >= IN_A_ROW {
            return Some(told);
        }
    }
    None
}

/// Flink refuses to replace a coordinator's thread that died. Threads of coordinators die of errors that nobody catches; an exception would have
/// been told.
fn dead_coordinator(case: &Case) -> Option<&Told> {
    let mut facts = case.told.iter().map(|(told, _)| told);
    facts.find(|told| told.fact == Fact::CoordinatorDied)
}

fn cause(case: &Case, told: &Told) -> (HeapCause, Option<String>) {
    if let Fact::HeapExhausted(HeapWords::Serialized(_)) | Fact::CoordinatorDied = told.fact {
        return (HeapCause::JobManager, None);
    }
    let name = |prefixes: &[&str]| {
        let of_writer = |class: &str| prefixes.iter().any(|prefix| class.starts_with(prefix));
        told.frames
            .iter()
            .find(|frame| of_writer(&frame.class))
            .map(|frame| frame.qualified())
    };
    let bulk = told
        .frames
        .iter()
        .find(|frame| BULK.contains(&frame.method.as_str()));
    if let Some(frame) = bulk {
        return (HeapCause::Bulk, Some(frame.qualified()));
    }
    if told.fact == Fact::HeapExhausted(HeapWords::Wrapped) && told.text.contains("SQLException") {
        return (
            HeapCause::Bulk,
            requester(&told.frames).map(flinkmem_trace::Frame::qualified),
        );
    }
    if let Some(writer) = name(&WRITERS) {
        return (HeapCause::Writers, Some(writer));
    }
    let cause = match case.observed.process {
        Some(Process::JobManager) if !is_of_a_task(told) => HeapCause::JobManager,
        Some(Process::JobManager) => HeapCause::Unknown,
        Some(Process::TaskManager) => HeapCause::Unknown,
        None if is_of_another_program(case.sources.get(told.source)) => HeapCause::OtherProcess,
        None => HeapCause::Unknown,
    };
    (cause, None)
}

/// A log in which no class of Flink ever says anything is none of Flink's processes.
fn is_of_another_program(source: Option<&Source>) -> bool {
    source.is_some_and(|source| {
        let (logged, of_flink) = source.logged;
        logged >= ENOUGH_LINES && of_flink == 0
    })
}
