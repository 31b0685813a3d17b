//! What a walk over the Java heap takes, told before it is begun: HotSpot cannot be made to end it early.

use crate::agent::Agent;
use std::time::Duration;

/// Time for a byte of the heap before the first walk has shown it, for heaps of small objects; twice that where objects are
/// found by marking. Measured 0.4 to 3 ns: `docs/evidence.md`.
const NANOSECONDS_A_BYTE: f64 = 2.0;

/// The first of the long-term releases that keeps the marks of FollowReferences beside the heap. Before, they are in the
/// objects' headers, and taken off in one more walk over all objects, also when the callback has ended the first.
const MARKS_BESIDE_THE_HEAP: u32 = 21;

/// Whether the collector finds all objects by marking only.
pub(super) fn finds_objects_by_marking(agent: &Agent) -> bool {
    ["UseZGC", "UseShenandoahGC"]
        .iter()
        .any(|flag| agent.flag(flag) == Some("true"))
}

/// Time for a byte of the heap, nanoseconds, as long as no walk has shown it.
pub(super) fn nanoseconds_a_byte(marks: bool) -> f64 {
    NANOSECONDS_A_BYTE * if marks { 2.0 } else { 1.0 }
}

/// What the JVM takes after it has followed references, however few.
pub(super) fn after_references(agent: &Agent, used_bytes: u64) -> Duration {
    let feature = agent.jvmti.system_property("java.vm.specification.version");
    let feature = feature.and_then(|version| version.parse::<u32>().ok());
    if feature.is_some_and(|feature| feature >= MARKS_BESIDE_THE_HEAP) {
        return Duration::ZERO;
    }
    let nanoseconds = nanoseconds_a_byte(finds_objects_by_marking(agent)) * used_bytes as f64;
    Duration::from_secs_f64(nanoseconds / 1e9)
}
