//! Where the objects that survive were allocated, by owner.

use super::stack;
use crate::case::{Case, Origin, Owner, share};
use flinkmem_trace::{Frame, HeapSite, HeapSites};

/// Surviving objects of one owner.
#[derive(Debug, Clone)]
pub(in crate::rules) struct SiteOwner<'a> {
    /// Whose call allocates.
    pub(in crate::rules) owner: Owner,
    /// The frame that says so.
    pub(in crate::rules) frame: &'a Frame,
    /// The whole stack of its largest site.
    pub(in crate::rules) frames: &'a [Frame],
    /// Class of the objects of its largest site.
    pub(in crate::rules) class: Option<&'a str>,
    /// Of what survives of all sites, its share.
    pub(in crate::rules) share: f64,
    /// Of its bytes, those older than three collections.
    pub(in crate::rules) old_share: f64,
    /// Bytes, of what was allocated since sampling began.
    pub(in crate::rules) live_bytes: u64,
    /// Sampled objects.
    pub(in crate::rules) samples: u32,
    largest: u64,
    old_bytes: u64,
}

/// Fewer sampled objects name nobody.
const FEWEST_SAMPLES: u32 = 5;

/// The owners at the last reading with enough samples until `until_ms`, or else at the first after it; most bytes first.
pub(super) fn owners(case: &Case, until_ms: Option<u64>) -> Vec<SiteOwner<'_>> {
    let enough = |found: &&HeapSites| {
        let samples: u32 = found.sites.iter().map(|site| site.samples).sum();
        samples >= FEWEST_SAMPLES
    };
    let until = until_ms.unwrap_or(u64::MAX);
    let all = || case.evidence.all::<HeapSites>();
    let before = all().rfind(|found| found.taken.up_ms <= until && enough(found));
    let found = before.or_else(|| all().find(enough));
    found.map_or_else(Vec::new, |found| by_owner(case, found))
}

fn by_owner<'a>(case: &'a Case, found: &'a HeapSites) -> Vec<SiteOwner<'a>> {
    let mut owners: Vec<SiteOwner<'a>> = Vec::new();
    for site in &found.sites {
        let Some(named) = case.sites.get(&site.id) else {
            continue;
        };
        let Some((owner, frame)) = stack::owner(&named.frames) else {
            continue;
        };
        match owners.iter_mut().find(|known| known.owner == owner) {
            Some(known) => known.add(site, frame, &named.frames),
            None => {
                let mut first = SiteOwner {
                    owner,
                    frame,
                    frames: &named.frames,
                    class: None,
                    share: 0.0,
                    old_share: 0.0,
                    live_bytes: 0,
                    samples: 0,
                    largest: 0,
                    old_bytes: 0,
                };
                first.add(site, frame, &named.frames);
                owners.push(first);
            }
        }
    }
    let total = found.sites.iter().map(|site| site.live_bytes).sum();
    for owner in &mut owners {
        owner.share = share(owner.live_bytes, total);
        owner.old_share = share(owner.old_bytes, owner.live_bytes);
    }
    owners.sort_by(|a, b| b.live_bytes.cmp(&a.live_bytes).then(a.owner.cmp(&b.owner)));
    owners
}

impl<'a> SiteOwner<'a> {
    fn add(&mut self, site: &'a HeapSite, frame: &'a Frame, frames: &'a [Frame]) {
        self.live_bytes = self.live_bytes.saturating_add(site.live_bytes);
        self.old_bytes = self.old_bytes.saturating_add(site.old_bytes);
        self.samples = self.samples.saturating_add(site.samples);
        if self.largest < site.live_bytes {
            self.largest = site.live_bytes;
            self.frame = frame;
            self.frames = frames;
            self.class = site.class.as_deref();
        }
    }

    /// Whether it can be changed by those who wrote the job.
    pub(in crate::rules) fn is_user(&self) -> bool {
        self.owner.origin == Origin::User
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::heap::stack::tests::frames;
    use flinkmem_trace::Site;

    #[test]
    fn sites_of_one_caller_are_one_owner() {
        let mut case = Case::default();
        let stacks = [
            ["com.acme.Row.<init>", "com.acme.Table.load"],
            ["com.acme.Key.<init>", "com.acme.Table.load"],
            ["com.acme.Other.make", "com.acme.Job.map"],
        ];
        for (id, stack) in (1..).zip(stacks) {
            let site = Site {
                id,
                frames: frames(&stack),
                ..Site::default()
            };
            case.sites.insert(id, site);
        }
        let site = |id, live_bytes, old_bytes| HeapSite {
            id,
            live_bytes,
            old_bytes,
            samples: 3,
            ..HeapSite::default()
        };
        let found = HeapSites {
            sites: vec![site(1, 50, 50), site(2, 30, 10), site(3, 20, 0)],
            ..HeapSites::default()
        };
        let owners = by_owner(&case, &found);
        assert_eq!(owners.len(), 2);
        assert_eq!(owners[0].owner.method, "com.acme.Table.load");
        assert_eq!((owners[0].live_bytes, owners[0].samples), (80, 6));
        assert!((owners[0].share - 0.8).abs() < 1e-9);
        assert!((owners[0].old_share - 0.75).abs() < 1e-9);
    }
}
