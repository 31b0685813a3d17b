//! What became of the bytes after the first error. A job that needs too much lets go when its task fails, and fails
//! again at the same level with new buffers; a leak keeps the old ones.

use super::{Climb, Counted};
use crate::case::{Case, DirectErrors, OwnerUse, SiteSnapshot, growth_by_owner, share};

/// What became of the bytes that filled the pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::rules) enum Afterwards {
    /// Still there, and old: that share of the owner's bytes has survived several collections.
    Kept { old_share: f64 },
    /// Given back, or replaced by new ones.
    GivenBack,
    /// Nothing was seen afterwards, or not enough.
    NotSeen,
}

/// The owner holds at least this share of its bytes at the first error: kept.
const KEPT: f64 = 0.8;
/// At most this share: given back.
const GIVEN_BACK: f64 = 0.5;
/// Of what is kept, this share must be old; new buffers of the next attempt are as many, but young.
const MOSTLY_OLD: f64 = 0.6;
/// Below this share of old bytes the buffers are new ones.
const MOSTLY_NEW: f64 = 0.3;
/// Collections after the error, for age to tell anything: a block is old after three.
const ENOUGH_COLLECTIONS: u64 = 4;

impl Afterwards {
    pub(super) fn of(
        case: &Case,
        counted: &Counted<'_>,
        met: &DirectErrors<'_>,
        owner: Option<&OwnerUse<'_>>,
        climb: Option<&Climb>,
    ) -> Self {
        let Some(first_error) = met.errors.first() else {
            return Self::NotSeen;
        };
        let error_ms = first_error.incident.up_ms;
        if pool_fell(counted, error_ms, climb) || made_room(met, error_ms) {
            return Self::GivenBack;
        }
        owner.map_or(Self::NotSeen, |owner| {
            let snapshots = &case.timeline.snapshots;
            let later = &snapshots[snapshots.partition_point(|s| s.up_ms <= error_ms)..];
            of_owner(case, counted, owner, later, error_ms)
        })
    }
}

/// Whether the pool as a whole fell below the foot of the climb.
fn pool_fell(counted: &Counted<'_>, error_ms: u64, climb: Option<&Climb>) -> bool {
    let Some(climb) = climb else { return false };
    let half_way = f64::midpoint(climb.usual, climb.top);
    let after = counted.moments.iter().filter(|m| m.up_ms > error_ms);
    after
        .filter_map(|moment| moment.direct_bytes())
        .any(|bytes| (bytes as f64) < half_way)
}

/// Whether a later collection made room for a reservation that had not fitted.
fn made_room(met: &DirectErrors<'_>, error_ms: u64) -> bool {
    met.succeeded_ms.iter().any(|&up_ms| up_ms > error_ms)
}

fn of_owner(
    case: &Case,
    counted: &Counted<'_>,
    owner: &OwnerUse<'_>,
    later: &[SiteSnapshot],
    error_ms: u64,
) -> Afterwards {
    let held = |snapshot: &SiteSnapshot| {
        let owners = growth_by_owner(case, &counted.account, snapshot, snapshot);
        let same = owners.into_iter().find(|now| now.owner == owner.owner);
        same.map_or((0, 0), |now| (now.live_bytes, now.old_bytes))
    };
    let Some(last) = later.last() else {
        return Afterwards::NotSeen;
    };
    let fewest = later.iter().map(|snapshot| held(snapshot).0).min();
    if share(fewest.unwrap_or(0), owner.live_bytes) <= GIVEN_BACK {
        return Afterwards::GivenBack;
    }
    let (live, old) = held(last);
    let old_share = share(old, live);
    if collections_between(case, error_ms, last.up_ms) < ENOUGH_COLLECTIONS {
        Afterwards::NotSeen
    } else if old_share <= MOSTLY_NEW {
        Afterwards::GivenBack
    } else if share(live, owner.live_bytes) >= KEPT && old_share >= MOSTLY_OLD {
        Afterwards::Kept { old_share }
    } else {
        Afterwards::NotSeen
    }
}

fn collections_between(case: &Case, from_ms: u64, to_ms: u64) -> u64 {
    let count = |up_ms| {
        let moments = &case.timeline.moments;
        let until = &moments[..moments.partition_point(|m| m.up_ms <= up_ms)];
        until.iter().filter_map(|m| m.collections).max()
    };
    match (count(from_ms), count(to_ms)) {
        (Some(from), Some(to)) => to.saturating_sub(from),
        _ => 0,
    }
}
