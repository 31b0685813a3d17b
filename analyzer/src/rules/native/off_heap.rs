//! Off-heap memory that no limit of the JVM counts: `Unsafe.allocateMemory` by call site, without what Flink, Netty and NIO take under limits of
//! their own.

use super::Series;
use crate::case::{Case, Owner, is_direct, owner_of};
use flinkmem_trace::{Frame, Site};
use std::collections::{BTreeMap, BTreeSet};

/// An owner of such memory.
pub(super) struct OffHeapOwner<'a> {
    pub(super) owner: Owner,
    /// The frame that names it, at the site with the most bytes.
    pub(super) frame: &'a Frame,
    /// Its live bytes.
    pub(super) series: Series,
    /// Sampled blocks behind the last figure.
    pub(super) samples: u32,
}

/// Looks at this many owners: those that hold the most at the end.
const MOST_OWNERS: usize = 8;

/// Owners of such memory, the one that grew most first.
pub(super) fn owners(case: &Case) -> Vec<OffHeapOwner<'_>> {
    let Some(last) = case.timeline.snapshots.last() else {
        return Vec::new();
    };
    let mut sites: BTreeMap<Owner, (BTreeSet<u32>, u64, u64, u32, &Frame)> = BTreeMap::new();
    for (id, site) in case.sites.iter().filter(|(_, site)| is_uncounted(site)) {
        let Some((owner, frame)) = owner_of(site) else {
            continue;
        };
        let now = last.uses.iter().find(|found| found.id == *id);
        let live = now.map_or(0, |found| found.live_bytes);
        let samples = now.map_or(0, |found| found.samples);
        let sum = sites
            .entry(owner)
            .or_insert((BTreeSet::new(), 0, 0, 0, frame));
        sum.0.insert(*id);
        sum.1 = sum.1.saturating_add(live);
        sum.3 = sum.3.saturating_add(samples);
        if live > sum.2 {
            (sum.2, sum.4) = (live, frame);
        }
    }
    let mut largest: Vec<_> = sites.into_iter().collect();
    largest.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.1));
    largest.truncate(MOST_OWNERS);
    let mut owners: Vec<OffHeapOwner<'_>> = largest
        .into_iter()
        .map(|(owner, (ids, _, _, samples, frame))| OffHeapOwner {
            owner,
            frame,
            series: series(case, &ids),
            samples,
        })
        .collect();
    owners.sort_by_key(|owner| std::cmp::Reverse(owner.series.grown()));
    owners
}

fn series(case: &Case, ids: &BTreeSet<u32>) -> Series {
    let values = case.timeline.snapshots.iter().map(|snapshot| {
        let own = snapshot.uses.iter().filter(|found| ids.contains(&found.id));
        let live = own.fold(0_u64, |sum, found| sum.saturating_add(found.live_bytes));
        (snapshot.up_ms, live)
    });
    Series::of(values)
}

/// Whether nobody holds a call site's memory against a limit: the JVM counts direct buffers, Flink its segments, Netty its arenas; buffers of NIO
/// are kept for each thread.
fn is_uncounted(site: &Site) -> bool {
    const ELSEWHERE: [&str; 4] = [
        "org.apache.flink.core.memory.",
        "org.apache.flink.runtime.io.network.",
        "sun.nio.ch.",
        "jdk.internal.net.",
    ];
    let elsewhere = |frame: &Frame| {
        let class = frame.class.as_str();
        ELSEWHERE.iter().any(|prefix| class.starts_with(prefix)) || class.contains(".netty.")
    };
    !is_direct(site) && !site.frames.iter().any(elsewhere)
}
