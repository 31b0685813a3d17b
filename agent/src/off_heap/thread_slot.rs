//! Counters that each thread keeps for itself, so that counting an allocation costs no locked instruction.
//!
//! A thread claims a slot at its first allocation and gives it back when it ends; the figures stay in the slot, so the
//! totals are the sums over all slots. When more than [`SLOTS`] threads live at once the rest share one slot with
//! locked instructions.

use crate::sampling::Countdown;
use flinkmem_native::kernel::huge_pages;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Slots. Each is a cache line; only those that were ever claimed are touched.
const SLOTS: usize = 4096;

/// Shared by the threads that found no slot of their own.
const SHARED: usize = 0;

/// One thread's counters, written by that thread only.
#[repr(align(64))]
struct ThreadSlot {
    allocated_bytes: AtomicU64,
    allocated_count: AtomicU64,
    freed_bytes: AtomicU64,
    freed_count: AtomicU64,
    /// To the next sampled stack.
    countdown: Countdown,
    /// Incident of this thread whose reservation has not succeeded or failed yet; 0 without one.
    slow_path: AtomicU32,
}

impl ThreadSlot {
    const fn new() -> Self {
        Self {
            allocated_bytes: AtomicU64::new(0),
            allocated_count: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
            freed_count: AtomicU64::new(0),
            countdown: Countdown::new(),
            slow_path: AtomicU32::new(0),
        }
    }
}

const _: () = assert!(size_of::<ThreadSlot>() == 64);

static TABLE: [ThreadSlot; SLOTS] = [const { ThreadSlot::new() }; SLOTS];
static CLAIMED: [AtomicU64; SLOTS / 64] = [const { AtomicU64::new(0) }; SLOTS / 64];
/// One more than the highest slot that was ever claimed; those above are untouched.
static EVER_CLAIMED: AtomicUsize = AtomicUsize::new(1);

/// Prepares the table.
pub(super) fn prepare() {
    huge_pages::avoid(&TABLE);
}

/// The calling thread's slot, held until the thread ends.
struct Claim {
    index: usize,
}

impl Claim {
    fn new() -> Self {
        let index = claim_index().unwrap_or(SHARED);
        EVER_CLAIMED.fetch_max(index + 1, Ordering::Relaxed);
        Self { index }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(word) = CLAIMED.get(self.index / 64) else {
            return;
        };
        if self.index != SHARED {
            INDEX.set(SHARED);
            // Release: the next owner goes on from our figures.
            word.fetch_and(!(1 << (self.index % 64)), Ordering::Release);
        }
    }
}

fn claim_index() -> Option<usize> {
    CLAIMED.iter().enumerate().find_map(|(position, word)| {
        let reserved = u64::from(position == SHARED);
        loop {
            let bit = (word.load(Ordering::Relaxed) | reserved).trailing_ones();
            if bit == u64::BITS {
                return None;
            }
            let was_free = word.fetch_or(1 << bit, Ordering::Acquire) & (1 << bit) == 0;
            if was_free {
                return Some(position * 64 + usize::try_from(bit).ok()?);
            }
        }
    })
}

thread_local! {
    /// Index of the thread's slot; without a destructor, so that reading it is one load.
    static INDEX: Cell<usize> = const { Cell::new(UNCLAIMED) };
    /// Gives the slot back when the thread ends.
    static CLAIM: Cell<Option<Claim>> = const { Cell::new(None) };
}

/// The calling thread has not allocated yet.
const UNCLAIMED: usize = usize::MAX;

/// The calling thread's slot, or the shared one while the thread is ending.
#[inline]
pub(super) fn slot() -> Option<Slot> {
    let index = match INDEX.get() {
        UNCLAIMED => claim(),
        index => index,
    };
    TABLE.get(index).map(|counters| Slot {
        counters,
        shared: index == SHARED,
    })
}

#[cold]
fn claim() -> usize {
    let claim = Claim::new();
    let index = claim.index;
    // Refused when the thread is ending: the claim is then dropped at once, and its slot given back.
    let kept = CLAIM.try_with(|mine| mine.set(Some(claim))).is_ok();
    let index = if kept { index } else { SHARED };
    INDEX.set(index);
    index
}

/// A slot, and whether other threads write it too.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    counters: &'static ThreadSlot,
    shared: bool,
}

impl Slot {
    #[inline]
    pub(super) fn allocated(self, bytes: u64) {
        self.add(&self.counters.allocated_bytes, bytes);
        self.add(&self.counters.allocated_count, 1);
    }

    #[inline]
    pub(super) fn freed(self, bytes: u64) {
        self.add(&self.counters.freed_bytes, bytes);
        self.add(&self.counters.freed_count, 1);
    }

    pub(super) fn countdown(self) -> &'static Countdown {
        &self.counters.countdown
    }

    pub(super) fn set_slow_path(self, incident: u32) {
        self.counters.slow_path.store(incident, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn slow_path(self) -> u32 {
        self.counters.slow_path.load(Ordering::Relaxed)
    }

    #[inline]
    fn add(self, counter: &AtomicU64, value: u64) {
        if self.shared {
            counter.fetch_add(value, Ordering::Relaxed);
        } else {
            counter.store(
                counter.load(Ordering::Relaxed).wrapping_add(value),
                Ordering::Relaxed,
            );
        }
    }
}

/// Sums over all threads since the agent was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) allocated_bytes: u64,
    pub(crate) allocated_count: u64,
    pub(crate) freed_bytes: u64,
    pub(crate) freed_count: u64,
}

impl Totals {
    /// Adds the slots up. What was freed is read first, so that a block is never counted as freed but not allocated.
    pub(crate) fn read() -> Self {
        let slots = || TABLE.iter().take(EVER_CLAIMED.load(Ordering::Relaxed));
        let sum = |counter: fn(&ThreadSlot) -> &AtomicU64| {
            slots().fold(0_u64, |sum, slot| {
                sum.wrapping_add(counter(slot).load(Ordering::Acquire))
            })
        };
        let freed_bytes = sum(|slot| &slot.freed_bytes);
        let freed_count = sum(|slot| &slot.freed_count);
        Self {
            allocated_bytes: sum(|slot| &slot.allocated_bytes),
            allocated_count: sum(|slot| &slot.allocated_count),
            freed_bytes,
            freed_count,
        }
    }

    pub(crate) fn live_bytes(&self) -> u64 {
        self.allocated_bytes.saturating_sub(self.freed_bytes)
    }

    pub(crate) fn live_count(&self) -> u64 {
        self.allocated_count.saturating_sub(self.freed_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_ended_threads_stay_and_their_slots_are_used_again() {
        let before = Totals::read();
        for _ in 0..3 {
            let threads: Vec<_> = (0..50)
                .map(|_| {
                    std::thread::spawn(|| {
                        let slot = slot().unwrap();
                        for _ in 0..1000 {
                            slot.allocated(10);
                        }
                        slot.freed(7);
                    })
                })
                .collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }
        let after = Totals::read();
        assert_eq!(after.allocated_count - before.allocated_count, 150_000);
        assert_eq!(after.allocated_bytes - before.allocated_bytes, 1_500_000);
        assert_eq!(after.freed_bytes - before.freed_bytes, 150 * 7);
        assert!(
            EVER_CLAIMED.load(Ordering::Relaxed) < 150,
            "slots were given back"
        );
    }
}
