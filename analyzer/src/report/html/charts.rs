//! The charts of the timeline: what each is read of, and against which limit.

use super::series::{Rows, Values};
use crate::case::{Case, Inside, Moment, PoolUse};
use crate::units::bytes;
use flinkmem_trace::FlinkInside;
use serde::Serialize;
use std::ops::Range;

/// One pool.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    pub(super) id: &'static str,
    title: &'static str,
    unit: Unit,
    series: Vec<Series>,
}

/// Units of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    /// Values are KiB: the page is a third smaller, and nobody reads bytes off a chart.
    Kib,
    Count,
    Ms,
}

#[derive(Debug, Serialize)]
struct Series {
    name: &'static str,
    role: Role,
    values: Values,
}

/// What a line is, so how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    /// What the chart is about.
    Used,
    /// Another measure of the same.
    Also,
    /// What must not be exceeded.
    Limit,
}

/// How a series is read of a case; the index is that of a sample.
struct Source {
    name: &'static str,
    role: Role,
    value: fn(&Reading<'_>, usize) -> Option<u64>,
}

/// What a chart shows.
pub(super) struct Plan {
    pub(super) id: &'static str,
    title: &'static str,
    unit: Unit,
    sources: &'static [Source],
}

/// A case, with what Flink said of itself for each sample.
pub(super) struct Reading<'a> {
    pub(super) case: &'a Case,
    inside: Vec<Option<&'a Inside>>,
}

const fn used(name: &'static str, value: fn(&Reading<'_>, usize) -> Option<u64>) -> Source {
    let role = Role::Used;
    Source { name, role, value }
}

const fn also(name: &'static str, value: fn(&Reading<'_>, usize) -> Option<u64>) -> Source {
    let role = Role::Also;
    Source { name, role, value }
}

const fn limit(name: &'static str, value: fn(&Reading<'_>, usize) -> Option<u64>) -> Source {
    let role = Role::Limit;
    Source { name, role, value }
}

pub(super) const CHARTS: &[Plan] = &[
    Plan {
        id: "heap",
        title: "Java heap",
        unit: Unit::Kib,
        sources: &[
            used("used", |r, i| Some(r.at(i).heap?.used_bytes)),
            also("left by collections", |r, i| r.at(i).heap?.after_gc_bytes),
            limit("limit", |r, i| Some(r.at(i).heap?.max_bytes)),
        ],
    },
    Plan {
        id: "direct",
        title: "Direct memory",
        unit: Unit::Kib,
        sources: &[
            used("used", |r, i| r.at(i).direct_bytes()),
            limit("limit", |r, i| positive(r.at(i).direct?.max_bytes)),
        ],
    },
    Plan {
        id: "metaspace",
        title: "Metaspace",
        unit: Unit::Kib,
        sources: &[
            used("committed", |r, i| Some(r.at(i).metaspace?.committed_bytes)),
            also("used", |r, i| Some(r.at(i).metaspace?.used_bytes)),
            limit("limit", |r, i| r.metaspace_limit(i)),
        ],
    },
    Plan {
        id: "class_space",
        title: "Class space, a part of metaspace",
        unit: Unit::Kib,
        sources: &[
            used("committed", |r, i| {
                Some(r.at(i).class_space?.committed_bytes)
            }),
            limit("limit", |r, i| max_of(r.at(i).class_space)),
        ],
    },
    Plan {
        id: "code_cache",
        title: "Code cache",
        unit: Unit::Kib,
        sources: &[
            used("used", |r, i| Some(r.at(i).code_cache?.used_bytes)),
            limit("limit", |r, i| max_of(r.at(i).code_cache)),
        ],
    },
    Plan {
        id: "rss",
        title: "Resident memory, and the container",
        unit: Unit::Kib,
        sources: &[
            used("resident", |r, i| Some(r.at(i).process?.vm_rss_bytes)),
            also("container, page cache included", |r, i| {
                r.at(i).cgroup?.limit_bytes?;
                Some(r.at(i).cgroup?.usage_bytes)
            }),
            limit("limit of the container", |r, i| r.at(i).cgroup?.limit_bytes),
        ],
    },
    Plan {
        id: "off_heap",
        title: "Off-heap blocks (Unsafe), counted against direct memory or not",
        unit: Unit::Kib,
        sources: &[used("live", |r, i| Some(r.at(i).off_heap?.live_bytes))],
    },
    Plan {
        id: "network",
        title: "Network memory",
        unit: Unit::Kib,
        sources: &[
            used("lent to tasks", |r, i| {
                let pool = r.flink(i)?.network?;
                let lent = pool.segments_total.saturating_sub(pool.segments_available?);
                lent.checked_mul(pool.segment_bytes)
            }),
            also("required at least", |r, i| {
                let pool = r.flink(i)?.network?;
                pool.segments_required?.checked_mul(pool.segment_bytes)
            }),
            limit("pool", |r, i| {
                let pool = r.flink(i)?.network?;
                pool.segments_total.checked_mul(pool.segment_bytes)
            }),
        ],
    },
    Plan {
        id: "managed",
        title: "Managed memory of the slots in use",
        unit: Unit::Kib,
        sources: &[
            used("reserved", |r, i| {
                r.slots(i, |total, free| total.saturating_sub(free))
            }),
            limit("theirs", |r, i| r.slots(i, |total, _| total)),
        ],
    },
    Plan {
        id: "rocksdb",
        title: "RocksDB's cache",
        unit: Unit::Kib,
        sources: &[
            used("held", |r, i| r.at(i).rocksdb?.cache_usage_bytes),
            also("memtables", |r, i| r.at(i).rocksdb?.memtables_bytes),
            limit("capacity", |r, i| {
                Some(r.at(i).rocksdb?.cache_capacity_bytes)
            }),
        ],
    },
    Plan {
        id: "threads",
        title: "Threads",
        unit: Unit::Count,
        sources: &[
            used("of Java", |r, i| Some(r.at(i).threads?.live)),
            also("of the process", |r, i| Some(r.at(i).process?.threads)),
            limit("limit of the container", |r, i| Some(r.at(i).pids?.max)),
        ],
    },
    Plan {
        id: "pause",
        title: "Longest pause since the sample before",
        unit: Unit::Ms,
        sources: &[used("pause", |r, i| {
            Some(r.at(i).pauses?.longest_us / 1000)
        })],
    },
];

