//! Where class metadata lies.
//!
//! HotSpot reserves it in nodes and commits in granules, so a node is a run of adjacent mappings, committed and reserved ones.
//! Which runs are nodes is told by the addresses of a few classes and their constant pools. From JDK 16 on nodes begin and
//! end at multiples of 4 MiB (a root chunk), which tells their borders; before, only the very mappings count.

use super::survey::is_plain;
use flinkmem_native::jvm::{Areas, ClassMetadata};
use flinkmem_native::kernel::own_memory::OwnMemory;
use flinkmem_native::kernel::smaps::{Mapping, Smaps};
use flinkmem_trace::Owner;
use std::collections::BTreeMap;
use std::ops::Range;

/// Classes that are looked at in the first reading, and of one class loader.
const FIRST: (usize, usize) = (16_384, 16_384);

/// The same later: the newest of each class loader.
const LATER: (usize, usize) = (2048, 64);

/// A root chunk of JDK 16 and later.
const ROOT_CHUNK_BYTES: u64 = 4 << 20;

/// One class is remembered for so much address space.
const REMEMBERED_BYTES: u64 = 256 << 10;

/// Remembered classes, at most: 1 GiB of metadata.
const MOST_REMEMBERED: usize = 4096;

/// Addresses known to lie in class metadata.
#[derive(Debug)]
pub(super) struct Metadata {
    has_root_chunks: bool,
    has_read: bool,
    /// By the place of its constant pool.
    remembered: BTreeMap<u64, ClassMetadata>,
}

impl Metadata {
    /// `jdk_feature` such as 17.
    pub(super) fn new(jdk_feature: u32) -> Self {
        Self {
            has_root_chunks: jdk_feature >= 16,
            has_read: false,
            remembered: BTreeMap::new(),
        }
    }

    /// The areas of metadata now.
    pub(super) fn areas(
        &mut self,
        memory: &OwnMemory,
        areas: &Areas,
        smaps: &Smaps,
    ) -> Vec<(Range<u64>, Owner)> {
        self.look(memory, areas);
        let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
        for metadata in self.remembered.values() {
            for (address, is_class) in [(metadata.constants, false), (metadata.class, true)] {
                let Some(found) = run_at(smaps, address) else {
                    continue;
                };
                let run = runs.entry(found.start).or_insert_with(|| Run::new(found));
                run.has_constants |= !is_class;
                run.addresses.push(address);
            }
        }
        runs.into_values()
            .flat_map(|run| run.areas(smaps, self.has_root_chunks))
            .collect()
    }

    fn look(&mut self, memory: &OwnMemory, areas: &Areas) {
        let (most, each) = if self.has_read { LATER } else { FIRST };
        self.has_read = true;
        self.remembered
            .retain(|_, metadata| areas.is_alive(memory, *metadata));
        for metadata in areas.class_metadata(memory, most, each) {
            if self.remembered.len() < MOST_REMEMBERED {
                let place = metadata.constants / REMEMBERED_BYTES;
                self.remembered.insert(place, metadata);
            }
        }
    }
}

/// A run of adjacent mappings with metadata in it.
struct Run {
    range: Range<u64>,
    has_constants: bool,
    addresses: Vec<u64>,
}

impl Run {
    fn new(range: Range<u64>) -> Self {
        Self {
            range,
            has_constants: false,
            addresses: Vec::new(),
        }
    }

    fn areas(self, smaps: &Smaps, has_root_chunks: bool) -> Vec<(Range<u64>, Owner)> {
        let owner = if self.has_constants {
            Owner::Metaspace
        } else {
            Owner::ClassSpace
        };
        let is_aligned = |address: u64| address.is_multiple_of(ROOT_CHUNK_BYTES);
        let ranges =
            if has_root_chunks && is_aligned(self.range.start) && is_aligned(self.range.end) {
                vec![self.range]
            } else if has_root_chunks {
                vec![self.root_chunks()]
            } else {
                let mappings = self
                    .addresses
                    .iter()
                    .filter_map(|&address| smaps.at(address));
                mappings.map(|mapping| mapping.range.clone()).collect()
            };
        ranges.into_iter().map(|range| (range, owner)).collect()
    }

    /// From the first root chunk with metadata to the last.
    fn root_chunks(&self) -> Range<u64> {
        let first = self.addresses.iter().min().copied().unwrap_or(0);
        let last = self.addresses.iter().max().copied().unwrap_or(0);
        let start = first / ROOT_CHUNK_BYTES * ROOT_CHUNK_BYTES;
        let end = (last / ROOT_CHUNK_BYTES + 1).saturating_mul(ROOT_CHUNK_BYTES);
        start.max(self.range.start)..end.min(self.range.end)
    }
}

/// The adjacent mappings around `address` that HotSpot may have reserved with one call.
pub(super) fn run_at(smaps: &Smaps, address: u64) -> Option<Range<u64>> {
    let at = smaps.position(address)?;
    let mappings = smaps.mappings();
    mappings
        .get(at)
        .filter(|mapping| may_be_reserved(mapping))?;
    let before = mappings.get(..at)?.iter().rev();
    let start = extend(before, mappings.get(at)?.range.start, |m| {
        (m.range.end, m.range.start)
    });
    let after = mappings.get(at..)?.iter().skip(1);
    let end = extend(after, mappings.get(at)?.range.end, |m| {
        (m.range.start, m.range.end)
    });
    Some(start..end)
}

/// Follows neighbours from `border` on: `ends` gives the near and the far end of one.
fn extend<'m>(
    neighbours: impl Iterator<Item = &'m Mapping>,
    border: u64,
    ends: impl Fn(&Mapping) -> (u64, u64),
) -> u64 {
    let mut border = border;
    for neighbour in neighbours {
        let (near, far) = ends(neighbour);
        if near != border || !may_be_reserved(neighbour) {
            break;
        }
        border = far;
    }
    border
}

/// HotSpot reserves without access and without a reserve of swap, and commits with both.
pub(super) fn may_be_reserved(mapping: &Mapping) -> bool {
    let is_reserved = mapping.is_anonymous() && mapping.permissions.none() && mapping.is_noreserve;
    let is_committed = is_plain(mapping) && !mapping.is_noreserve && !mapping.has_no_huge_pages;
    is_reserved || is_committed
}
