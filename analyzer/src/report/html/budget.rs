//! The budget as boxes in boxes, as wide as what is meant for them, filled as high as they ever were.

use super::Shown;
use super::ledger::bar;
use crate::budget::Peaks;
use crate::units::bytes;
use maud::{Markup, html};

/// A pool in the drawing.
struct Pool {
    name: &'static str,
    title: &'static str,
    inside: &'static [Pool],
}

const fn pool(name: &'static str, title: &'static str) -> Pool {
    let inside = &[];
    Pool {
        name,
        title,
        inside,
    }
}

const TASK_MANAGER: Pool = Pool {
    name: "total_process",
    title: "Process",
    inside: &[
        Pool {
            name: "total_flink",
            title: "Flink memory",
            inside: &[
                Pool {
                    name: "jvm_heap",
                    title: "Heap",
                    inside: &[
                        pool("framework_heap", "Framework"),
                        pool("task_heap", "Tasks"),
                    ],
                },
                Pool {
                    name: "jvm_direct",
                    title: "Direct",
                    inside: &[
                        pool("framework_off_heap", "Framework"),
                        pool("task_off_heap", "Tasks"),
                        pool("network", "Network"),
                    ],
                },
                pool("managed", "Managed"),
            ],
        },
        pool("jvm_metaspace", "Metaspace"),
        pool("jvm_overhead", "Overhead"),
    ],
};

const JOB_MANAGER: Pool = Pool {
    name: "total_process",
    title: "Process",
    inside: &[
        Pool {
            name: "total_flink",
            title: "Flink memory",
            inside: &[pool("jvm_heap", "Heap"), pool("off_heap", "Off-heap")],
        },
        pool("jvm_metaspace", "Metaspace"),
        pool("jvm_overhead", "Overhead"),
    ],
};

/// What is known of a pool.
struct Figures {
    configured: Option<u64>,
    used: Option<u64>,
    peak: Option<u64>,
    resident: Option<u64>,
}

/// The section; nothing where nothing is known.
pub(super) fn section(shown: Shown<'_>, peaks: &Peaks, id: &str) -> Markup {
    let lines = &shown.report.budget;
    if lines
        .iter()
        .all(|line| line.configured.or(line.peak).is_none())
    {
        return html! {};
    }
    let figures = |name: &str| figures(shown, peaks, name);
    let root = [&TASK_MANAGER, &JOB_MANAGER].into_iter().find(|root| {
        leaves(root)
            .iter()
            .any(|leaf| is_flinks(leaf) && figures(leaf).configured.is_some())
    });
    html! {
        section aria-labelledby={ (id) "-budget-h" } data-part="budget" {
            h2 id={ (id) "-budget-h" } { "Budget" }
            @if let Some(root) = root {
                p.lead { "What is meant for whom; the bar is the most that was measured in it." }
                div.boxes { (nested(root, &figures)) }
            }
            div.scroll tabindex="0" role="group" aria-label="Budget, as a table" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Pool" }
                            @for heading in ["Configured", "Used at the end", "Peak", "Resident", "Peak of configured"] {
                                th.number scope="col" { (heading) }
                            }
                            th scope="col" { span.visually-hidden { "Bar" } }
                        }
                    }
                    tbody {
                        @for line in lines {
                            tr {
                                th scope="row" { code { (line.component) } }
                                @for size in [line.configured, line.used, line.peak, line.resident] {
                                    td.number { (size.map_or("-".to_owned(), bytes)) }
                                }
                                td.number { (share(line.peak, line.configured)) }
                                td {
                                    @if let (Some(peak), Some(configured)) = (line.peak, line.configured) { (bar(peak, configured)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn is_flinks(name: &str) -> bool {
    name == "task_heap" || name == "off_heap"
}

fn leaves(pool: &Pool) -> Vec<&'static str> {
    if pool.inside.is_empty() {
        return vec![pool.name];
    }
    pool.inside.iter().flat_map(leaves).collect()
}

/// What the report says of a pool; of totals and of what it does not measure, the budget and the measured needs.
fn figures(shown: Shown<'_>, peaks: &Peaks, name: &str) -> Figures {
    let line = shown
        .report
        .budget
        .iter()
        .find(|line| line.component == name);
    let of_budget = || shown.budget.and_then(|budget| budget.pools.size(name));
    Figures {
        configured: line.and_then(|line| line.configured).or_else(of_budget),
        used: line.and_then(|line| line.used),
        peak: line.and_then(|line| line.peak).or_else(|| peaks.of(name)),
        resident: line.and_then(|line| line.resident),
    }
}

fn nested(pool: &Pool, figures: &impl Fn(&str) -> Figures) -> Markup {
    let found = figures(pool.name);
    if found.configured.is_none() && found.peak.is_none() && pool.inside.is_empty() {
        return html! {};
    }
    let grow = found.configured.unwrap_or(0) as f64 / f64::from(1 << 20);
    let is_over = found
        .peak
        .zip(found.configured)
        .is_some_and(|(peak, size)| peak > size);
    html! {
        div.box.over[is_over].leaf[pool.inside.is_empty()] style={ "flex-grow:" (format!("{:.1}", grow.max(1.0))) } {
            div.box-head {
                span.box-title { (pool.title) }
                " "
                span.box-size { (found.configured.map_or("no size".to_owned(), bytes)) }
                @if let Some(peak) = found.peak {
                    div.box-fill { "peak " (bytes(peak)) @if peak > 0 { ", " (share(found.peak, found.configured)) } }
                    @if let Some(configured) = found.configured { (bar(peak, configured)) }
                }
                @if let Some(used) = found.used.filter(|_| pool.inside.is_empty()) {
                    div.box-fill { "at the end " (bytes(used)) }
                }
                @if let Some(resident) = found.resident.filter(|_| pool.inside.is_empty()) {
                    div.box-fill { "resident " (bytes(resident)) }
                }
            }
            @if !pool.inside.is_empty() {
                div.box-inside { @for inside in pool.inside { (nested(inside, figures)) } }
            }
        }
    }
}

fn share(peak: Option<u64>, configured: Option<u64>) -> String {
    match (peak, configured) {
        (Some(0), Some(0)) | (None, _) | (_, None) => "-".to_owned(),
        (Some(_), Some(0)) => "not meant to be used".to_owned(),
        (Some(peak), Some(size)) => format!("{} %", u128::from(peak) * 100 / u128::from(size)),
    }
}
