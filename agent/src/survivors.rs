//! Sampled allocations of Java objects, and which of them are still alive: a table of weak references.
//!
//! The allocating thread puts an entry in, with its stack ([`crate::stacks`]) and what the sample stands for; the agent's
//! thread alone takes entries out, when their objects are gone. When three quarters are in use every other survivor is
//! let go, and the rest stand for twice as much: so a leak never fills the table, and the sums stay unbiased.

use crate::agent::jvmti;
use crate::incident::desk;
use crate::{gc_clock, stacks};
use flinkmem_native::jvm::raw::{JNIEnv, jobject};
use flinkmem_native::jvm::{delete_weak_reference, is_gone, weak_reference};
use flinkmem_native::kernel::huge_pages;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Sampled objects that are watched at once.
const SLOTS: usize = 4096;
/// Slots that a thread looks at before it gives up.
const PROBES: usize = 8;
/// Samples between two sweeps; what comes beyond is only counted: stacks take time.
const MOST_SAMPLES: u64 = 2000;

const FREE: u32 = 0;
const BUSY: u32 = 1;
const READY: u32 = 2;

struct Slot {
    state: AtomicU32,
    stack: AtomicU32,
    weak: AtomicUsize,
    /// Bytes that the sample stands for.
    weight_bytes: AtomicU64,
    /// Objects that it stands for, in thousandths.
    weight_milli: AtomicU64,
    /// Collections before it was allocated.
    born: AtomicU64,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        state: AtomicU32::new(FREE),
        stack: AtomicU32::new(0),
        weak: AtomicUsize::new(0),
        weight_bytes: AtomicU64::new(0),
        weight_milli: AtomicU64::new(0),
        born: AtomicU64::new(0),
    }
}; SLOTS];
static NEXT: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);
static SAMPLES: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static SINCE_SWEEP: AtomicU64 = AtomicU64::new(0);
static INTERVAL_BYTES: AtomicU32 = AtomicU32::new(0);

/// One survivor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Survivor {
    pub(crate) stack: u32,
    pub(crate) weak: usize,
    pub(crate) bytes: u64,
    pub(crate) milli: u64,
    /// Collections that it has lived through.
    pub(crate) age: u64,
}

/// Prepares the table.
pub(crate) fn prepare() {
    huge_pages::avoid(&TABLE);
}

/// Mean distance between samples from now on.
pub(crate) fn set_interval(bytes: u32) {
    INTERVAL_BYTES.store(bytes, Ordering::Relaxed);
}

/// Samples so far, and those that found no room.
pub(crate) fn samples() -> (u64, u64) {
    (
        SAMPLES.load(Ordering::Relaxed),
        DROPPED.load(Ordering::Relaxed),
    )
}

/// An object was allocated and drawn as a sample. Runs in the allocating thread.
///
/// # Safety
/// `env` is the calling thread's and `object` a reference that it may use.
#[allow(unsafe_code)]
pub(crate) unsafe fn sampled(env: *mut JNIEnv, object: jobject, size: u64) {
    let Some(jvmti) = jvmti().filter(|_| !desk::is_staff()) else {
        return;
    };
    SAMPLES.fetch_add(1, Ordering::Relaxed);
    let too_many = SINCE_SWEEP.fetch_add(1, Ordering::Relaxed) >= MOST_SAMPLES;
    let slot = if too_many { None } else { claim() };
    let Some(slot) = slot else {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let stack = stacks::intern(&jvmti.current_stack());
    let weak = if stack == stacks::UNKNOWN {
        0
    } else {
        // SAFETY: the caller's promise.
        unsafe { weak_reference(env, object) }
    };
    if weak == 0 {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        free(slot);
        return;
    }
    let (bytes, milli) = weight(size, INTERVAL_BYTES.load(Ordering::Relaxed));
    slot.stack.store(stack, Ordering::Relaxed);
    slot.weak.store(weak, Ordering::Relaxed);
    slot.weight_bytes.store(bytes, Ordering::Relaxed);
    slot.weight_milli.store(milli, Ordering::Relaxed);
    slot.born.store(gc_clock::collections(), Ordering::Relaxed);
    slot.state.store(READY, Ordering::Release);
}

fn claim() -> Option<&'static Slot> {
    let start = NEXT.fetch_add(1, Ordering::Relaxed);
    (0..PROBES).find_map(|probe| {
        let slot = TABLE.get((start.wrapping_add(probe * 509)) % SLOTS)?;
        let claimed = slot
            .state
            .compare_exchange(FREE, BUSY, Ordering::AcqRel, Ordering::Relaxed);
        claimed.is_ok().then(|| {
            USED.fetch_add(1, Ordering::Relaxed);
            slot
        })
    })
}

