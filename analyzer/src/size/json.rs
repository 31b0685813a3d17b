//! Sizes as JSON: the stable form, described in `docs/sizing.md`.

use super::{Basis, Need, ProcessPeaks, Sizes};
use crate::model::Process;
use serde_json::{Map, Value, json};

/// One document for one kind of process.
#[must_use]
pub fn to_json(sizes: &Sizes) -> Value {
    let mut document = json!({
        "process": name(sizes.process),
        "flink_version": sizes.version.map(|version| version.to_string()),
        "headroom": sizes.headroom,
        "whole": sizes.is_whole(),
        "processes": sizes.processes.iter().map(process).collect::<Vec<_>>(),
        "needs": sizes.needs.iter().map(need).collect::<Vec<_>>(),
        "before": sizes.before,
        "warnings": sizes.warnings,
    });
    match &sizes.result {
        Ok(derived) => {
            document["after"] = json!(derived.after);
            document["config"] = json!(derived.config);
            document["remove"] = json!(derived.remove);
        }
        Err(not) => document["not_derived"] = json!(not.to_string()),
    }
    document
}

fn name(process: Process) -> &'static str {
    match process {
        Process::TaskManager => "tm",
        Process::JobManager => "jm",
    }
}

fn process(process: &ProcessPeaks) -> Value {
    let peaks: Map<String, Value> = process
        .peaks
        .iter()
        .map(|(pool, peak)| {
            let peak = json!({"bytes": peak.bytes, "up_ms": peak.up_ms, "measured": peak.how});
            (pool.to_owned(), peak)
        })
        .collect();
    json!({"name": process.name, "samples": process.samples, "span_s": process.span_s, "peaks": peaks})
}

fn need(need: &Need) -> Value {
    let (basis, reason) = match &need.basis {
        Basis::Measured => ("measured", None),
        Basis::Least(why) => ("least", Some((*why).to_owned())),
        Basis::LimitMet(label) => ("limit_met", Some(label.name().to_owned())),
        Basis::NotMeasured => ("not_measured", None),
        Basis::Refused(why) => ("refused", Some(why.clone())),
    };
    let mut object = json!({"pool": need.pool, "bytes": need.bytes, "basis": basis});
    if let Some(peak) = need.peak {
        object["peak"] = json!(peak.bytes);
    }
    if let Some(reason) = reason {
        object["reason"] = json!(reason);
    }
    object
}
