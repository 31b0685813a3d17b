//! `container_limit_below_budget`: the container is smaller than the process is configured to be. That is arithmetic, whatever happens.

use super::{Native, heap_needs};
use crate::budget::process_size_key;
use crate::finding::{Consumer, Evidence, Finding, Label, Remedy, Severity, two_digits};
use crate::model::MemorySize;
use crate::rules::Answer;
use crate::rules::remedy::with_options;
use crate::units::bytes;
use std::collections::BTreeMap;

/// Limits are rounded by who sets them; a budget above the limit by less than this share is no mistake of the configuration.
const ROUNDING: f64 = 1.02;

/// As long as nothing has failed a smaller difference is not worth a word: the pools hardly ever are full all at once.
const WORTH_A_WORD: f64 = 1.05;

/// From this share of the limit on the difference is felt.
const NEAR: f64 = 0.95;

/// Nothing has failed, and the pools may never fill.
const BEFORE_THE_KILL: f64 = 0.8;

pub(super) fn check(native: &Native<'_>, explained: bool) -> Answer {
    let room = native.container.room;
    let (Some(limit), Some(process)) = (room.container, room.process) else {
        return Answer::DoesNotFire(
            "the container's limit or the size of the process is not known".to_owned(),
        );
    };
    let killed = native.container.killed();
    let tolerated = if killed { ROUNDING } else { WORTH_A_WORD };
    if process as f64 <= limit as f64 * tolerated {
        return Answer::DoesNotFire(format!(
            "the process is configured to take {} of the container's {}",
            bytes(process),
            bytes(limit)
        ));
    }
    let confidence = match (killed, explained) {
        (true, false) => 0.96 * native.container.sure_of_kill(),
        (true, true) => 0.6,
        (false, _) => BEFORE_THE_KILL,
    };
    let first = native.container.case.timeline.moments.first();
    let started = first.map_or(native.container.case.header.t_ms, |moment| moment.t_ms);
    let sums = format!(
        "the process is configured to take {}, the container holds {}: {} less",
        bytes(process),
        bytes(limit),
        bytes(process - limit)
    );
    let sums = Evidence::new(sums, "header.flink.options", started, started).with_value(process);
    let facts = [Some(sums), native.container.met_evidence()];
    Answer::Fires(Box::new(Finding {
        label: Label::ContainerLimitBelowBudget,
        severity: severity(native, limit, explained),
        confidence: two_digits(confidence),
        alternatives: Vec::new(),
        limit: native.container.limit_claim(),
        consumer: Consumer::unknown(),
        forecast: None,
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(native, process, limit),
        collect: Vec::new(),
        told_ms: None,
    }))
}

fn severity(native: &Native<'_>, limit: u64, explained: bool) -> Severity {
    let peak = native.container.held.peak.unwrap_or(0);
    let is_near = peak as f64 >= limit as f64 * NEAR;
    match (native.container.killed(), explained) {
        (true, false) => Severity::Critical,
        (true, true) => Severity::Warning,
        (false, _) if is_near => Severity::Warning,
        (false, _) => Severity::Info,
    }
}

/// The process in the container that is there, if Flink accepts it and the heap can do with what is left; else a container for the process.
fn remedy(native: &Native<'_>, process: u64, limit: u64) -> Remedy {
    let budget = native.container.budget;
    let key = budget.map_or("taskmanager.memory.process.size", |budget| {
        process_size_key(budget.process)
    });
    let (process_size, limit_size) = (
        MemorySize::from_bytes(process).to_option(),
        MemorySize::from_bytes(limit).to_option(),
    );
    let fit = with_options(
        budget,
        &[(key, limit_size.clone())],
        &[],
        &format!("Make both agree: {key} as large as the container."),
    );
    if heap_can_do_with(native, &fit) {
        return fit;
    }
    Remedy {
        text: format!(
            "Make both agree: give the process a container of {process_size}. With {key}: {limit_size} Flink would not start, or the heap would not hold what is live."
        ),
        config: BTreeMap::from([(key.to_owned(), process_size)]),
        before: budget.map(|budget| budget.pools),
        after: budget.map(|budget| budget.pools),
        ..Remedy::default()
    }
}

fn heap_can_do_with(native: &Native<'_>, fit: &Remedy) -> bool {
    let heap = fit.after.and_then(|pools| pools.jvm_heap);
    heap.zip(heap_needs(native.container.case))
        .is_some_and(|(heap, needs)| heap >= needs.keeps)
}