fn free(slot: &Slot) {
    slot.state.store(FREE, Ordering::Release);
    USED.fetch_sub(1, Ordering::Relaxed);
}

/// What an object of `size` bytes stands for, in bytes and thousandths of objects: it was drawn with a probability of
/// 1 - exp(-size / interval).
fn weight(size: u64, interval_bytes: u32) -> (u64, u64) {
    let (size, interval) = (size.max(8) as f64, f64::from(interval_bytes.max(1)));
    let objects = 1.0 / -(-size / interval).exp_m1();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturating"
    )]
    let whole = |value: f64| value as u64;
    (whole(size * objects), whole(1000.0 * objects))
}

/// Takes out what is gone, and returns the rest. By the agent's thread only.
///
/// # Safety
/// `env` is the calling thread's.
#[allow(unsafe_code)]
pub(crate) unsafe fn sweep(env: *mut JNIEnv) -> Vec<Survivor> {
    SINCE_SWEEP.store(0, Ordering::Relaxed);
    let crowded = USED.load(Ordering::Relaxed) > SLOTS / 4 * 3;
    let now = gc_clock::collections();
    let mut survivors = Vec::new();
    let mut keep = false;
    for slot in &TABLE {
        if slot.state.load(Ordering::Acquire) != READY {
            continue;
        }
        let weak = slot.weak.load(Ordering::Relaxed);
        // SAFETY: a ready slot's reference is live, and only this thread deletes it.
        let gone = unsafe { is_gone(env, weak) };
        keep = !keep;
        if gone || (crowded && !keep) {
            // SAFETY: as above; the slot is free afterwards.
            unsafe { delete_weak_reference(env, weak) };
            free(slot);
            continue;
        }
        let doubled = u32::from(crowded);
        let weight = |weight: &AtomicU64| {
            let more = weight.load(Ordering::Relaxed) << doubled;
            weight.store(more, Ordering::Relaxed);
            more
        };
        let stack = slot.stack.load(Ordering::Relaxed);
        stacks::still_used(stack);
        survivors.push(Survivor {
            stack,
            weak,
            bytes: weight(&slot.weight_bytes),
            milli: weight(&slot.weight_milli),
            age: now.saturating_sub(slot.born.load(Ordering::Relaxed)),
        });
    }
    survivors
}

/// Lets all entries go. By the agent's thread only, after sampling has ended.
///
/// # Safety
/// `env` is the calling thread's.
#[allow(unsafe_code)]
pub(crate) unsafe fn clear(env: *mut JNIEnv) {
    for slot in &TABLE {
        if slot.state.load(Ordering::Acquire) == READY {
            // SAFETY: as in `sweep`.
            unsafe { delete_weak_reference(env, slot.weak.load(Ordering::Relaxed)) };
            free(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn small_objects_stand_for_an_interval_and_large_ones_for_themselves() {
        let (bytes, milli) = weight(16, 1 << 20);
        assert!(bytes.abs_diff(1 << 20) < 100, "{bytes}");
        assert!(milli.abs_diff((1 << 16) * 1000) < 10_000, "{milli}");
        let (bytes, milli) = weight(100 << 20, 1 << 20);
        assert_eq!((bytes, milli), (100 << 20, 1000));
        assert!(weight(16, 0).0 >= 16);
    }
}
