//! How complete a trace is: shown before any verdict where it matters.

use crate::case::Case;
use flinkmem_trace::EventKind;
use serde::Serialize;

/// What the trace lacks, and what the agent lost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct TraceQuality {
    /// Lines that are no record.
    pub bad_lines: u64,
    /// Last lines that were cut off; one is usual after a kill.
    pub torn_lines: u64,
    /// Lines of a kind that this build does not know; a newer agent wrote them.
    pub unknown_kinds: u64,
    /// Files that ended in an error.
    pub broken_files: u64,
    /// Samples that came more than half an interval late.
    pub late_ticks: u64,
    /// Records that could not be written.
    pub dropped_records: u64,
    /// Sampled allocations and stacks that found no room; call sites are then less certain.
    pub dropped_samples: u64,
    /// Incidents that were counted but not written.
    pub dropped_incidents: u64,
    /// Sources that could not be read at some tick.
    pub failed_reads: u64,
    /// Old samples were thinned or removed to keep within the disk budget.
    pub history_thinned: bool,
    /// Of history that is older than some hours one sample in ten was read, with every peak; all of it near incidents and the end.
    pub overview: bool,
    /// Longest time between two samples that were read, seconds.
    pub longest_gap_s: f64,
    /// Parts of the agent that were switched off, in its words.
    pub degraded: Vec<String>,
}

/// Late ticks below this share of the samples are a busy machine's everyday.
const MANY_LATE_TICKS: f64 = 0.01;

impl TraceQuality {
    pub(super) fn of(case: &Case) -> Self {
        let moments = &case.timeline.moments;
        let cost = moments
            .last()
            .map(|moment| moment.agent)
            .unwrap_or_default();
        let gaps = moments.windows(2).map(|pair| pair[1].up_ms - pair[0].up_ms);
        let degraded = case
            .events
            .iter()
            .filter(|event| event.event == EventKind::AgentDegraded);
        Self {
            bad_lines: case.damage.bad_lines,
            torn_lines: case.damage.torn_lines,
            unknown_kinds: case.damage.unknown_kinds,
            broken_files: case.damage.broken_files,
            late_ticks: cost.late_ticks,
            dropped_records: cost.dropped_records,
            dropped_samples: cost
                .dropped_samples
                .saturating_add(cost.dropped_stacks)
                .saturating_add(cost.dropped_sizes),
            dropped_incidents: cost.dropped_incidents,
            failed_reads: cost.failed_reads,
            history_thinned: case
                .events
                .iter()
                .any(|event| event.event == EventKind::HistoryThinned),
            overview: case.is_overview,
            longest_gap_s: gaps.max().unwrap_or(0) as f64 / 1000.0,
            degraded: degraded.filter_map(|event| event.message.clone()).collect(),
        }
    }

    /// What somebody who reads a verdict must know of it, in a few words each; empty for a sound trace.
    pub(super) fn cautions(&self, samples: u64) -> Vec<String> {
        let late = self.late_ticks as f64 > samples as f64 * MANY_LATE_TICKS;
        let counted = [
            (self.bad_lines, "damaged lines skipped", true),
            (self.broken_files, "damaged files", true),
            (self.unknown_kinds, "records of a newer agent skipped", true),
            (self.dropped_records, "records could not be written", true),
            (
                self.dropped_samples,
                "stacks or samples lost for lack of room",
                true,
            ),
            (self.failed_reads, "failed reads", true),
            (self.late_ticks, "late samples", late),
        ];
        let mut cautions: Vec<String> = counted
            .iter()
            .filter(|(count, _, matters)| *count > 0 && *matters)
            .map(|(count, what, _)| format!("{count} {what}"))
            .collect();
        cautions.extend(
            self.degraded
                .iter()
                .map(|part| format!("agent degraded: {part}")),
        );
        cautions
    }
}
