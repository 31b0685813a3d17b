//! How much direct memory would have held.

use super::super::direct::DirectPicture;
use crate::budget::{Budget, DirectPool};
use crate::units::{round_up, to_bytes};

/// Sizes are rounded up to this.
const STEP_BYTES: u64 = 32 << 20;

/// A quarter more than what was measured.
const HEADROOM: f64 = 1.25;

/// How many bytes more than the limit were wanted at once, at least.
pub(super) fn missing_bytes(picture: &DirectPicture<'_>) -> Option<u64> {
    let limit = picture.limit?;
    let of_errors = picture.met.errors.iter().filter_map(|error| {
        Some(
            error
                .allocated_bytes?
                .saturating_add(error.requested_bytes?),
        )
    });
    let of_slow_paths = picture.met.slow_paths.iter().filter_map(|incident| {
        let held = incident.sample.direct?.capacity_bytes;
        Some(held.saturating_add(incident.requested_bytes?))
    });
    let wanted = of_errors.chain(of_slow_paths).max()?;
    wanted.checked_sub(limit).filter(|missing| *missing > 0)
}

/// What a pool allowed when the limit was met. Where the JVM's limit is not the sum of Flink's pools, it is that limit.
pub(super) fn present_size(
    picture: &DirectPicture<'_>,
    budget: &Budget,
    pool: DirectPool,
) -> Option<u64> {
    match budget.direct_is_enforced() {
        true => budget.started.get(pool),
        false => picture.limit,
    }
}

/// The new size of the pool that the consumer's memory comes out of: what its owner held and asked for, a quarter more,
/// rounded up; and never less than the present size with twice of what was missing.
pub(super) fn wanted_size(picture: &DirectPicture<'_>, present: u64) -> u64 {
    let asked = picture.met.largest_request().unwrap_or(0);
    let held = picture.owners.first().map_or(0, |owner| owner.live_bytes);
    // Without an error collections made room, so part of what was held was garbage.
    let by_use = if picture.failed() {
        to_bytes(held.saturating_add(asked) as f64 * HEADROOM)
    } else {
        0
    };
    let missing = missing_bytes(picture).unwrap_or(asked);
    let by_missing = present.saturating_add(missing.saturating_mul(2));
    let more = by_use
        .max(by_missing)
        .max(present.saturating_add(STEP_BYTES));
    round_up(more, STEP_BYTES)
}

/// The new limit of a JVM without pools. There is no saying what the rest of the process needs, so the owner's use is added half again.
pub(super) fn wanted_limit(picture: &DirectPicture<'_>, limit: u64) -> u64 {
    let asked = picture.met.largest_request().unwrap_or(0);
    let held = picture.owners.first().map_or(0, |owner| owner.live_bytes);
    let twice_missing = missing_bytes(picture).unwrap_or(asked).saturating_mul(2);
    let more = (held.saturating_add(asked) / 2)
        .max(twice_missing)
        .max(STEP_BYTES);
    round_up(limit.saturating_add(more), STEP_BYTES)
}

/// A heap needs half as much again as collections leave in it: with less, they come back to back.
const HEAP_OVER_LIVE: f64 = 1.5;

/// The least heap that the process can do with, from what was measured.
pub(super) fn heap_needs(picture: &DirectPicture<'_>) -> Option<u64> {
    let live = picture.case.live_heap_bytes()?;
    Some(to_bytes(live as f64 * HEAP_OVER_LIVE))
}
