//! Which call sites the live objects come from: some of the created ones get a stack, and are forgotten when they are
//! disposed of.
//!
//! Objects are picked at random, one in a power of two, and each stands for that many: sums are unbiased. While a class has
//! few objects and makes them slowly, that is each of them; the power grows with the rate of stacks and with the number of
//! live samples of the class, so that neither time nor table is used up by one class.

use super::groups::Group;
use crate::address_table::AddressTable;
use crate::agent::jvmti;
use crate::{gc_clock, stacks};
use flinkmem_native::kernel::huge_pages;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sampled live objects: weight, group, stack.
static LIVE: AddressTable<1024, 3> = AddressTable::new();

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// One in twice as many is picked for each this many live samples of a class.
const LIVE_SAMPLES_A_STEP: usize = 512;

const MOST_STEPS: usize = 24;

/// A group with its index.
pub(super) type Indexed = (usize, &'static Group);

/// Prepares the table.
pub(super) fn prepare() {
    huge_pages::avoid(&LIVE);
}

/// Picks or passes over the object that was created as number `ordinal` of its group.
#[inline]
pub(super) fn created(group: Indexed, handle: u64, ordinal: u64) {
    let live = group.1.live_samples.load(Ordering::Relaxed) / LIVE_SAMPLES_A_STEP;
    let steps = usize::try_from(group.1.rate.steps()).unwrap_or(MOST_STEPS);
    let weight = 1 << (steps + live).min(MOST_STEPS);
    if mix(ordinal) & (weight - 1) == 0 {
        sample(group, handle, weight);
    }
}

/// Forgets an object that is about to be disposed of. Must run before the library can hand the handle out again.
#[inline]
pub(super) fn disposed(group: Indexed, handle: u64) {
    let live = &group.1.live_samples;
    if live.load(Ordering::Relaxed) > 0 && LIVE.take(key(group.0, handle)).is_some() {
        live.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cold]
fn sample((index, group): Indexed, handle: u64, weight: u64) {
    let Some(jvmti) = jvmti() else { return };
    let stack = stacks::intern(&jvmti.current_stack());
    group.rate.count(gc_clock::now_us);
    let key = key(index, handle);
    // Counted first: whoever finds the entry must not find that there is none.
    group.live_samples.fetch_add(1, Ordering::Relaxed);
    if key <= 1 || !LIVE.put(key, [weight, index as u64, u64::from(stack)]) {
        group.live_samples.fetch_sub(1, Ordering::Relaxed);
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// A key that tells apart equal handles of different classes, as numbers given out by a library may be. The table hashes
/// without the last four bits, which are zero in addresses but not in numbers.
fn key(group: usize, handle: u64) -> u64 {
    handle.rotate_left(4) ^ ((group as u64 + 1) << 52)
}

/// A well-mixed number for each ordinal (the finaliser of SplitMix64), so that objects made in turn at several sites are
/// not always picked at the same one.
#[inline]
fn mix(ordinal: u64) -> u64 {
    let mut bits = ordinal.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Visits all sampled live objects: group, stack, and how many each stands for.
pub(super) fn for_each(mut visit: impl FnMut(usize, u32, u64)) {
    LIVE.for_each(|[weight, group, stack]| {
        let stack = u32::try_from(stack).unwrap_or(stacks::UNKNOWN);
        visit(usize::try_from(group).unwrap_or(usize::MAX), stack, weight);
    });
}

/// Samples that found no room so far.
pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Bytes of the entries in use.
pub(super) fn used_bytes() -> usize {
    LIVE.used_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_power_of_two_is_picked_whatever_the_pattern() {
        const CALLS: u64 = 1 << 18;
        for mask in [1, 15, 255] {
            for every in [1, 2, 8] {
                let calls = CALLS / every;
                let picked = (0..calls).filter(|n| mix(n * every) & mask == 0).count();
                let expected = calls as f64 / (mask + 1) as f64;
                let error = (picked as f64 - expected).abs();
                // Four standard deviations.
                assert!(error < 4.0 * expected.sqrt(), "{mask} {every}: {picked}");
            }
        }
    }

    #[test]
    fn equal_handles_of_two_classes_and_small_numbers_have_keys_of_their_own() {
        let keys: std::collections::HashSet<u64> = [0, 1, 127]
            .iter()
            .flat_map(|&group| [1, 2, 3, 0x7F00_1234_5670].map(|handle| key(group, handle)))
            .collect();
        assert_eq!(keys.len(), 12);
        assert!(keys.iter().all(|&key| key > 1));
    }
}
