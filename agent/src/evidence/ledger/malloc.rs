//! `malloc`'s resident memory, split into off-heap memory, what else is in use, and what is free but kept.

use super::balance::in_proportion;
use super::off_heap::OffHeap;
use flinkmem_native::kernel::allocator::Allocator;
use flinkmem_native::kernel::glibc_malloc::{self, Mallinfo2};
use flinkmem_native::kernel::jemalloc::JemallocStats;
use flinkmem_trace::{AllocatorFigures, Owner};
use std::collections::BTreeMap;

/// Resident bytes by owner, with the samples behind them.
pub(super) type Parts = BTreeMap<Owner, (u64, Option<u32>)>;

/// What an allocator tells of its arenas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Bytes in use (glibc: `uordblks`).
    InUse(u64),
    /// Resident bytes that are not in use (jemalloc).
    Free(u64),
    /// Nothing.
    Nothing,
}

/// What the allocator says now.
pub(super) fn figures(allocator: Allocator) -> (AllocatorFigures, Told) {
    let mut figures = AllocatorFigures {
        name: allocator.name().to_owned(),
        ..AllocatorFigures::default()
    };
    let told = match allocator {
        Allocator::Glibc => Mallinfo2::read().map(|info| glibc(&mut figures, info)),
        Allocator::Jemalloc => JemallocStats::read().map(|stats| jemalloc(&mut figures, stats)),
        _ => None,
    };
    (figures, told.unwrap_or(Told::Nothing))
}

fn glibc(figures: &mut AllocatorFigures, info: Mallinfo2) -> Told {
    let bytes = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    figures.in_use_bytes = Some(bytes(info.uordblks.saturating_add(info.hblkhd)));
    figures.free_bytes = Some(bytes(info.fordblks));
    figures.mmapped_bytes = Some(bytes(info.hblkhd));
    let settings = glibc_malloc::settings();
    figures.arenas_limit = settings.get("arena_max").copied();
    figures.settings = settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Told::InUse(bytes(info.uordblks))
}

/// Free are pages that were used and not given back, and what pages in use have beyond their blocks. What is in use need not
/// be resident, so that figure would tell less.
fn jemalloc(figures: &mut AllocatorFigures, stats: JemallocStats) -> Told {
    figures.in_use_bytes = Some(stats.allocated_bytes);
    figures.active_bytes = Some(stats.active_bytes);
    figures.dirty_bytes = Some(stats.dirty_bytes);
    figures.metadata_bytes = Some(stats.metadata_bytes);
    figures.stats_resident_bytes = Some(stats.resident_bytes);
    figures.mapped_bytes = Some(stats.mapped_bytes);
    figures.retained_bytes = Some(stats.retained_bytes);
    figures.arenas = Some(stats.arenas);
    figures.arenas_limit = Some(stats.configured_arenas);
    let beyond_blocks = stats.active_bytes.saturating_sub(stats.allocated_bytes);
    Told::Free(stats.dirty_bytes.saturating_add(beyond_blocks))
}

/// Splits what is resident of the arenas. Of an allocator that tells nothing, nothing is known to be free.
pub(super) fn split_arenas(parts: &mut Parts, resident_bytes: u64, told: Told, off_heap: &OffHeap) {
    let rest = take_off_heap(parts, resident_bytes, off_heap);
    let free = match told {
        Told::InUse(bytes) => rest.saturating_sub(bytes.saturating_sub(off_heap.live_bytes)),
        Told::Free(bytes) => bytes.min(rest),
        Told::Nothing => 0,
    };
    add(parts, Owner::MallocInUse, rest - free, None);
    add(parts, Owner::MallocFree, free, None);
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

    fn split(resident: u64, told: Told, off_heap: &OffHeap) -> Vec<(Owner, u64)> {
        let mut parts = Parts::new();
        split_arenas(&mut parts, resident, told, off_heap);
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
        let parts = split(100, Told::InUse(90), &user);
        let expected = [
            (Owner::UserOffHeap, 30),
            (Owner::MallocInUse, 50),
            (Owner::MallocFree, 20),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn free_memory_that_is_told_is_taken_as_told() {
        let parts = split(100, Told::Free(30), &OffHeap::default());
        assert_eq!(parts, [(Owner::MallocInUse, 70), (Owner::MallocFree, 30)]);
        let parts = split(10, Told::Free(30), &OffHeap::default());
        assert_eq!(parts, [(Owner::MallocInUse, 0), (Owner::MallocFree, 10)]);
    }

    #[test]
    fn without_figures_nothing_is_known_to_be_free() {
        let parts = split(100, Told::Nothing, &OffHeap::default());
        assert_eq!(parts, [(Owner::MallocInUse, 100), (Owner::MallocFree, 0)]);
    }

    #[test]
    fn estimates_never_exceed_what_is_resident() {
        let two = off_heap(300, &[(Owner::Netty, 100), (Owner::UserOffHeap, 200)]);
        let parts = split(60, Told::InUse(10), &two);
        let expected = [
            (Owner::Netty, 20),
            (Owner::UserOffHeap, 40),
            (Owner::MallocInUse, 0),
            (Owner::MallocFree, 0),
        ];
        assert_eq!(parts, expected);
    }
}
