//! What every pool needs: the largest peak with headroom, a least size, or what it has where nothing can be said.

use super::{Measured, ProcessPeaks};
use crate::budget::{IN_USE_WITH_GARBAGE, NO_LEDGER, Peak, Pools};
use crate::finding::{Finding, Label};
use crate::model::Process;
use crate::units::{bytes, duration, round_up, to_bytes};
use std::collections::BTreeMap;

/// What one pool needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// The pool, by the model's name; the heap by the JVM's sum.
    pub pool: &'static str,
    /// The largest peak of all processes, where one was measured.
    pub peak: Option<Peak>,
    /// The least that it should have, bytes.
    pub bytes: u64,
    /// Why so much.
    pub basis: Basis,
}

/// Why a pool needs what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// The peak and the headroom.
    Measured,
    /// A least size that is above that; why.
    Least(&'static str),
    /// A limit that was met cut the peak off; the label that says so.
    LimitMet(Label),
    /// Nothing was measured: it keeps its size.
    NotMeasured,
    /// A leak was found, so a size is refused: it keeps what it has; the label and where.
    Refused(String),
}

const MIB: u64 = 1 << 20;

/// Collections need half as much again as is live; the same as remedies leave to a heap.
const HEAP_OVER_LIVE: f64 = 1.5;

/// Least sizes, where the pool has as much, and why a measured peak alone is not enough.
const LEAST: [(&str, u64, &str); 4] = [
    (
        "framework_off_heap",
        128 * MIB,
        "Flink's default: batch reads take a part of it, and Flink refuses less than that part",
    ),
    (
        "network",
        64 * MIB,
        "Flink's default minimum: the next job may have more channels",
    ),
    (
        "jvm_metaspace",
        128 * MIB,
        "a job that is submitted anew needs its classes once more before the old ones go",
    ),
    (
        "jvm_overhead",
        192 * MIB,
        "Flink's default minimum: page tables and the kernel's memory count towards the container too",
    ),
];

/// The pools of a process that are sized. The task heap is what the framework's leaves of `jvm_heap`.
fn pools(process: Process) -> &'static [&'static str] {
    match process {
        Process::TaskManager => &[
            "jvm_heap",
            "task_off_heap",
            "framework_off_heap",
            "network",
            "managed",
            "jvm_metaspace",
            "jvm_overhead",
        ],
        Process::JobManager => &["jvm_heap", "off_heap", "jvm_metaspace", "jvm_overhead"],
    }
}

pub(super) fn needs(
    process: Process,
    measured: &[&Measured<'_>],
    processes: &[ProcessPeaks],
    before: &Pools,
    headroom: f64,
) -> Vec<Need> {
    let need = |pool: &&'static str| {
        let peak = largest_peak(processes, pool);
        let present = before.size(pool);
        let (bytes, basis) = match (leak(measured, pool), peak) {
            (Some(leak), _) => (present.unwrap_or(0), Basis::Refused(leak)),
            (None, None) => (present.unwrap_or(0), Basis::NotMeasured),
            (None, Some(peak)) => sized(measured, pool, peak, present, headroom),
        };
        Need {
            pool,
            peak,
            bytes,
            basis,
        }
    };
    pools(process).iter().map(need).collect()
}

/// Pools and what each needs, for the derivation.
pub(super) fn by_pool(needs: &[Need]) -> BTreeMap<&'static str, u64> {
    needs.iter().map(|need| (need.pool, need.bytes)).collect()
}

fn largest_peak(processes: &[ProcessPeaks], pool: &str) -> Option<Peak> {
    let of_pool = |process: &ProcessPeaks| {
        let mut peaks = process.peaks.iter();
        peaks.find(|(name, _)| *name == pool).map(|(_, peak)| peak)
    };
    processes
        .iter()
        .filter_map(of_pool)
        .max_by_key(|peak| peak.bytes)
}

