//! Public reports of real incidents: does the analyzer name the limit that their lines prove, and is it silent on decoys?
//!
//! `cargo test -p flinkmem --test it incidents -- --nocapture` prints the figures by family. The records are not part of this repository: they
//! are looked for in `../shared` of the checkout, and the test says so where they are not there.
//!
//! What is right follows from each record's own truth (`cause_label`) by [`limit_of`], which is the table of causes: a cause belongs to one limit.
//! It does not follow from what the analyzer says.

use flinkmem_analyzer::case::{Case, Surroundings, gather};
use flinkmem_analyzer::finding::Finding;
use flinkmem_analyzer::input::read_file;
use flinkmem_analyzer::report::Report;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Record {
    id: String,
    conf: BTreeMap<String, String>,
    symptom_lines: Vec<String>,
    symptom_canonical: Vec<String>,
    cause_label: String,
    log_only_family: Vec<String>,
}

impl Record {
    /// What a reader of the report could have handed over: its lines, or the lines that its prose stands for. Quantities of a pod are
    /// configuration that the same `kubectl describe` prints.
    fn lines(&self) -> Vec<String> {
        let mut lines = match self.symptom_lines.as_slice() {
            [] => self.symptom_canonical.clone(),
            lines => lines.to_vec(),
        };
        if let Some(limit) = self.conf.get("limits.memory") {
            lines.extend(["Limits:".to_owned(), format!("  memory: {limit}")]);
        }
        lines
    }

    /// Records whose lines say nothing of any limit: the cause was told in prose.
    fn says_nothing(&self) -> bool {
        let names_an_error = self
            .lines()
            .iter()
            .any(|line| line.contains("OutOfMemoryError"));
        self.log_only_family == ["none"] && !names_an_error
    }
}

/// The limit that a cause exhausts.
fn limit_of(cause: &str) -> &'static str {
    match cause {
        "array_limit" => "array",
        "gc_pause_heartbeat" => "heartbeat",
        "network_buffers_insufficient" | "network_buffer_leak" => "network_buffers",
        "classloader_leak" | "metaspace_undersized" | "oom_swallowed_zombie" => "metaspace",
        "thread_limit" | "thread_leak" => "threads",
        "host_memory_exhausted" => "host",
        "sandbox_limit" | "yarn_vmem_limit" | "not_memory" | "memory_config_inconsistent" => "none",
        _ if cause.starts_with("direct_") || cause == "network_pool_unallocatable" => "direct",
        _ if cause.starts_with("heap_") || cause == "jm_heap_metadata" => "heap",
        _ => "container",
    }
}

/// Causes that one line proves whole.
const PROVEN_BY_LINES: [&str; 7] = [
    "memory_config_inconsistent",
    "network_pool_unallocatable",
    "network_buffers_insufficient",
    "yarn_vmem_limit",
    "thread_limit",
    "host_memory_exhausted",
    "array_limit",
];

/// Reports that look like a memory failure of Flink and are none.
const DECOYS: [&str; 4] = [
    "not_memory",
    "sandbox_limit",
    "other_process_oom",
    "yarn_vmem_limit",
];

fn diagnose(lines: &[String]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.txt");
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let cases: Vec<Case> = gather(Vec::new(), vec![read_file(&file).unwrap()]);
    Report::of(&cases[0], &Surroundings::default())
}

#[derive(Default)]
struct Figures {
    records: u32,
    limit: u32,
    label_proven: (u32, u32),
    label_among: u32,
}

#[test]
fn incidents_name_the_limit_that_their_lines_prove() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/incidents-open.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("SKIPPED incidents: no ../shared/incidents-open.jsonl beside the checkout");
        return;
    };
    let records: Vec<Record> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut by_family: BTreeMap<String, Figures> = BTreeMap::new();
    let (mut silent, mut mute) = (0, 0);
    let mut wrong = Vec::new();
    for record in records.iter().filter(|record| !record.lines().is_empty()) {
        let report = diagnose(&record.lines());
        let first = report.findings.first();
        if record.says_nothing() {
            mute += 1;
            silent += u32::from(first.is_none());
            if first.is_some() {
                wrong.push(said(record, first, "nothing"));
            }
            continue;
        }
        let family = family(record);
        judge(
            record,
            first,
            by_family.entry(family).or_default(),
            &mut wrong,
        );
    }
    let total = print(&by_family, silent, mute, &wrong);
    assert!(
        total.records >= 30,
        "too few records were read: {}",
        total.records
    );
    assert_eq!(silent, mute, "lines that name no limit: {wrong:#?}");
    assert!(total.records - total.limit <= MOST_WRONG, "{wrong:#?}");
    assert_eq!(total.label_proven.0, total.label_proven.1, "{wrong:#?}");
}

/// What is reached. The one that is missed is a decoy that its line does not tell from a failure of Flink: an error without any class name.
const MOST_WRONG: u32 = 1;

fn family(record: &Record) -> String {
    match DECOYS.contains(&record.cause_label.as_str()) {
        true => "decoy".to_owned(),
        false => limit_of(&record.cause_label).to_owned(),
    }
}

fn judge(record: &Record, first: Option<&Finding>, figures: &mut Figures, wrong: &mut Vec<String>) {
    figures.records += 1;
    let cause = record.cause_label.as_str();
    // A decoy is told by its own label, or not at all; its limit is that of whoever met it.
    let is_decoy = DECOYS.contains(&cause);
    let own_label = first.is_some_and(|finding| finding.label.name() == cause);
    let limit = first.is_some_and(|finding| finding.limit.name == limit_of(cause));
    let is_right = if is_decoy {
        first.is_none() || own_label
    } else {
        limit
    };
    figures.limit += u32::from(is_right);
    let among = first.is_some_and(|finding| {
        finding
            .alternatives
            .iter()
            .any(|label| label.name() == cause)
    });
    figures.label_among += u32::from(own_label || among);
    if PROVEN_BY_LINES.contains(&cause) {
        figures.label_proven.1 += 1;
        figures.label_proven.0 += u32::from(own_label);
    }
    if !is_right || (PROVEN_BY_LINES.contains(&cause) && !own_label) {
        wrong.push(said(record, first, limit_of(cause)));
    }
}

fn said(record: &Record, first: Option<&Finding>, wanted: &str) -> String {
    let found = first.map_or("nothing".to_owned(), |finding| {
        format!("{} at {}", finding.label.name(), finding.limit.name)
    });
    format!(
        "{}: {} at {wanted}, but: {found}",
        record.id, record.cause_label
    )
}

fn print(
    by_family: &BTreeMap<String, Figures>,
    silent: u32,
    mute: u32,
    wrong: &[String],
) -> Figures {
    println!(
        "{:<16} {:>7} {:>12} {:>14} {:>18}",
        "family", "records", "limit right", "label proven", "label or other"
    );
    let mut total = Figures::default();
    for (family, figures) in by_family {
        let proven = format!("{} of {}", figures.label_proven.0, figures.label_proven.1);
        println!(
            "{family:<16} {:>7} {:>12} {proven:>14} {:>18}",
            figures.records, figures.limit, figures.label_among
        );
        total.records += figures.records;
        total.limit += figures.limit;
        total.label_proven.0 += figures.label_proven.0;
        total.label_proven.1 += figures.label_proven.1;
        total.label_among += figures.label_among;
    }
    println!(
        "all: limit right {} of {}; label named first or among the others {}; silent where lines say nothing {silent} of {mute}",
        total.limit, total.records, total.label_among
    );
    for wrong in wrong {
        println!("wrong: {wrong}");
    }
    total
}
