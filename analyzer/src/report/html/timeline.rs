//! The timeline: every pool against its limit, and what happened.

use super::Shown;
use super::charts::{CHARTS, Chart, Plan, Reading, chart_of};
use super::events::{Lane, Mark, marks};
use super::series::Rows;
use crate::case::Case;
use crate::units::{day_and_time, time_of_day};
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
        let most = |plan: &&Plan| plan.most(reading, range.clone()).unwrap_or("-".to_owned());
        rows.push((stretch[0].up_ms, plans.iter().map(most).collect::<Vec<_>>()));
    }
    html! {
        p { "The most of each in the time from one row to the next." }
        div.scroll tabindex="0" role="group" aria-label="The charts, as a table" {
            table {
                thead {
                    tr {
                        th scope="col" { "From" }
                        @for plan in &plans { th.number scope="col" { (plan.short()) } }
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
