//! Direct memory, its limit, and off-heap memory by call site.

use super::{ReadProcess, bytes, bytes_so_far, counter, number};
use crate::case::{Origin, is_direct, owner_of};
use crate::metrics::points::Points;
use crate::metrics::signal::Signal;
use crate::metrics::view::View;
use flinkmem_trace::SiteUse;
use std::cmp::Reverse;
use std::collections::BTreeMap;

const SITE: &[&str] = &["site", "origin", "counted"];

/// Call sites that are told apart; the others are summed up.
const MOST_SITES: usize = 10;

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    bytes(
        "flinkmem.direct.capacity",
        &[],
        "Bytes of direct buffers that the JVM holds against the limit",
        |view, out| out.add(view.latest(|m| Some(m.direct?.capacity_bytes))),
    ),
    bytes(
        "flinkmem.direct.limit",
        &[],
        "Limit on direct memory, as the JVM enforces it",
        |view, out| out.add(view.case.direct_limit()),
    ),
    bytes(
        "jvm.buffer.memory.used",
        &["jvm.buffer.pool.name"],
        "Bytes reserved for direct buffers, with what aligning them to pages takes",
        |view, out| {
            let reserved = view.latest(|m| Some(m.direct?.reserved_bytes));
            out.add_with(&[("jvm.buffer.pool.name", "direct")], reserved);
        },
    ),
    number(
        "jvm.buffer.count",
        "{buffer}",
        &["jvm.buffer.pool.name"],
        "Direct buffers",
        |view, out| {
            let count = view.latest(|m| Some(m.direct?.count));
            out.add_with(&[("jvm.buffer.pool.name", "direct")], count);
        },
    ),
    counter(
        "flinkmem.incidents",
        "{incident}",
        &["incident"],
        "Limits that were met: a direct reservation that did not fit, an OutOfMemoryError, an exhausted resource of the JVM",
        incidents,
    ),
    bytes(
        "flinkmem.off_heap.live",
        &[],
        "Bytes that Java code holds of Unsafe's memory: direct buffers, Netty, Flink's segments, user code; since the agent was loaded",
        |view, out| out.add(view.latest(|m| Some(m.off_heap?.live_bytes))),
    ),
    number(
        "flinkmem.off_heap.blocks",
        "{block}",
        &[],
        "Blocks that Java code holds of Unsafe's memory",
        |view, out| out.add(view.latest(|m| Some(m.off_heap?.live_count))),
    ),
    bytes_so_far(
        "flinkmem.off_heap.allocated",
        &[],
        "Bytes that Java code has allocated of Unsafe's memory, freed or not",
        |view, out| out.add(view.latest(|m| Some(m.off_heap?.allocated_bytes))),
    ),
    bytes(
        "flinkmem.off_heap.site.live",
        SITE,
        "Live off-heap bytes by call site, estimated from samples: the ten largest, and all others together",
        |view, out| sites(view, out, |site_use| site_use.live_bytes),
    ),
    bytes(
        "flinkmem.off_heap.site.old",
        SITE,
        "Of the live bytes of a call site, those older than the last three collections",
        |view, out| sites(view, out, |site_use| site_use.old_bytes),
    ),
];

fn incidents(view: &View<'_>, out: &mut Points) {
    use flinkmem_trace::IncidentKind::{DirectSlowPath, OutOfMemoryError, ResourceExhausted};
    let kinds = [
        (DirectSlowPath, "direct_slow_path"),
        (OutOfMemoryError, "out_of_memory_error"),
        (ResourceExhausted, "resource_exhausted"),
    ];
    for (kind, name) in kinds {
        let of_kind = view
            .case
            .incidents
            .iter()
            .filter(|found| found.incident == kind);
        // Those that were not written one by one are told by the next that was.
        let count = of_kind.map(|found| found.suppressed.saturating_add(1));
        out.add_with(&[("incident", name)], count.fold(0, u64::saturating_add));
    }
}

/// Live and old bytes of the methods that somebody can change, the largest first.
fn sites(view: &View<'_>, out: &mut Points, bytes: impl Fn(&SiteUse) -> u64) {
    let Some(snapshot) = view.case.timeline.snapshots.last() else {
        return;
    };
    let mut by_owner: BTreeMap<(String, &str, &str), (u64, u64)> = BTreeMap::new();
    for site_use in &snapshot.uses {
        let sum = by_owner.entry(named(view, site_use)).or_default();
        sum.0 = sum.0.saturating_add(site_use.live_bytes);
        sum.1 = sum.1.saturating_add(bytes(site_use));
    }
    let mut largest: Vec<_> = by_owner.into_iter().collect();
    largest.sort_by_key(|(_, (live, _))| Reverse(*live));
    for ((site, origin, counted), (_, bytes)) in largest.iter().take(MOST_SITES) {
        out.add_with(
            &[("site", site), ("origin", origin), ("counted", counted)],
            *bytes,
        );
    }
    let others = largest
        .iter()
        .skip(MOST_SITES)
        .map(|(_, (_, bytes))| *bytes);
    let others = others.fold(0, u64::saturating_add);
    out.add_with(
        &[("site", "others"), ("origin", ""), ("counted", "")],
        others,
    );
}

/// Who allocates at a site, whose code that is, and whether the limit on direct memory counts it.
fn named(view: &View<'_>, site_use: &SiteUse) -> (String, &'static str, &'static str) {
    let unknown = || ("unknown".to_owned(), "", "");
    let Some(site) = view.case.sites.get(&site_use.id) else {
        return unknown();
    };
    let Some((owner, _)) = owner_of(site) else {
        return unknown();
    };
    let origin = match owner.origin {
        Origin::Jdk => "jdk",
        Origin::Flink => "flink",
        Origin::Library(_) => "library",
        Origin::User => "user",
    };
    let counted = if is_direct(site) { "direct" } else { "unsafe" };
    (owner.method, origin, counted)
}
