//! The account of `Unsafe` memory: exact totals, and live blocks by call site from sampled stacks.
//!
//! Runs in the allocating thread, in `malloc`'s place: no lock, no allocation, no Java call but `GetStackTrace` for the
//! sampled few. Everything is static and of fixed size; what finds no room is counted.
//!
//! Sizes: the allocator's usable size, read at both ends, needs no table. Under Native Memory Tracking HotSpot puts a
//! header before the block, so the pointer is not `malloc`'s and sizes are kept in a table; so too under a preloaded
//! `malloc` that brings no usable size of its own. Which of the two holds is
//! known at VMInit; what was allocated before stays in the table.

pub(crate) mod owner;
mod site_usage;
mod thread_slot;

pub(crate) use site_usage::SiteUsage;
pub(crate) use thread_slot::Totals;

use crate::address_table::AddressTable;
use crate::agent::jvmti;
use crate::fault;
use crate::sampling::Sampling;
use crate::{gc_clock, stacks};
use flinkmem_native::kernel::allocator::usable_size;
use flinkmem_native::kernel::huge_pages;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use thread_slot::Slot;

/// Sampled live blocks: weight, size, and stack index with the collection count at allocation.
static LIVE: AddressTable<4096, 3> = AddressTable::new();

/// Exact sizes of the blocks allocated before VMInit, or of all blocks under Native Memory Tracking.
static SIZES: AddressTable<32_768, 1> = AddressTable::new();

/// Whether a block's size can be had from the allocator. False until it is known.
static USABLE_SIZE: AtomicBool = AtomicBool::new(false);

static SAMPLING: Sampling = Sampling::new();

static DROPPED_SAMPLES: AtomicU64 = AtomicU64::new(0);
static DROPPED_SIZES: AtomicU64 = AtomicU64::new(0);

/// Prepares the tables; called once, before anything is accounted for.
pub(crate) fn prepare() {
    huge_pages::avoid(&LIVE);
    huge_pages::avoid(&SIZES);
    stacks::prepare();
    thread_slot::prepare();
}

/// From now on sizes are the allocator's: HotSpot puts no header before a block.
pub(crate) fn trust_usable_size() {
    USABLE_SIZE.store(true, Ordering::Release);
}

/// Whether sizes are the allocator's.
pub(crate) fn trusts_usable_size() -> bool {
    USABLE_SIZE.load(Ordering::Relaxed)
}

/// Accounts for a block of `requested` bytes at `address`, both as the JVM sees them.
///
/// Returns the incident whose reservation has just succeeded, 0 for none.
#[inline]
pub(crate) fn allocated(address: u64, requested: u64) -> u32 {
    fault::point("allocate");
    let Some(slot) = thread_slot::slot() else {
        return 0;
    };
    if let Some(size) = size_of_new(address, requested) {
        slot.allocated(size);
        if slot.countdown().count_down(size) {
            sample(slot, address, size);
        }
    }
    slot.slow_path()
}

/// Accounts for a block that is about to be freed. Must run before the allocator can hand the address out again.
#[inline]
pub(crate) fn freeing(address: u64) -> Freed {
    fault::point("free");
    let size = size_of_old(address);
    let live = if LIVE.used() == 0 {
        None
    } else {
        LIVE.take(address)
    };
    if let (Some(slot), Some(size)) = (thread_slot::slot(), size) {
        slot.freed(size);
    }
    Freed { size, live }
}

/// What was known about a block that was taken out of the account.
pub(crate) struct Freed {
    size: Option<u64>,
    live: Option<[u64; 3]>,
}

/// Puts a block back that could not be reallocated and therefore lives on.
pub(crate) fn not_freed(address: u64, freed: &Freed) {
    if let (Some(size), Some(slot)) = (freed.size, thread_slot::slot()) {
        if !trusts_usable_size() {
            count_loss(&DROPPED_SIZES, SIZES.put(address, [size]));
        }
        slot.allocated(size);
    }
    if let Some(live) = freed.live {
        count_loss(&DROPPED_SAMPLES, LIVE.put(address, live));
    }
}

