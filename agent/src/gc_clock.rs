//! Collections as the JVM's start and finish events bracket them, and the count of collections by which blocks age.
//!
//! The callbacks run in the VM's thread while the world is stopped and may call nothing: they store atomics and return.
//!
//! What is bracketed is a pause, and a collection of a concurrent collector has several. So the number of collections is
//! asked of the JVM once a tick ([`settle`]), and a block that is allocated between two ticks is taken to be allocated
//! after as many collections as there were pauses since: its age is never told too high.

use crate::pauses;
use flinkmem_trace::Pauses;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static EPOCH: OnceLock<Instant> = OnceLock::new();
static STARTED_US: AtomicU64 = AtomicU64::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);
static TOTAL_US: AtomicU64 = AtomicU64::new(0);
static LONGEST_US: AtomicU64 = AtomicU64::new(0);
/// Collections at the last tick, and that less the pauses at that time (wrapping).
static SETTLED: AtomicU64 = AtomicU64::new(0);
static OFFSET: AtomicU64 = AtomicU64::new(0);
static LONGEST_EVER_US: AtomicU64 = AtomicU64::new(0);

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
    let started_us = STARTED_US.load(Ordering::Relaxed);
    let pause_us = now_us().saturating_sub(started_us);
    COUNT.fetch_add(1, Ordering::Relaxed);
    TOTAL_US.fetch_add(pause_us, Ordering::Relaxed);
    LONGEST_US.fetch_max(pause_us, Ordering::Relaxed);
    pauses::ended(started_us, pause_us);
    LONGEST_EVER_US.fetch_max(pause_us, Ordering::Relaxed);
}

/// Asks for the number of collections; where the JVM does not tell, each pause is taken for one.
pub(crate) fn settle(collections: impl FnOnce() -> Option<u64>) {
    // Before the question: a pause in between makes ages too low for a tick, not too high.
    let pauses = COUNT.load(Ordering::Relaxed);
    let collections = collections().unwrap_or(pauses);
    SETTLED.store(collections, Ordering::Relaxed);
    OFFSET.store(collections.wrapping_sub(pauses), Ordering::Release);
}

/// Collections after which a block of this moment is allocated, at most.
pub(crate) fn collections_at_most() -> u64 {
    let offset = OFFSET.load(Ordering::Acquire);
    offset.wrapping_add(COUNT.load(Ordering::Relaxed))
}

/// Collections until the last tick: the age of a block is told from these.
pub(crate) fn collections() -> u64 {
    SETTLED.load(Ordering::Relaxed)
}

/// Pauses so far; the longest is reset by reading.
pub(crate) fn take_pauses() -> Pauses {
    Pauses {
        count: COUNT.load(Ordering::Relaxed),
        total_us: TOTAL_US.load(Ordering::Relaxed),
        longest_us: LONGEST_US.swap(0, Ordering::Relaxed),
        collections: collections(),
    }
}

/// The longest pause so far, microseconds.
pub(crate) fn longest_us() -> u64 {
    LONGEST_EVER_US.load(Ordering::Relaxed)
}

/// Microseconds since the agent was loaded.
pub(crate) fn now_us() -> u64 {
    let elapsed = EPOCH.get().map(Instant::elapsed).unwrap_or_default();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_never_told_older_than_it_is() {
        start();
        // A concurrent collector: three pauses, one collection.
        for _ in 0..3 {
            begin();
            end();
        }
        settle(|| Some(1));
        assert_eq!((collections_at_most(), collections()), (1, 1));
        begin();
        end();
        assert_eq!(collections_at_most(), 2, "there may have been one more");
        settle(|| Some(1));
        assert_eq!(collections_at_most(), 1, "there was not");
        settle(|| None);
        assert_eq!((collections_at_most(), collections()), (4, 4));
    }
}
