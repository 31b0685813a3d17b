//! Sampled blocks of `malloc`, by library. Runs in the allocating thread, in `malloc`'s place.
//!
//! Threads count down to their next sample in slots that the thread pointer chooses: reading it is one instruction that
//! works at any time of a thread's life, where thread-local storage of a library may have to be allocated first. Threads
//! that meet in a slot share its countdown. When they do so in the same nanoseconds a few bytes are missed.
#![allow(unsafe_code)]

use super::functions::LIBRARIES;
use super::java_stack;
use crate::address_table::AddressTable;
use crate::sampling::{Countdown, Sampling};
use crate::{fault, gc_clock, guard, stacks};
use flinkmem_native::kernel::huge_pages;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

const SLOTS: usize = 2048;

#[repr(align(64))]
struct Slot(Countdown);

static SLOT: [Slot; SLOTS] = [const { Slot(Countdown::new()) }; SLOTS];

/// Sampled live blocks: weight, size, and [`Place`].
static LIVE: AddressTable<4096, 3> = AddressTable::new();

/// How many sampled blocks have an address with a certain hash: most blocks that are freed were not sampled, and a look
/// into these bytes says so.
static FILTER: [AtomicU8; 1 << FILTER_BITS] = [const { AtomicU8::new(0) }; 1 << FILTER_BITS];
const FILTER_BITS: u32 = 16;

static SAMPLING: Sampling = Sampling::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// What each library has allocated since the agent was loaded: sums of weights, and samples behind them.
static ALLOCATED: [Allocated; LIBRARIES] = [const { Allocated::new() }; LIBRARIES];

struct Allocated {
    bytes: AtomicU64,
    samples: AtomicU64,
}

impl Allocated {
    const fn new() -> Self {
        Self {
            bytes: AtomicU64::new(0),
            samples: AtomicU64::new(0),
        }
    }
}

/// Keeps the tables out of huge pages.
pub(super) fn prepare() {
    huge_pages::avoid(&LIVE);
    huge_pages::avoid(&SLOT);
}

/// Accounts for a block of `size` bytes that `library` was given.
#[inline(always)]
pub(super) fn allocated(block: *mut c_void, size: usize, library: u32) {
    if guard::is_disabled() {
        return;
    }
    let slot = slot();
    if slot.count_down(size as u64) {
        sample(slot, block, size as u64, library);
    }
}

/// Takes a block that is about to be freed out of the account. Must run before the allocator can hand it out again.
#[inline(always)]
pub(super) fn freeing(block: *mut c_void) -> Option<[u64; 3]> {
    let address = block as u64;
    let sampled = filter(address)?.load(Ordering::Relaxed) != 0;
    if sampled { take(address) } else { None }
}

/// Puts a block back that could not be reallocated and lives on.
#[cold]
pub(super) fn not_freed(block: *mut c_void, words: [u64; 3]) {
    put(block as u64, words);
}

#[cold]
#[inline(never)]
fn take(address: u64) -> Option<[u64; 3]> {
    let words = LIVE.take(address)?;
    if let Some(count) = filter(address) {
        count.fetch_sub(1, Ordering::Relaxed);
    }
    Some(words)
}

