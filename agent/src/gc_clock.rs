//! Collections as the JVM's start and finish events bracket them.
//!
//! The callbacks run while the world is stopped and may call nothing: they store atomics and return.

use flinkmem_trace::Pauses;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static EPOCH: OnceLock<Instant> = OnceLock::new();
static STARTED_US: AtomicU64 = AtomicU64::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);
static TOTAL_US: AtomicU64 = AtomicU64::new(0);
static LONGEST_US: AtomicU64 = AtomicU64::new(0);

/// Sets the zero of the clock; before that collections are only counted.
pub(crate) fn start() {
    EPOCH.get_or_init(Instant::now);
}

/// A stop-the-world collection begins.
pub(crate) fn begin() {
    STARTED_US.store(now_us(), Ordering::Relaxed);
}

/// It has ended.
pub(crate) fn end() {
    let pause_us = now_us().saturating_sub(STARTED_US.load(Ordering::Relaxed));
    COUNT.fetch_add(1, Ordering::Relaxed);
    TOTAL_US.fetch_add(pause_us, Ordering::Relaxed);
    LONGEST_US.fetch_max(pause_us, Ordering::Relaxed);
}

/// Collections so far: the age of a block is counted in these.
pub(crate) fn collections() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Pauses so far; the longest is reset by reading.
pub(crate) fn take_pauses() -> Pauses {
    Pauses {
        count: COUNT.load(Ordering::Relaxed),
        total_us: TOTAL_US.load(Ordering::Relaxed),
        longest_us: LONGEST_US.swap(0, Ordering::Relaxed),
    }
}

/// Microseconds since the agent was loaded.
pub(crate) fn now_us() -> u64 {
    let elapsed = EPOCH.get().map(Instant::elapsed).unwrap_or_default();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