fn positive(size: Option<u64>) -> Option<u64> {
    size.filter(|size| *size > 0)
}

fn max_of(pool: Option<PoolUse>) -> Option<u64> {
    pool.and_then(|pool| pool.max_bytes)
}

impl<'a> Reading<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        let mut known = case.timeline.inside.iter().peekable();
        let mut last = None;
        let mut inside = Vec::with_capacity(case.timeline.moments.len());
        for moment in &case.timeline.moments {
            while let Some(next) = known.next_if(|next| next.up_ms <= moment.up_ms) {
                last = Some(next);
            }
            inside.push(last);
        }
        Self { case, inside }
    }

    fn at(&self, index: usize) -> &Moment {
        &self.case.timeline.moments[index]
    }

    fn flink(&self, index: usize) -> Option<&FlinkInside> {
        self.inside[index]?.flink.as_ref()
    }

    fn slots(&self, index: usize, figure: fn(u64, u64) -> u64) -> Option<u64> {
        let flink = self.flink(index)?;
        flink.slots_total?;
        let slots = flink.slots.iter();
        let figures = slots
            .filter_map(|slot| Some(figure(slot.managed_bytes?, slot.managed_available_bytes?)));
        Some(figures.fold(0, u64::saturating_add))
    }

    fn metaspace_limit(&self, index: usize) -> Option<u64> {
        let of_pool = max_of(self.at(index).metaspace);
        of_pool.or(self.case.observed.jvm_limits.metaspace)
    }
}

/// The chart on which a limit is seen, by the limit's name in a finding.
pub(super) fn chart_of(limit: &str) -> Option<&'static str> {
    Some(match limit {
        "container" | "host" => "rss",
        "network_buffers" => "network",
        "heartbeat" => "pause",
        other => CHARTS.iter().find(|plan| plan.id == other)?.id,
    })
}

impl Chart {
    /// `None` where nothing was measured.
    pub(super) fn of(plan: &Plan, rows: &Rows, reading: &Reading<'_>) -> Option<Self> {
        let scale = if plan.unit == Unit::Kib { 1024 } else { 1 };
        let series: Vec<Series> = plan
            .sources
            .iter()
            .filter_map(|source| {
                let value =
                    |index| (source.value)(reading, index).map(|value| (value + scale / 2) / scale);
                Some(Series {
                    name: source.name,
                    role: source.role,
                    values: rows.values(value)?,
                })
            })
            .collect();
        let is_in_use = |one: &Series| one.role != Role::Limit && one.values.any_above_zero();
        let is_measured = series.iter().any(is_in_use);
        is_measured.then_some(Self {
            id: plan.id,
            title: plan.title,
            unit: plan.unit,
            series,
        })
    }
}

impl Plan {
    /// The most of what it is about in a stretch of samples, in words.
    pub(super) fn most(&self, reading: &Reading<'_>, range: Range<usize>) -> Option<String> {
        let used = self.sources.first()?;
        let most = range
            .filter_map(|index| (used.value)(reading, index))
            .max()?;
        Some(self.unit.text(most))
    }

    /// The first words of its title.
    pub(super) fn short(&self) -> &'static str {
        let end = self.title.find([',', '(']).unwrap_or(self.title.len());
        self.title[..end].trim_end()
    }
}

impl Unit {
    fn text(self, value: u64) -> String {
        match self {
            Self::Kib => bytes(value),
            Self::Count => value.to_string(),
            Self::Ms => format!("{value} ms"),
        }
    }
}
