//! `malloc`'s resident memory, split into off-heap memory, what else is in use, and what is free but kept.

use super::balance::in_proportion;
use super::off_heap::OffHeap;
use flinkmem_native::kernel::allocator::Allocator;
use flinkmem_native::kernel::glibc_malloc::Mallinfo2;
use flinkmem_native::kernel::jemalloc::JemallocStats;
use flinkmem_trace::{AllocatorFigures, Owner};
use std::collections::BTreeMap;

/// Resident bytes by owner, with the samples behind them.
pub(super) type Parts = BTreeMap<Owner, (u64, Option<u32>)>;

/// What the allocator says now, and bytes in use in arenas: what the split needs to know.
pub(super) fn figures(allocator: Allocator) -> (AllocatorFigures, Option<u64>) {
    let mut figures = AllocatorFigures {
        name: allocator.name().to_owned(),
        ..AllocatorFigures::default()
    };
    let bytes = |value: usize| u64::try_from(value).ok();
    match allocator {
        Allocator::Glibc => {
            let Some(info) = Mallinfo2::read() else {
                return (figures, None);
            };
            figures.in_use_bytes = bytes(info.uordblks.saturating_add(info.hblkhd));
            figures.free_bytes = bytes(info.fordblks);
            figures.mmapped_bytes = bytes(info.hblkhd);
            (figures, bytes(info.uordblks))
        }
        Allocator::Jemalloc => {
            let Some(stats) = JemallocStats::read() else {
                return (figures, None);
            };
            figures.in_use_bytes = Some(stats.allocated_bytes);
            figures.active_bytes = Some(stats.active_bytes);
            figures.metadata_bytes = Some(stats.metadata_bytes);
            figures.stats_resident_bytes = Some(stats.resident_bytes);
            figures.mapped_bytes = Some(stats.mapped_bytes);
            figures.retained_bytes = Some(stats.retained_bytes);
            figures.arenas = Some(stats.arenas);
            figures.arenas_limit = Some(stats.configured_arenas);
            (figures, Some(stats.allocated_bytes))
        }
        _ => (figures, None),
    }
}

/// Splits what is resident of the arenas. `in_use_bytes`: what the allocator counts as in use there; without it nothing
/// is known to be free.
pub(super) fn split_arenas(
    parts: &mut Parts,
    resident_bytes: u64,
    in_use_bytes: Option<u64>,
    off_heap: &OffHeap,
) {
    let rest = take_off_heap(parts, resident_bytes, off_heap);
    let others_in_use = in_use_bytes.map(|bytes| bytes.saturating_sub(off_heap.live_bytes));
    let in_use = others_in_use.unwrap_or(rest).min(rest);
    add(parts, Owner::MallocInUse, in_use, None);
    add(parts, Owner::MallocFree, rest - in_use, None);
}

/// Splits what is resident of large blocks: all of it is in use.
pub(super) fn split_large_blocks(parts: &mut Parts, resident_bytes: u64, off_heap: &OffHeap) {
    let rest = take_off_heap(parts, resident_bytes, off_heap);
    add(parts, Owner::MallocInUse, rest, None);
}

/// Gives the owners of off-heap memory their parts, at most all there is, and returns the rest.
fn take_off_heap(parts: &mut Parts, resident_bytes: u64, off_heap: &OffHeap) -> u64 {
    let estimates: Vec<u64> = off_heap
        .resident
        .values()
        .map(|&(bytes, _)| bytes)
        .collect();
    let sum = estimates
        .iter()
        .fold(0_u64, |sum, &bytes| sum.saturating_add(bytes));
    let taken = sum.min(resident_bytes);
    let given = in_proportion(taken, &estimates);
    for ((&owner, &(_, samples)), bytes) in off_heap.resident.iter().zip(given) {
        add(parts, owner, bytes, Some(samples));
    }
    resident_bytes - taken
}

/// Adds to an owner's part.
pub(super) fn add(parts: &mut Parts, owner: Owner, bytes: u64, samples: Option<u32>) {
    let (sum, all_samples) = parts.entry(owner).or_default();
    *sum = sum.saturating_add(bytes);
    if let Some(samples) = samples {
        *all_samples = Some(all_samples.unwrap_or(0).saturating_add(samples));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn off_heap(live_bytes: u64, resident: &[(Owner, u64)]) -> OffHeap {
        OffHeap {
            live_bytes,
            resident: resident
                .iter()
                .map(|&(owner, bytes)| (owner, (bytes, 3)))
                .collect(),
        }
    }

    fn split(resident: u64, in_use: Option<u64>, off_heap: &OffHeap) -> Vec<(Owner, u64)> {
        let mut parts = Parts::new();
        split_arenas(&mut parts, resident, in_use, off_heap);
        assert_eq!(
            parts.values().map(|&(bytes, _)| bytes).sum::<u64>(),
            resident
        );
        parts
            .into_iter()
            .map(|(owner, (bytes, _))| (owner, bytes))
            .collect()
    }

    #[test]
    fn what_is_neither_off_heap_nor_in_use_is_free() {
        let user = off_heap(40, &[(Owner::UserOffHeap, 30)]);
        let parts = split(100, Some(90), &user);
        let expected = [
            (Owner::UserOffHeap, 30),
            (Owner::MallocInUse, 50),
            (Owner::MallocFree, 20),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn without_figures_nothing_is_known_to_be_free() {
        let parts = split(100, None, &OffHeap::default());
        assert_eq!(parts, [(Owner::MallocInUse, 100), (Owner::MallocFree, 0)]);
    }

    #[test]
    fn estimates_never_exceed_what_is_resident() {
        let two = off_heap(300, &[(Owner::Netty, 100), (Owner::UserOffHeap, 200)]);
        let parts = split(60, Some(10), &two);
        let expected = [
            (Owner::Netty, 20),
            (Owner::UserOffHeap, 40),
            (Owner::MallocInUse, 0),
            (Owner::MallocFree, 0),
        ];
        assert_eq!(parts, expected);
    }
}