fn sized(
    measured: &[&Measured<'_>],
    pool: &'static str,
    peak: Peak,
    present: Option<u64>,
    headroom: f64,
) -> (u64, Basis) {
    let factor = match pool {
        "jvm_heap" => (1.0 + headroom).max(HEAP_OVER_LIVE),
        _ => 1.0 + headroom,
    };
    // Rounded up before as well as after: the least byte of headroom must not get lost in a float.
    let by_peak = round_up(to_bytes((peak.bytes as f64 * factor).ceil()), MIB);
    let mut size = (by_peak, Basis::Measured);
    // A cache that is full has got all that there was, and more of it is no need.
    let cannot_grow_by_measure = pool == "managed";
    if let Some(present) = present.filter(|_| cannot_grow_by_measure)
        && by_peak > present
        && peak.bytes <= present
    {
        size.0 = present.max(peak.bytes);
        size.1 = Basis::Least("all of it is reserved, and a cache takes what it is given");
    }
    if let Some((_, least, why)) = LEAST.iter().find(|(name, ..)| *name == pool) {
        // Who has made do with less does not need it.
        let least = present.map_or(*least, |present| present.min(*least));
        if least > size.0 {
            size = (least, Basis::Least(why));
        }
    }
    let met = measured
        .iter()
        .flat_map(|process| process.findings)
        .filter_map(|finding| Some((asked_for(finding, pool)?, finding.label)))
        .max_by_key(|(bytes, _)| *bytes);
    match met {
        Some((bytes, label)) if bytes > size.0 => (round_up(bytes, MIB), Basis::LimitMet(label)),
        _ => size,
    }
}

/// What a finding's remedy gives to a pool beyond what it has.
fn asked_for(finding: &Finding, pool: &str) -> Option<u64> {
    let before = finding.remedy.before?.size(pool)?;
    let after = finding.remedy.after?.size(pool)?;
    let is_its_own = finding.remedy.config.keys().any(|key| concerns(key, pool));
    (after > before && is_its_own).then_some(after)
}

/// Whether an option is that of a pool, and not of a sum that makes it grow by its share.
fn concerns(key: &str, pool: &str) -> bool {
    let part = match pool {
        "jvm_heap" => return key.ends_with("heap.size") && !key.contains("off-heap"),
        "task_off_heap" => "task.off-heap",
        "framework_off_heap" => "framework.off-heap",
        "off_heap" => "jobmanager.memory.off-heap",
        "network" => ".network.",
        "managed" => ".managed.",
        "jvm_metaspace" => "jvm-metaspace",
        "jvm_overhead" => "jvm-overhead",
        _ => return false,
    };
    key.contains(part)
}

/// Findings less sure than this refuse nothing.
const SURE: f64 = 0.5;

/// The leak that was found in a pool, in words.
fn leak(measured: &[&Measured<'_>], pool: &str) -> Option<String> {
    measured.iter().find_map(|process| {
        let mut findings = process.findings.iter();
        let found = findings.find(|finding| {
            finding.confidence >= SURE && leaking_pools(finding.label).contains(&pool)
        })?;
        let header = &process.case.header;
        Some(format!(
            "{} was found in {} pid {}, {:.0} % sure: no size holds what grows without end",
            found.label.name(),
            header.host,
            header.pid,
            found.confidence * 100.0
        ))
    })
}

/// The pools that a leak grows in.
fn leaking_pools(label: Label) -> &'static [&'static str] {
    match label {
        Label::HeapLeak | Label::HeapStateGrowth | Label::JmHeapMetadata => &["jvm_heap"],
        Label::DirectLeak => &["task_off_heap", "framework_off_heap", "off_heap"],
        Label::NetworkBufferLeak => &["network"],
        Label::ClassloaderLeak => &["jvm_metaspace"],
        Label::ThreadLeak
        | Label::RocksdbNativeLeak
        | Label::UnsafeMemoryLeak
        | Label::CodecNativeLeak
        | Label::NativeEngineLeak
        | Label::NativeGrowthUnattributed => &["jvm_overhead"],
        _ => &[],
    }
}

/// Below this a trace has not seen a process's life: caches fill, checkpoints come every few minutes.
const SHORT_S: f64 = 600.0;
/// A peak in this last share of a trace may not be the peak.
const LATE: f64 = 0.1;

/// What makes the figures less sure.
pub(super) fn warnings(
    measured: &[&Measured<'_>],
    processes: &[ProcessPeaks],
    before: &Pools,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for (process, peaks) in measured.iter().zip(processes) {
        let mut warn = |text: String| warnings.push(format!("{}: {text}", peaks.name));
        if peaks.span_s < SHORT_S {
            let (samples, span) = (peaks.samples, duration(peaks.span_s));
            warn(format!(
                "too few samples, {samples} in {span}: watch at least 10 min of the busiest time"
            ));
        }
        for (pool, peak) in peaks.peaks.iter() {
            if peak.how == IN_USE_WITH_GARBAGE || peak.how == NO_LEDGER {
                warn(format!("{pool}: {}", peak.how));
            }
        }
        if let Some(late) = late_peaks(process, peaks) {
            warn(late);
        }
        if let Some(idle) = idle_slots(process) {
            warn(idle);
        }
        if process.budget.pools.total_process != before.total_process {
            let size = process
                .budget
                .pools
                .total_process
                .map_or_else(|| "unknown".to_owned(), bytes);
            warn(format!(
                "its process size is another, {size}; \"before\" is that of the process that started last"
            ));
        }
    }
    warnings
}

fn late_peaks(process: &Measured<'_>, peaks: &ProcessPeaks) -> Option<String> {
    let moments = &process.case.timeline.moments;
    let (first, last) = (moments.first()?.up_ms, moments.last()?.up_ms);
    let late_from = last.saturating_sub(to_bytes(last.saturating_sub(first) as f64 * LATE));
    let is_level =
        |pool: &str| matches!(pool, "network" | "managed" | "total_process" | "jvm_direct");
    let late: Vec<&str> = peaks
        .peaks
        .iter()
        .filter(|(pool, peak)| peak.up_ms >= late_from && peak.bytes > 0 && !is_level(pool))
        .map(|(pool, _)| pool)
        .collect();
    (!late.is_empty()).then(|| {
        format!(
            "the peak of {} is in the last tenth of the time: it may still rise",
            late.join(", ")
        )
    })
}

/// Slots that were never taken would need as much again.
fn idle_slots(process: &Measured<'_>) -> Option<String> {
    let inside = process.case.timeline.inside.iter();
    let flink: Vec<_> = inside.filter_map(|inside| inside.flink.as_ref()).collect();
    let total = flink.iter().filter_map(|flink| flink.slots_total).max()?;
    let taken = flink.iter().map(|flink| flink.slots.len() as u64).max()?;
    (taken < total)
        .then(|| format!("only {taken} of {total} slots were ever taken: the peaks are theirs"))
}
