//! The timeline: every pool against its limit.

use super::Shown;
use super::events::{Lane, Mark, marks};
use super::series::{Rows, Values};
use crate::case::{Case, Inside, Moment, PoolUse};
use crate::units::{bytes, day_and_time, time_of_day};
use flinkmem_trace::FlinkInside;
use maud::{Markup, html};
use serde::Serialize;

/// What the timeline is drawn of.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    /// Wall clock of `up_ms` 0, milliseconds since the epoch.
    begin_ms: i64,
    /// Times of the rows, milliseconds since the agent started.
    up_ms: Vec<u64>,
    charts: Vec<Chart>,
    marks: Vec<Mark>,
}

/// One pool.
#[derive(Debug, Serialize)]
struct Chart {
    id: &'static str,
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

struct Plan {
    id: &'static str,
    title: &'static str,
    unit: Unit,
    sources: &'static [Source],
}

/// A case, with what Flink said of itself for each sample.
struct Reading<'a> {
    case: &'a Case,
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

const CHARTS: &[Plan] = &[
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
    fn of(case: &'a Case) -> Self {
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

impl Timeline {
    /// `None` without samples.
    pub(super) fn of(shown: Shown<'_>) -> Option<Self> {
        let case = shown.case;
        let first = case.timeline.moments.first()?;
        let rows = Rows::of(&case.timeline);
        let reading = Reading::of(case);
        let up_ms = i64::try_from(first.up_ms).unwrap_or(0);
        let mut charts: Vec<Chart> = CHARTS
            .iter()
            .filter_map(|plan| Chart::of(plan, &rows, &reading))
            .collect();
        let verdict = shown.report.findings.first();
        let met = verdict.and_then(|finding| chart_of(finding.limit.name));
        // The limit of the verdict comes first, the others keep their order.
        charts.sort_by_key(|chart| Some(chart.id) != met);
        Some(Self {
            begin_ms: first.t_ms.saturating_sub(up_ms),
            charts,
            up_ms: rows.up_ms,
            marks: marks(case),
        })
    }
}

/// The chart on which a limit is seen, by the limit's name in a finding.
fn chart_of(limit: &str) -> Option<&'static str> {
    Some(match limit {
        "container" | "host" => "rss",
        "network_buffers" => "network",
        "heartbeat" => "pause",
        other => CHARTS.iter().find(|plan| plan.id == other)?.id,
    })
}

impl Chart {
    /// `None` where nothing was measured.
    fn of(plan: &Plan, rows: &Rows, reading: &Reading<'_>) -> Option<Self> {
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
        let is_in_use = |one: &Series| one.role != Role::Limit && one.values != Values::Constant(0);
        let is_measured = series.iter().any(is_in_use);
        is_measured.then_some(Self {
            id: plan.id,
            title: plan.title,
            unit: plan.unit,
            series,
        })
    }
}

/// Rows of the tables that say what the charts show.
const TABLE_ROWS: u64 = 24;
/// Marks in the table of what happened.
const MOST_MARKS: usize = 200;

/// The section; `id` begins the ids in it.
pub(super) fn section(shown: Shown<'_>, timeline: &Timeline, id: &str) -> Markup {
    let reading = Reading::of(shown.case);
    html! {
        section aria-labelledby={ (id) "-timeline-h" } data-part="timeline" {
            h2 id={ (id) "-timeline-h" } { "Timeline" }
            p.lead {
                "Every pool against its limit, times in UTC. "
                span.needs-script {
                    "Drag to zoom, double-click or press 0 to reset; with the keyboard: Tab to a chart, arrows to move, + and - to zoom."
                }
            }
            p.controls.needs-script {
                button type="button" data-do="zoom-out" disabled { "Reset zoom" }
                " "
                output data-range {}
            }
            div.charts data-charts {}
            details {
                summary { "What happened, as a table" }
                (happened(shown.case, &timeline.marks))
            }
            details {
                summary { "The charts, as a table" }
                (table(&reading, timeline))
            }
        }
    }
}

fn happened(case: &Case, marks: &[Mark]) -> Markup {
    let mut told: Vec<&Mark> = marks.iter().collect();
    // What matters most first, where there are too many.
    told.sort_by_key(|mark| mark.lane);
    let left_out = told.len().saturating_sub(MOST_MARKS);
    told.truncate(MOST_MARKS);
    told.sort_by_key(|mark| mark.up_ms);
    html! {
        @if told.is_empty() {
            p { "No incident, no pause of 100 ms or more, and no event of Flink's was recorded." }
        } @else {
            div.scroll tabindex="0" role="group" aria-label="What happened" {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Details" } } }
                    tbody {
                        @for mark in told {
                            tr.strong[mark.lane == Lane::Incident] {
                                td { (clock(case, mark.up_ms)) }
                                td { (mark.what) @if mark.count > 1 { " × " (mark.count) } }
                                td { (mark.text) }
                            }
                        }
                    }
                }
            }
            @if left_out > 0 { p { (left_out) " more are on the chart only." } }
        }
    }
}

/// When something was: with its day where a trace spans more than one.
pub(super) fn clock(case: &Case, up_ms: u64) -> String {
    let t_ms = case.wall_ms(up_ms);
    if case.timeline.span_s() > 20.0 * 3600.0 {
        day_and_time(t_ms)
    } else {
        time_of_day(t_ms)
    }
}

/// The most of every pool in stretches of time.
fn table(reading: &Reading<'_>, timeline: &Timeline) -> Markup {
    let moments = &reading.case.timeline.moments;
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else {
        return html! {};
    };
    let plans: Vec<&Plan> = timeline
        .charts
        .iter()
        .filter_map(|chart| CHARTS.iter().find(|plan| plan.id == chart.id))
        .collect();
    let length = (last.up_ms - first.up_ms) / TABLE_ROWS + 1;
    let stretches = moments
        .chunk_by(|a, b| (a.up_ms - first.up_ms) / length == (b.up_ms - first.up_ms) / length);
    let mut start = 0;
    let mut rows = Vec::new();
    for stretch in stretches {
        let range = start..start + stretch.len();
        start = range.end;
        let most = |plan: &&Plan| {
            let used = plan.sources.first();
            let values = range.clone().filter_map(|i| (used?.value)(reading, i));
            values
                .max()
                .map_or("-".to_owned(), |most| plan.unit.text(most))
        };
        rows.push((stretch[0].up_ms, plans.iter().map(most).collect::<Vec<_>>()));
    }
    html! {
        p { "The most of each in the time from one row to the next." }
        div.scroll tabindex="0" role="group" aria-label="The charts, as a table" {
            table {
                thead {
                    tr {
                        th scope="col" { "From" }
                        @for plan in &plans { th.number scope="col" { (short(plan)) } }
                    }
                }
                tbody {
                    @for (up_ms, cells) in &rows {
                        tr {
                            th scope="row" { (clock(reading.case, *up_ms)) }
                            @for cell in cells { td.number { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// The first words of a title.
fn short(plan: &Plan) -> &'static str {
    let end = plan.title.find([',', '(']).unwrap_or(plan.title.len());
    plan.title[..end].trim_end()
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