fn put(address: u64, words: [u64; 3]) {
    let Some(count) = filter(address) else { return };
    // First: a block that is in the table is always found.
    count.fetch_add(1, Ordering::Relaxed);
    if !LIVE.put(address, words) {
        count.fetch_sub(1, Ordering::Relaxed);
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn sample(slot: &Countdown, block: *mut c_void, size: u64, library: u32) {
    if block.is_null() {
        return;
    }
    guard::entry(|| {
        fault::point("malloc");
        let size = size.max(1);
        let Some(weight) = slot.weigh(size, SAMPLING.interval_bytes(LIVE.used())) else {
            return;
        };
        SAMPLING.count();
        if let Some(allocated) = ALLOCATED.get(library as usize) {
            allocated.bytes.fetch_add(weight, Ordering::Relaxed);
            allocated.samples.fetch_add(1, Ordering::Relaxed);
        }
        let place = Place {
            library: u8::try_from(library).unwrap_or(0),
            stack: java_stack::take(library),
            collections: gc_clock::collections(),
        };
        put(block as u64, [weight, size, place.pack()]);
    });
}

/// Who allocated a block, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) library: u8,
    /// Index of the Java stack, [`stacks::UNKNOWN`] without one.
    pub(super) stack: u32,
    /// Collections until then, the low 32 bits.
    pub(super) collections: u64,
}

impl Place {
    /// No stack; more than there are.
    const NO_STACK: u64 = 0xFF_FFFF;

    fn pack(self) -> u64 {
        let stack = u64::from(self.stack).min(Self::NO_STACK);
        u64::from(self.library) | stack << 8 | self.collections << 32
    }

    fn unpack(word: u64) -> Self {
        let stack = word >> 8 & Self::NO_STACK;
        let known = u32::try_from(stack)
            .ok()
            .filter(|_| stack != Self::NO_STACK);
        Self {
            library: (word & 0xFF) as u8,
            stack: known.unwrap_or(stacks::UNKNOWN),
            collections: word >> 32,
        }
    }
}

/// Visits every sampled live block: weight, size and place.
pub(super) fn for_each_live(mut visit: impl FnMut(u64, u64, Place)) {
    LIVE.for_each(|[weight, size, place]| visit(weight, size, Place::unpack(place)));
}

/// Bytes that `library` allocated so far, estimated, and samples behind that.
pub(super) fn allocated_so_far(library: usize) -> (u64, u64) {
    ALLOCATED.get(library).map_or((0, 0), |allocated| {
        (
            allocated.bytes.load(Ordering::Relaxed),
            allocated.samples.load(Ordering::Relaxed),
        )
    })
}

/// Samples that found no room.
pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Bytes of the tables that are in use.
pub(super) fn used_bytes() -> usize {
    LIVE.used_bytes()
}

/// Mean distance between samples now, bytes.
pub(super) fn sampling_bytes() -> u64 {
    SAMPLING.interval_bytes(LIVE.used())
}

/// Lets the interval shrink again when samples are rare.
pub(super) fn relax(elapsed: Duration) {
    SAMPLING.relax(elapsed);
}

/// 2^64 divided by the golden ratio, as in [`AddressTable`].
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

#[inline(always)]
fn filter(address: u64) -> Option<&'static AtomicU8> {
    let hash = (address >> 4).wrapping_mul(MULTIPLIER) >> (u64::BITS - FILTER_BITS);
    FILTER.get(hash as usize)
}

#[inline(always)]
fn slot() -> &'static Countdown {
    let hash = (thread_pointer() as u64 >> 6).wrapping_mul(MULTIPLIER) >> 32;
    let index = hash as usize % SLOTS;
    // In bounds by the remainder; written so that nothing here can panic.
    &SLOT.get(index).unwrap_or(&SLOT[0]).0
}

/// Different for every living thread.
#[inline(always)]
fn thread_pointer() -> usize {
    let pointer: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the first word of the thread's control block is its own address, by the ABI of thread-local storage.
    unsafe {
        std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(pure, readonly, nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        pointer = 0;
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_unpacked_as_it_was() {
        for stack in [0, 4095, stacks::UNKNOWN] {
            let place = Place {
                library: 255,
                stack,
                collections: 0xFFFF_FFFF,
            };
            assert_eq!(Place::unpack(place.pack()), place);
        }
    }

    #[test]
    fn what_is_put_in_is_found_when_it_is_freed_and_only_then() {
        let block = |n: usize| (0x7f00_0000_1000 + n * 16) as *mut c_void;
        put(block(1) as u64, [1, 2, 3]);
        assert_eq!(freeing(block(2)), None);
        assert_eq!(freeing(block(1)), Some([1, 2, 3]));
        assert_eq!(freeing(block(1)), None);
        not_freed(block(1), [1, 2, 3]);
        assert_eq!(freeing(block(1)), Some([1, 2, 3]));
    }

    #[test]
    fn a_thread_pointer_is_the_threads_own() {
        let mine = thread_pointer();
        let other = std::thread::spawn(thread_pointer).join().unwrap();
        assert_eq!(mine, thread_pointer());
        assert_ne!(mine, other);
    }
}
