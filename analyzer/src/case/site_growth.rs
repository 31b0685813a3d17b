//! Live bytes by owner, and whose grew. A consumer is told by its growth, not by its size: Flink's network pool is the
//! largest user of direct memory in many processes, and flat.

use super::{Case, Owner, SiteSnapshot, is_direct, owner_of};
use flinkmem_trace::{Frame, Site, SiteUse};
use std::collections::BTreeMap;

/// What one owner's call sites hold.
#[derive(Debug, Clone)]
pub struct OwnerUse<'a> {
    /// Who.
    pub owner: Owner,
    /// Bytes live at the later moment.
    pub live_bytes: u64,
    /// Of them, those that had survived the last few collections.
    pub old_bytes: u64,
    /// Bytes more than at the earlier moment; 0 where they became fewer.
    pub growth_bytes: u64,
    /// Sampled blocks behind the figures.
    pub samples: u32,
    /// The frame that names the owner, at the site with the most bytes.
    pub frame: &'a Frame,
    /// Call sites of this owner.
    pub sites: usize,
    largest_site: u64,
}

impl OwnerUse<'_> {
    /// Share of the live bytes that is old.
    #[must_use]
    pub fn old_share(&self) -> f64 {
        share(self.old_bytes, self.live_bytes)
    }
}

/// What every owner of direct memory held at a snapshot, most bytes first.
#[must_use]
pub fn use_by_owner<'a>(
    case: &'a Case,
    at: &SiteSnapshot,
    wanted: impl Fn(&Site) -> bool,
) -> Vec<OwnerUse<'a>> {
    let mut owners = sum_up(case, &at.uses, wanted);
    owners.sort_by(|a, b| b.live_bytes.cmp(&a.live_bytes).then(a.owner.cmp(&b.owner)));
    owners
}

/// The owners of direct memory by what they grew between two snapshots, most first. Without an earlier one, all is
/// growth.
#[must_use]
pub fn growth_by_owner<'a>(
    case: &'a Case,
    from: Option<&SiteSnapshot>,
    to: &SiteSnapshot,
) -> Vec<OwnerUse<'a>> {
    let mut owners = sum_up(case, &to.uses, is_direct);
    let before = from.map(|snapshot| sum_up(case, &snapshot.uses, is_direct));
    for owner in &mut owners {
        let earlier = before.iter().flatten().find(|b| b.owner == owner.owner);
        let earlier = earlier.map_or(0, |b| b.live_bytes);
        owner.growth_bytes = owner.live_bytes.saturating_sub(earlier);
    }
    owners.sort_by(|a, b| {
        b.growth_bytes
            .cmp(&a.growth_bytes)
            .then(a.owner.cmp(&b.owner))
    });
    owners
}

fn sum_up<'a>(
    case: &'a Case,
    uses: &[SiteUse],
    wanted: impl Fn(&Site) -> bool,
) -> Vec<OwnerUse<'a>> {
    let mut owners: BTreeMap<Owner, OwnerUse<'a>> = BTreeMap::new();
    for site_use in uses {
        let Some(site) = case.sites.get(&site_use.id).filter(|site| wanted(site)) else {
            continue;
        };
        let Some((owner, frame)) = owner_of(site) else {
            continue;
        };
        let sum = owners.entry(owner.clone()).or_insert(OwnerUse {
            owner,
            live_bytes: 0,
            old_bytes: 0,
            growth_bytes: 0,
            samples: 0,
            frame,
            sites: 0,
            largest_site: 0,
        });
        sum.live_bytes = sum.live_bytes.saturating_add(site_use.live_bytes);
        sum.old_bytes = sum.old_bytes.saturating_add(site_use.old_bytes);
        sum.samples = sum.samples.saturating_add(site_use.samples);
        sum.sites += 1;
        if site_use.live_bytes > sum.largest_site {
            sum.largest_site = site_use.live_bytes;
            sum.frame = frame;
        }
    }
    owners.into_values().collect()
}

/// `part` of `whole`, between 0 and 1.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 / whole as f64).min(1.0)
    }
}
