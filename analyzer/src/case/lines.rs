//! Lines in a case: one clock for traces and logs, and what contradicts what.

use super::source::{Source, SourceLines};
use super::{Account, Case, DirectErrors};
use crate::configuration::{JvmLimits, Observed};
use crate::lines::{Fact, Told};
use crate::units::{bytes, time_of_day};

/// A log's start and the process's start are the same moment if they are this near, but for the time zone.
const SAME_START_MS: i64 = 5 * 60_000;
/// Time zones differ by multiples of this.
const ZONE_STEP_MS: i64 = 15 * 60_000;
/// No two zones are farther apart.
const FARTHEST_ZONES_MS: i64 = 26 * 3_600_000;

impl Case {
    /// A case of lines alone.
    #[must_use]
    pub fn of_lines(sources: Vec<SourceLines>) -> Self {
        let mut case = Self::default();
        for lines in sources {
            case.add_lines(lines);
        }
        case
    }

    /// Adds the lines of a source, on the trace's clock where there is a trace.
    pub fn add_lines(&mut self, mut lines: SourceLines) {
        let shift = self.zone_shift(&lines.source);
        let index = self.sources.len();
        for told in &mut lines.told {
            told.source = index;
            told.t_ms = told.t_ms.map(|t_ms| t_ms.saturating_add(shift));
        }
        lines.source.times = lines
            .source
            .times
            .map(|(first, last)| (first.saturating_add(shift), last.saturating_add(shift)));
        lines.source.started_ms = lines
            .source
            .started_ms
            .map(|t_ms| t_ms.saturating_add(shift));
        if self.has_trace() {
            self.contradict_head(&lines.source);
        } else {
            self.observed = merged(
                std::mem::take(&mut self.observed),
                lines.source.observed.clone(),
            );
        }
        self.told.extend(lines.told.into_iter().zip(lines.counts));
        self.told
            .sort_by_key(|(told, _)| told.t_ms.unwrap_or(i64::MAX));
        self.sources.push(lines.source);
    }

    /// Whether the agent wrote anything down.
    #[must_use]
    pub fn has_trace(&self) -> bool {
        !self.directory.as_os_str().is_empty()
    }

    /// Whether the process was measured: by the agent, or from outside.
    #[must_use]
    pub fn has_samples(&self) -> bool {
        self.has_trace() || !self.timeline.moments.is_empty()
    }

    /// Version of Java as a log tells it.
    #[must_use]
    pub fn jdk_in_lines(&self) -> Option<String> {
        self.sources.iter().find_map(|source| source.jdk.clone())
    }

    /// Times in a log have no zone. Where the log begins with the process, the difference tells it.
    fn zone_shift(&self, source: &Source) -> i64 {
        let first = source.started_ms.or(source.times.map(|(first, _)| first));
        let Some(first) = first.filter(|_| self.has_trace()) else {
            return 0;
        };
        let apart = self.header.start_ms.saturating_sub(first);
        let steps = (apart as f64 / ZONE_STEP_MS as f64).round();
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a cast from float saturates"
        )]
        let shift = (steps as i64).saturating_mul(ZONE_STEP_MS);
        let fits = shift.saturating_sub(apart).saturating_abs() <= SAME_START_MS;
        let is_zone = shift.saturating_abs() <= FARTHEST_ZONES_MS;
        if fits && is_zone { shift } else { 0 }
    }

    fn contradict_head(&mut self, source: &Source) {
        let (log, trace) = (source.observed.jvm_limits, self.observed.jvm_limits);
        for (name, said, measured) in [
            ("the heap", log.heap, trace.heap),
            ("direct memory", log.direct, trace.direct),
            ("metaspace", log.metaspace, trace.metaspace),
        ] {
            if let Some((said, measured)) =
                said.zip(measured).filter(|(a, b)| a.abs_diff(*b) > a / 50)
            {
                self.contradictions.push(format!(
                    "{} was started with a limit of {} on {name}, the trace with {}: it may be the log of another process",
                    source.name(),
                    bytes(said),
                    bytes(measured)
                ));
            }
        }
    }

    /// What sources say that does not go together.
    #[must_use]
    pub fn all_contradictions(&self) -> Vec<String> {
        let mut found = self.contradictions.clone();
        if self.has_trace() {
            found.extend(self.direct_error_that_the_trace_lacks());
            found.extend(self.limit_that_the_trace_lacks());
        }
        found
    }

    fn direct_error_that_the_trace_lacks(&self) -> Option<String> {
        let (first, last) = (
            self.timeline.moments.first()?.t_ms,
            self.timeline.moments.last()?.t_ms,
        );
        let within = |told: &Told| told.t_ms.is_some_and(|t_ms| (first..=last).contains(&t_ms));
        let jdks =
            |told: &Told| matches!(told.fact, Fact::DirectExhausted(refusal) if !refusal.by_netty);
        let (told, _) = self
            .told
            .iter()
            .find(|(told, _)| jdks(told) && within(told))?;
        DirectErrors::of(self, &Account::Jvm).is_empty().then(|| {
            format!(
                "{} tells of exhausted direct memory at {}, of which the trace knows nothing",
                self.source_name(told),
                time_of_day(told.t_ms.unwrap_or_default())
            )
        })
    }

    fn limit_that_the_trace_lacks(&self) -> Option<String> {
        let measured = self.direct_limit()?;
        let (told, said) = self.told.iter().find_map(|(told, _)| match told.fact {
            Fact::DirectExhausted(refusal) if !refusal.by_netty => Some((told, refusal.limit?)),
            _ => None,
        })?;
        (said.abs_diff(measured) > measured / 50).then(|| {
            format!(
                "{} names a limit of {} on direct memory, the trace one of {}: it may be the log of another process",
                self.source_name(told),
                bytes(said),
                bytes(measured)
            )
        })
    }

    /// Name of the file in which something was told.
    #[must_use]
    pub fn source_name(&self, told: &Told) -> String {
        self.sources
            .get(told.source)
            .map_or_else(|| "a file".to_owned(), Source::name)
    }
}

/// What the first source says, and from the next what it does not.
fn merged(first: Observed, next: Observed) -> Observed {
    if first.is_empty() {
        return next;
    }
    let limits = |first: JvmLimits, next: JvmLimits| next.overridden_by(first);
    let same_process =
        first.process.is_none() || next.process.is_none() || first.process == next.process;
    if !same_process {
        return first;
    }
    Observed {
        version: first.version.or(next.version),
        process: first.process.or(next.process),
        configured: if first.configured.is_empty() {
            next.configured
        } else {
            first.configured
        },
        resolved: if first.resolved.is_empty() {
            next.resolved
        } else {
            first.resolved
        },
        flink_limits: limits(first.flink_limits, next.flink_limits),
        jvm_limits: limits(first.jvm_limits, next.jvm_limits),
        table: if first.table.is_empty() {
            next.table
        } else {
            first.table
        },
        container_limit: first.container_limit.or(next.container_limit),
    }
}
