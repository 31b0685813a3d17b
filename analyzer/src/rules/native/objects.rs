//! Java objects that hold native memory, created and never disposed of: by class, over time, with who created the live ones.

use super::Series;
use crate::case::{Case, Origin, Owner, owner_of};
use crate::statistics::Point;
use flinkmem_trace::{Frame, NativeObjectClass, NativeObjects};
use std::collections::BTreeMap;

/// Live objects of one class.
pub(super) struct LiveObjects<'a> {
    pub(super) class: &'a str,
    /// Live objects: created less disposed.
    pub(super) live: Series,
    /// Created so far, at the end.
    pub(super) created: u64,
    /// Disposed of.
    pub(super) disposed: u64,
    /// Not all of its methods are watched.
    pub(super) incomplete: bool,
    /// Who created most of the live ones, and what share; absent where sites are not told.
    pub(super) creator: Option<Creator<'a>>,
    /// Bytes of one, where they are known.
    pub(super) object_bytes: Option<u64>,
}

/// Who created objects.
pub(super) struct Creator<'a> {
    pub(super) frame: &'a Frame,
    pub(super) share: f64,
    pub(super) samples: u32,
}

/// Whether a class is RocksDB's, or that of its successor.
pub(super) fn is_rocksdb(class: &str) -> bool {
    class.starts_with("org.rocksdb.") || class.starts_with("org.forstdb.")
}

/// Classes whose live objects became more, those with the largest growth in bytes, as far as that is known, or in number first.
pub(super) fn growing(case: &Case) -> Vec<LiveObjects<'_>> {
    let Some(last) = case.evidence.last::<NativeObjects>() else {
        return Vec::new();
    };
    let mut all: Vec<LiveObjects<'_>> = last
        .classes
        .iter()
        .filter(|class| class.created > class.disposed)
        .map(|class| of_class(case, class))
        .filter(|objects| objects.live.grown() > 0)
        .collect();
    all.sort_by_key(|objects| {
        let bytes = objects.object_bytes.unwrap_or(1);
        std::cmp::Reverse(objects.live.grown().saturating_mul(bytes))
    });
    all
}

fn of_class<'a>(case: &'a Case, last: &'a NativeObjectClass) -> LiveObjects<'a> {
    LiveObjects {
        class: &last.class,
        live: Series::new(live(case, &last.class)),
        created: last.created,
        disposed: last.disposed,
        incomplete: last.incomplete,
        creator: creator(case, last),
        object_bytes: object_bytes(&last.class),
    }
}

/// Records are written when something changed only, so a class that is missing in one has none yet.
fn live(case: &Case, class: &str) -> Vec<Point> {
    let records = case.evidence.all::<NativeObjects>();
    records
        .map(|record| {
            let found = record.classes.iter().find(|found| found.class == class);
            let live = found.map_or(0, |found| found.created.saturating_sub(found.disposed));
            Point::new(record.taken.up_ms as f64 / 1000.0, live as f64)
        })
        .collect()
}

fn creator<'a>(case: &'a Case, class: &'a NativeObjectClass) -> Option<Creator<'a>> {
    let mut owners: BTreeMap<Owner, (u64, u32, &Frame)> = BTreeMap::new();
    let mut all = 0_u64;
    for site in &class.sites {
        all = all.saturating_add(site.live);
        let Some((owner, frame)) = case.sites.get(&site.id).and_then(owner_of) else {
            continue;
        };
        let sum = owners.entry(owner).or_insert((0, 0, frame));
        sum.0 = sum.0.saturating_add(site.live);
        sum.1 = sum.1.saturating_add(site.samples);
    }
    let (owner, (live, samples, frame)) = owners.into_iter().max_by_key(|(_, sum)| sum.0)?;
    // The library itself is no answer to who forgot to close.
    let says_nothing = matches!(owner.origin, Origin::Jdk);
    (all > 0 && !says_nothing).then(|| Creator {
        frame,
        share: live as f64 / all as f64,
        samples,
    })
}

/// What one object takes of malloc once it was used, with zlib's usual window of 32 KiB and memory level 8 (zlib.h, "Memory Footprint").
fn object_bytes(class: &str) -> Option<u64> {
    match class {
        "java.util.zip.Inflater" => Some(40 << 10),
        "java.util.zip.Deflater" => Some(264 << 10),
        _ => None,
    }
}
