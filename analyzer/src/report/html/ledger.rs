//! Who holds the resident memory, over time.

use super::Shown;
use super::timeline::clock;
use crate::units::bytes;
use flinkmem_trace::{Ledger as Record, Owner};
use maud::{Markup, html};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What the stacked area is drawn of.
#[derive(Debug, Serialize)]
pub(super) struct Ledger {
    /// When each was taken, milliseconds since the agent started.
    up_ms: Vec<u64>,
    /// Owners, the largest of the last ledger first; what is small is one.
    owners: Vec<OwnerSeries>,
}

#[derive(Debug, Serialize)]
struct OwnerSeries {
    owner: String,
    kib: Vec<u64>,
}

/// Ledgers that a page has at most; of more, those with the most resident memory stay.
const MOST_LEDGERS: usize = 400;
/// Owners that have an area of their own.
const MOST_OWNERS: usize = 9;

impl Ledger {
    /// `None` where there are fewer than two: one ledger is no course of time.
    pub(super) fn of(shown: Shown<'_>) -> Option<Self> {
        let all: Vec<&Record> = shown.case.evidence.all::<Record>().collect();
        let ledgers = thinned(&all);
        if ledgers.len() < 2 {
            return None;
        }
        let owners = owners(&all);
        let (named, others) = owners.split_at(owners.len().min(MOST_OWNERS));
        let series = |name: String, of: &[Owner]| OwnerSeries {
            owner: name,
            kib: ledgers
                .iter()
                .map(|ledger| of.iter().map(|owner| ledger.bytes(*owner)).sum::<u64>() / 1024)
                .collect(),
        };
        let mut stacked: Vec<OwnerSeries> = named
            .iter()
            .map(|owner| series(name(*owner), &[*owner]))
            .collect();
        if !others.is_empty() {
            stacked.push(series(format!("{} others", others.len()), others));
        }
        Some(Self {
            up_ms: ledgers.iter().map(|ledger| ledger.taken.up_ms).collect(),
            owners: stacked,
        })
    }
}

/// The one with the most resident memory of each stretch, and those of incidents.
fn thinned<'a>(all: &[&'a Record]) -> Vec<&'a Record> {
    let size = all.len().div_ceil(MOST_LEDGERS).max(1);
    let mut kept: Vec<&Record> = Vec::new();
    for stretch in all.chunks(size) {
        let of_incidents = stretch.iter().filter(|l| l.taken.incident.is_some());
        let largest = stretch.iter().max_by_key(|ledger| ledger.rss_bytes);
        kept.extend(of_incidents.chain(largest));
    }
    kept.sort_by_key(|ledger| ledger.taken.up_ms);
    kept.dedup_by_key(|ledger| ledger.taken.up_ms);
    kept
}

/// All owners, by the most that they ever held.
fn owners(all: &[&Record]) -> Vec<Owner> {
    let mut most: BTreeMap<Owner, u64> = BTreeMap::new();
    for part in all.iter().flat_map(|ledger| &ledger.parts) {
        let held = most.entry(part.owner).or_default();
        *held = part.bytes.max(*held);
    }
    let mut owners: Vec<(Owner, u64)> = most.into_iter().collect();
    owners.sort_by_key(|(_, held)| Reverse(*held));
    owners.into_iter().map(|(owner, _)| owner).collect()
}

/// The owner's name, as in the trace.
fn name(owner: Owner) -> String {
    let value = serde_json::to_value(owner).unwrap_or_default();
    value.as_str().unwrap_or("unclaimed").to_owned()
}

/// The section; nothing without a ledger.
pub(super) fn section(shown: Shown<'_>, id: &str) -> Markup {
    let Some(rss) = &shown.report.rss else {
        return html! {};
    };
    let all: Vec<&Record> = shown.case.evidence.all::<Record>().collect();
    let first = all.first();
    let largest = all.iter().max_by_key(|ledger| ledger.rss_bytes);
    let at = |ledger: &Record| clock(shown.case, ledger.taken.up_ms);
    let percent = |part: u64| format!("{:.1} %", part as f64 * 100.0 / rss.bytes.max(1) as f64);
    let held = |ledger: Option<&&Record>, owner: &str| {
        let ledger = ledger?;
        let parts = ledger.parts.iter().filter(|part| name(part.owner) == owner);
        Some(parts.map(|part| part.bytes).sum::<u64>())
    };
    html! {
        section aria-labelledby={ (id) "-ledger-h" } data-part="ledger" {
            h2 id={ (id) "-ledger-h" } { "Resident memory by owner" }
            p.lead {
                (bytes(rss.bytes)) " at " (crate::units::time_of_day(rss.at_ms)) ", "
                (format!("{:.1}", rss.attributed * 100.0)) " % with a known owner."
            }
            div.charts data-ledger {}
            div.scroll tabindex="0" role="group" aria-label="Resident memory by owner" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Owner" }
                            @if let Some(first) = first { th.number scope="col" { "First, " (at(first)) } }
                            @if let Some(largest) = largest { th.number scope="col" { "At the most, " (at(largest)) } }
                            th.number scope="col" { "At " (crate::units::time_of_day(rss.at_ms)) }
                            th.number scope="col" { "Share" }
                            th scope="col" { span.visually-hidden { "Bar" } }
                        }
                    }
                    tbody {
                        @for part in &rss.parts {
                            tr {
                                th scope="row" { code { (part.owner) } }
                                td.number { (size(held(first, &part.owner))) }
                                td.number { (size(held(largest.map(|l| l as &&Record), &part.owner))) }
                                td.number { (bytes(part.bytes)) }
                                td.number { (percent(part.bytes)) }
                                td { (bar(part.bytes, rss.bytes)) }
                            }
                            @for library in &part.libraries {
                                tr.part {
                                    th scope="row" { (library.name) }
                                    td {} td {}
                                    td.number { (bytes(library.bytes)) }
                                    td.number { (percent(library.bytes)) }
                                    td { (bar(library.bytes, rss.bytes)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn size(size: Option<u64>) -> String {
    size.map_or("-".to_owned(), bytes)
}

/// A bar that shows a share.
pub(super) fn bar(part: u64, whole: u64) -> Markup {
    let percent = (part as f64 * 100.0 / whole.max(1) as f64).min(100.0);
    html! { div.bar aria-hidden="true" { div style={ "width:" (format!("{percent:.1}")) "%" } {} } }
}
