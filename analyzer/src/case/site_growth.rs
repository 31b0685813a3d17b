//! Live bytes by owner, and whose grew. A consumer is told by its growth, not by its size: Flink's network pool is the
//! largest user of direct memory in many processes, and flat.

use super::timeline::seconds;
use super::{Account, Case, Owner, SiteSnapshot, is_network_pool, is_thread_cache, owner_of};
use crate::statistics::trend::{FEWEST_POINTS, MOST_POINTS};
use crate::statistics::{Point, trend};
use crate::units::to_bytes;
use flinkmem_trace::{Frame, Site, SiteUse};
use std::collections::{BTreeMap, BTreeSet};

/// What one owner's call sites hold.
#[derive(Debug, Clone)]
pub struct OwnerUse<'a> {
    /// Who.
    pub owner: Owner,
    /// Bytes live at the later moment.
    pub live_bytes: u64,
    /// Of them, those that had survived the last few collections.
    pub old_bytes: u64,
    /// Of the live bytes, those in buffers that NIO keeps for its threads.
    pub thread_cache_bytes: u64,
    /// Blocks live at the later moment.
    pub live_count: u64,
    /// Bytes more than at the earlier moment; 0 where they became fewer.
    pub growth_bytes: u64,
    /// Sampled blocks behind the figures.
    pub samples: u32,
    /// The frame that names the owner, at the site with the most bytes.
    pub frame: &'a Frame,
    /// Flink's network buffers, which are taken once at the start.
    pub is_network_pool: bool,
    largest_site: u64,
}

impl OwnerUse<'_> {
    /// Share of the live bytes that is old.
    #[must_use]
    pub fn old_share(&self) -> f64 {
        share(self.old_bytes, self.live_bytes)
    }
}

/// The owners of direct memory by what they grew from one snapshot to another, most first.
#[must_use]
pub fn growth_by_owner<'a>(
    case: &'a Case,
    account: &Account,
    from: &SiteSnapshot,
    to: &SiteSnapshot,
) -> Vec<OwnerUse<'a>> {
    let mut owners = sum_up(case, account, &to.uses);
    let before = sum_up(case, account, &from.uses);
    for (owner, now) in &mut owners {
        let earlier = before.get(owner).map_or(0, |earlier| earlier.live_bytes);
        now.growth_bytes = now.live_bytes.saturating_sub(earlier);
    }
    most_growth_first(owners)
}

/// The owners of direct memory by what they grew over many snapshots: the rise of a robust line, so that buffers that
/// only wait for the next collection do not count. Falls back on the difference where there are too few for a line.
#[must_use]
pub fn trend_by_owner<'a>(
    case: &'a Case,
    account: &Account,
    snapshots: &[SiteSnapshot],
) -> Vec<OwnerUse<'a>> {
    let (Some(first), Some(last)) = (snapshots.first(), snapshots.last()) else {
        return Vec::new();
    };
    if snapshots.len() < FEWEST_POINTS {
        return growth_by_owner(case, account, first, last);
    }
    let stride = snapshots.len().div_ceil(MOST_POINTS);
    let kept: Vec<&SiteSnapshot> = snapshots.iter().rev().step_by(stride).collect();
    let sums: Vec<(f64, BTreeMap<Owner, OwnerUse<'a>>)> = kept
        .iter()
        .rev()
        .map(|snapshot| {
            (
                seconds(snapshot.up_ms),
                sum_up(case, account, &snapshot.uses),
            )
        })
        .collect();
    let mut owners = sum_up(case, account, &last.uses);
    for (owner, now) in &mut owners {
        let live = |sums: &BTreeMap<Owner, OwnerUse<'a>>| {
            sums.get(owner).map_or(0, |found| found.live_bytes) as f64
        };
        let points: Vec<Point> = sums
            .iter()
            .map(|(s, sums)| Point::new(*s, live(sums)))
            .collect();
        now.growth_bytes = trend(&points).map_or(0, |trend| to_bytes(trend.rise()));
    }
    most_growth_first(owners)
}

/// Live bytes of one owner of direct memory at every snapshot, by milliseconds since the agent started.
#[must_use]
pub fn live_bytes_of(case: &Case, account: &Account, owner: &Owner) -> Vec<(u64, u64)> {
    let belongs = |site: &Site| {
        account.counts(site) && owner_of(site).is_some_and(|(found, _)| found == *owner)
    };
    let ids: BTreeSet<u32> = case
        .sites
        .iter()
        .filter(|(_, site)| belongs(site))
        .map(|(&id, _)| id)
        .collect();
    let live = |snapshot: &SiteSnapshot| {
        let own = snapshot
            .uses
            .iter()
            .filter(|site_use| ids.contains(&site_use.id));
        own.fold(0_u64, |sum, site_use| {
            sum.saturating_add(site_use.live_bytes)
        })
    };
    let snapshots = case.timeline.snapshots.iter();
    snapshots
        .map(|snapshot| (snapshot.up_ms, live(snapshot)))
        .collect()
}

fn most_growth_first<'a>(owners: BTreeMap<Owner, OwnerUse<'a>>) -> Vec<OwnerUse<'a>> {
    let mut owners: Vec<OwnerUse<'a>> = owners.into_values().collect();
    owners.sort_by(|a, b| {
        let by_growth = b.growth_bytes.cmp(&a.growth_bytes);
        by_growth.then(a.owner.cmp(&b.owner))
    });
    owners
}

/// What each owner of direct memory holds.
fn sum_up<'a>(
    case: &'a Case,
    account: &Account,
    uses: &[SiteUse],
) -> BTreeMap<Owner, OwnerUse<'a>> {
    let mut owners: BTreeMap<Owner, OwnerUse<'a>> = BTreeMap::new();
    for site_use in uses {
        let site = case.sites.get(&site_use.id);
        let Some(site) = site.filter(|site| account.counts(site)) else {
            continue;
        };
        let Some((owner, frame)) = owner_of(site) else {
            continue;
        };
        let sum = owners.entry(owner.clone()).or_insert(OwnerUse {
            owner,
            live_bytes: 0,
            old_bytes: 0,
            thread_cache_bytes: 0,
            live_count: 0,
            growth_bytes: 0,
            samples: 0,
            frame,
            is_network_pool: is_network_pool(site),
            largest_site: 0,
        });
        sum.live_bytes = sum.live_bytes.saturating_add(site_use.live_bytes);
        sum.old_bytes = sum.old_bytes.saturating_add(site_use.old_bytes);
        sum.live_count = sum.live_count.saturating_add(site_use.live_count);
        if is_thread_cache(site) {
            sum.thread_cache_bytes = sum.thread_cache_bytes.saturating_add(site_use.live_bytes);
        }
        sum.samples = sum.samples.saturating_add(site_use.samples);
        if site_use.live_bytes > sum.largest_site {
            sum.largest_site = site_use.live_bytes;
            sum.frame = frame;
        }
    }
    owners
}

/// `part` of `whole`, between 0 and 1.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 / whole as f64).min(1.0)
    }
}
