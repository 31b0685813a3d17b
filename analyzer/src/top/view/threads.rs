//! Threads by name, children, and others in the container.

use crate::case::Case;
use flinkmem_trace::{OtherProcess, Relation, Surroundings, ThreadCensus, ThreadGroup};

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadRowKind {
    /// Threads whose names differ in numbers only.
    Threads,
    /// A child of the process, or a child's.
    Child,
    /// Another process in the container.
    Neighbour,
}

/// Threads, or a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// What it is.
    pub kind: ThreadRowKind,
    /// The pattern of their names, or the program with its id.
    pub name: String,
    /// Threads.
    pub count: u64,
    /// More than at the first census; absent for processes.
    pub grown: Option<i64>,
    /// Resident; absent for threads.
    pub resident_bytes: Option<u64>,
}

/// Processes first, for they are few, then threads, the most numerous first.
pub(super) fn rows(case: &Case) -> Vec<ThreadRow> {
    let processes = case
        .evidence
        .last::<Surroundings>()
        .map_or(&[][..], |found| &found.processes);
    let mut rows: Vec<ThreadRow> = processes.iter().map(process).collect();
    let first = case.evidence.all::<ThreadCensus>().next();
    if let Some(last) = case.evidence.last::<ThreadCensus>() {
        rows.extend(last.groups.iter().map(|group| threads(group, first)));
    }
    rows
}

fn process(process: &OtherProcess) -> ThreadRow {
    ThreadRow {
        kind: match process.relation {
            Relation::Descendant => ThreadRowKind::Child,
            Relation::Neighbour => ThreadRowKind::Neighbour,
        },
        name: format!("{} ({})", process.comm, process.pid),
        count: process.threads,
        grown: None,
        resident_bytes: Some(process.vm_rss_bytes),
    }
}

fn threads(group: &ThreadGroup, first: Option<&ThreadCensus>) -> ThreadRow {
    let before = first.map(|census| {
        let same = census
            .groups
            .iter()
            .find(|known| known.pattern == group.pattern);
        same.map_or(0, |known| known.live)
    });
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    ThreadRow {
        kind: ThreadRowKind::Threads,
        name: group.pattern.clone(),
        count: group.live,
        grown: before.map(|before| signed(group.live).saturating_sub(signed(before))),
        resident_bytes: None,
    }
}
