//! Call sites: stacks weighted by what they hold.

use super::Shown;
use super::timeline::clock;
use crate::case::{Case, Origin, SiteSnapshot, owner_of};
use crate::units::bytes;
use flinkmem_trace::{Frame, HeapSites, Libraries, Site};
use maud::{Markup, html};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the flame graphs are drawn of.
#[derive(Debug, Default, Serialize)]
pub(super) struct Flame {
    /// Every frame once.
    frames: Vec<FrameName>,
    /// Frames of each site by index, innermost first.
    stacks: BTreeMap<u32, Vec<usize>>,
    views: Vec<View>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct FrameName {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    origin: &'static str,
}

/// Sites at one moment.
#[derive(Debug, Clone, Serialize)]
struct View {
    title: String,
    uses: Vec<Use>,
}

#[derive(Debug, Clone, Serialize)]
struct Use {
    site: u32,
    bytes: u64,
    old_bytes: u64,
    blocks: u64,
    /// Class of the objects, or the library.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
}

impl Flame {
    /// `None` where no stack holds anything.
    pub(super) fn of(case: &Case) -> Option<Self> {
        let views = views(case);
        if views.is_empty() {
            return None;
        }
        let mut flame = Self::default();
        let mut known: BTreeMap<FrameName, usize> = BTreeMap::new();
        let sites = views.iter().flat_map(|view| &view.uses);
        for site in sites.filter_map(|found| case.sites.get(&found.site)) {
            let frames = site.frames.iter().map(FrameName::of);
            let stack = frames.map(|frame| {
                *known.entry(frame.clone()).or_insert_with(|| {
                    flame.frames.push(frame);
                    flame.frames.len() - 1
                })
            });
            let stack = stack.collect();
            flame.stacks.insert(site.id, stack);
        }
        flame.views = views;
        Some(flame)
    }
}

impl FrameName {
    fn of(frame: &Frame) -> Self {
        Self {
            name: frame.qualified(),
            line: frame.line,
            origin: origin(Origin::of(frame)),
        }
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Jdk => "jdk",
        Origin::Flink => "flink",
        Origin::Library(_) => "library",
        Origin::User => "user",
    }
}

/// What a view is worth, the most telling first: at the last incident, at the end, at the most, before anything was held.
fn views(case: &Case) -> Vec<View> {
    let snapshots = &case.timeline.snapshots;
    let of_incident = snapshots
        .iter()
        .rfind(|snapshot| snapshot.incident.is_some());
    let total = |snapshot: &SiteSnapshot| -> u64 {
        let live = snapshot.uses.iter().map(|site| site.live_bytes);
        live.fold(0, u64::saturating_add)
    };
    let largest = snapshots.iter().max_by_key(|snapshot| total(snapshot));
    let named = [
        ("at the last incident", of_incident),
        ("at the end", snapshots.last()),
        ("at the most", largest),
        ("at the beginning", snapshots.first()),
    ];
    let mut views: Vec<View> = Vec::new();
    let mut shown = Vec::new();
    for (when, snapshot) in named {
        let Some(snapshot) = snapshot.filter(|found| !shown.contains(&found.up_ms)) else {
            continue;
        };
        shown.push(snapshot.up_ms);
        let at = clock(case, snapshot.up_ms);
        views.push(off_heap(format!("Off-heap memory {when}, {at}"), snapshot));
    }
    views.extend(heap(case));
    views.extend(malloc(case));
    views.retain(|view| view.uses.iter().any(|site| site.bytes > 0));
    views
}

fn off_heap(title: String, snapshot: &SiteSnapshot) -> View {
    let uses = snapshot.uses.iter().map(|site| Use {
        site: site.id,
        bytes: site.live_bytes,
        old_bytes: site.old_bytes,
        blocks: site.live_count,
        of: None,
    });
    View {
        title,
        uses: uses.collect(),
    }
}

fn heap(case: &Case) -> Option<View> {
    let mut all = case.evidence.all::<HeapSites>();
    let found = all.rfind(|found| !found.sites.is_empty())?;
    let at = clock(case, found.taken.up_ms);
    let uses = found.sites.iter().map(|site| Use {
        site: site.id,
        bytes: site.live_bytes,
        old_bytes: site.old_bytes,
        blocks: site.live_count,
        of: site.class.clone(),
    });
    Some(View {
        title: format!("Java objects that survive, {at}"),
        uses: uses.collect(),
    })
}

fn malloc(case: &Case) -> Option<View> {
    let found = case.evidence.last::<Libraries>()?;
    let at = clock(case, found.taken.up_ms);
    let uses = found.sites.iter().map(|site| Use {
        site: site.id,
        bytes: site.live_bytes,
        old_bytes: site.old_bytes,
        blocks: site.live_count,
        of: Some(site.library.clone()),
    });
    Some(View {
        title: format!("malloc of libraries, {at}"),
        uses: uses.collect(),
    })
}

/// Sites in a table.
const MOST_SITES: usize = 20;

/// The section; nothing without stacks.
pub(super) fn section(shown: Shown<'_>, flame: &Flame, id: &str) -> Markup {
    html! {
        section aria-labelledby={ (id) "-flame-h" } data-part="flame" {
            h2 id={ (id) "-flame-h" } { "Call sites" }
            p.lead {
                "Who holds it: the width of a frame is what was allocated below it and is still live. Estimates from sampled blocks. "
                span.needs-script { "Click or press Enter to zoom into a frame, Escape to zoom out; arrows move." }
            }
            div.flame data-flame {}
            @for view in &flame.views {
                details {
                    summary { (view.title) ", as a table" }
                    (table(shown.case, view))
                }
            }
        }
    }
}

fn table(case: &Case, view: &View) -> Markup {
    let mut uses: Vec<&Use> = view.uses.iter().collect();
    uses.sort_by_key(|site| std::cmp::Reverse(site.bytes));
    let total = uses
        .iter()
        .map(|site| site.bytes)
        .fold(0, u64::saturating_add);
    let left_out = uses.len().saturating_sub(MOST_SITES);
    html! {
        div.scroll tabindex="0" role="group" aria-label=(view.title) {
            table {
                thead {
                    tr {
                        th.number scope="col" { "Live" }
                        th.number scope="col" { "Share" }
                        th.number scope="col" { "Older than three collections" }
                        th.number scope="col" { "Blocks" }
                        th scope="col" { "Call site" }
                    }
                }
                tbody {
                    @for site in uses.iter().take(MOST_SITES) {
                        tr {
                            td.number { (bytes(site.bytes)) }
                            td.number { (format!("{:.1} %", site.bytes as f64 * 100.0 / total.max(1) as f64)) }
                            td.number { (bytes(site.old_bytes)) }
                            td.number { (site.blocks) }
                            td { (stack(case.sites.get(&site.site), site.of.as_deref())) }
                        }
                    }
                }
            }
        }
        @if left_out > 0 { p { (left_out) " smaller ones are left out." } }
    }
}

/// The frame that names the owner, and the whole stack behind it.
fn stack(site: Option<&Site>, of: Option<&str>) -> Markup {
    let Some(site) = site else {
        return html! { "stacks that found no room" };
    };
    let owner = owner_of(site).map_or("unknown".to_owned(), |(_, frame)| named(frame));
    html! {
        details {
            summary { code { (owner) } @if let Some(of) = of { " " span.source { (of) } } }
            ol.stack {
                @for frame in &site.frames {
                    li.user[Origin::of(frame) == Origin::User] { code { (named(frame)) } }
                }
                @if site.truncated { li { "…" } }
            }
        }
    }
}

fn named(frame: &Frame) -> String {
    let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
    frame.qualified() + &line
}