/// Remembers that this thread's reservation took the slow path, under the number of the incident; 0 forgets it.
pub(crate) fn set_slow_path(incident: u32) {
    if let Some(slot) = thread_slot::slot() {
        slot.set_slow_path(incident);
    }
}

#[inline]
fn size_of_new(address: u64, requested: u64) -> Option<u64> {
    if trusts_usable_size() {
        return usable(address);
    }
    let kept = SIZES.put(address, [requested]);
    count_loss(&DROPPED_SIZES, kept);
    kept.then_some(requested)
}

#[inline]
fn size_of_old(address: u64) -> Option<u64> {
    let early = if SIZES.used() == 0 {
        None
    } else {
        SIZES.take(address)
    };
    match early {
        Some([size]) => Some(size),
        None if trusts_usable_size() => usable(address),
        None => None,
    }
}

#[inline]
#[allow(unsafe_code)]
fn usable(address: u64) -> Option<u64> {
    let pointer = usize::try_from(address).ok()? as *mut std::ffi::c_void;
    // SAFETY: the address was returned by `Unsafe.allocateMemory0`, which is `malloc` when no header is put before it,
    // and is not freed yet: this runs before `freeMemory0` is called or after `allocateMemory0` returned.
    u64::try_from(unsafe { usable_size(pointer) }).ok()
}

fn count_loss(counter: &AtomicU64, kept: bool) {
    if !kept {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes the stack of a block that the countdown fell on, and draws the distance to the next.
#[cold]
fn sample(slot: Slot, address: u64, size: u64) {
    let Some(weight) = slot
        .countdown()
        .weigh(size, SAMPLING.interval_bytes(LIVE.used()))
    else {
        return;
    };
    let Some(jvmti) = jvmti() else { return };
    SAMPLING.count();
    let stack = stacks::intern(&jvmti.current_stack());
    let place = u64::from(stack) | (gc_clock::collections_at_most() << 32);
    count_loss(&DROPPED_SAMPLES, LIVE.put(address, [weight, size, place]));
}

/// What the account itself lost and needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Losses {
    pub(crate) dropped_samples: u64,
    pub(crate) dropped_stacks: u64,
    pub(crate) dropped_sizes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) sampling_bytes: u64,
}

/// The account's losses so far and memory now.
pub(crate) fn losses() -> Losses {
    let memory = LIVE.used_bytes() + SIZES.used_bytes() + stacks::used_bytes();
    Losses {
        dropped_samples: DROPPED_SAMPLES.load(Ordering::Relaxed),
        dropped_stacks: stacks::dropped(),
        dropped_sizes: DROPPED_SIZES.load(Ordering::Relaxed),
        memory_bytes: u64::try_from(memory).unwrap_or(u64::MAX),
        sampling_bytes: SAMPLING.interval_bytes(LIVE.used()),
    }
}

/// A live block that was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LiveBlock {
    pub(crate) address: u64,
    /// Bytes that it stands for.
    pub(crate) weight: u64,
    /// Its own size.
    pub(crate) size: u64,
    /// Index of the stack that allocated it.
    pub(crate) stack: u32,
}

/// Visits every live block that was sampled. One that is allocated or freed meanwhile may be seen or not.
pub(crate) fn for_each_live(mut visit: impl FnMut(LiveBlock)) {
    LIVE.for_each_address(|address, [weight, size, place]| {
        visit(LiveBlock {
            address,
            weight,
            size,
            stack: u32::try_from(place & 0xFFFF_FFFF).unwrap_or(stacks::UNKNOWN),
        });
    });
}

/// Called by the agent's thread at its base interval: relaxes the sampling and gives back unused stacks.
pub(crate) fn tick(elapsed: Duration, usage: &SiteUsage) {
    SAMPLING.relax(elapsed);
    stacks::tick(|index| usage.is_live(index));
}
