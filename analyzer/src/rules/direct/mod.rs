//! What the rules on direct memory look at: how the pool grew, how the limit was met, what became of the bytes
//! afterwards, and whose they are. `docs/leak-or-not.md` tells why these.

mod afterwards;
mod climb;
mod consumer;
mod evidence;
mod leaning;
mod rise;

pub(super) use afterwards::Afterwards;
pub(super) use climb::{Climb, Pace};
pub(super) use consumer::{consumer, pool_of};
pub(super) use evidence::{met_evidence, owner_evidence, wall};
pub(super) use leaning::probability;
pub(super) use rise::{Basis, Rise};

use super::Facts;
use crate::budget::{DirectPool, Pools};
use crate::case::{Case, DirectErrors, Moment, Outcome, OutcomeKind, OwnerUse, SiteSnapshot};
use crate::case::{growth_by_owner, trend_by_owner};

/// Everything about the direct memory of a case.
pub(super) struct DirectPicture<'a> {
    pub(super) case: &'a Case,
    pub(super) outcome: &'a Outcome,
    pub(super) pools: Option<&'a Pools>,
    pub(super) limit: Option<u64>,
    pub(super) peak: Option<u64>,
    /// How the limit was met.
    pub(super) met: DirectErrors<'a>,
    /// How fast the last half of the way to the limit was.
    pub(super) climb: Option<Climb>,
    /// Growth of what collections leave, until the limit was met.
    pub(super) rise: Option<Rise>,
    /// What became of the bytes after the first error.
    pub(super) afterwards: Afterwards,
    /// Owners by growth; Flink's network pool is none of them unless it grew.
    pub(super) owners: Vec<OwnerUse<'a>>,
    /// Whether `owners` compares with an earlier moment.
    pub(super) growth_is_measured: bool,
    /// Which way the evidence leans.
    pub(super) leaning: Leaning,
}

/// Which way the evidence leans, in log-odds for the label.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Leaning {
    /// Bytes are kept that nobody gives back.
    Leak(f64),
    /// The users need more than the limit.
    Undersized(f64),
    /// Neither, because of that.
    Neither(String),
    /// It cannot be told.
    NotEnoughData(String),
}

impl<'a> DirectPicture<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let met = DirectErrors::of(case);
        let first_met_ms = first_met_ms(&met);
        let climb = first_met_ms.and_then(|up_ms| Climb::of(case, arrival_ms(&met, up_ms)));
        let rise = Rise::of(case, first_met_ms.unwrap_or(u64::MAX));
        let (owners, growth_is_measured) = owners(case, first_met_ms, climb.as_ref());
        let afterwards = Afterwards::of(case, &met, owners.first(), climb.as_ref());
        let mut picture = Self {
            case,
            outcome: facts.outcome,
            pools: facts.pools,
            limit: case.direct_limit(),
            peak: case.timeline.peak(Moment::direct_bytes),
            met,
            climb,
            rise,
            afterwards,
            owners,
            growth_is_measured,
            leaning: Leaning::Neither(String::new()),
        };
        picture.leaning = leaning::of(&picture);
        picture
    }

    /// Whether an error reached Java code.
    pub(super) fn failed(&self) -> bool {
        !self.met.errors.is_empty()
    }

    /// Whether the process may still be alive, so that a forecast has a meaning.
    pub(super) fn may_run(&self) -> bool {
        matches!(
            self.outcome.kind,
            OutcomeKind::Running | OutcomeKind::Unknown
        )
    }

    /// Bytes a second at which the pool grew.
    pub(super) fn slope(&self) -> Option<f64> {
        let steady = self.rise.as_ref().map(|rise| rise.growth.trend.slope);
        let climbing = self.climb.as_ref().map(Climb::slope);
        steady
            .filter(|slope| *slope > 0.0)
            .or(climbing)
            .filter(|slope| slope.is_finite() && *slope > 0.0)
    }

    /// The pool that the main owner's memory comes out of.
    pub(super) fn owner_pool(&self) -> Option<DirectPool> {
        pool_of(self.case, self.owners.first())
    }
}

/// When the limit was met first: the first error; without any, the first slow path.
fn first_met_ms(met: &DirectErrors<'_>) -> Option<u64> {
    let error = met.errors.first().map(|error| error.incident.up_ms);
    error.or_else(|| met.first().map(|incident| incident.up_ms))
}

/// Slow paths this shortly before an error belong to the same arrival at the limit.
const SAME_ARRIVAL_MS: u64 = 5_000;

/// When the pool arrived at the limit: the first of the slow paths that led to the error. Each takes up to half a second,
/// which is not part of the climb.
fn arrival_ms(met: &DirectErrors<'_>, error_ms: u64) -> u64 {
    let led_to_it =
        |up_ms: &u64| (error_ms.saturating_sub(SAME_ARRIVAL_MS)..=error_ms).contains(up_ms);
    let slow_paths = met.slow_paths.iter().map(|incident| incident.up_ms);
    slow_paths.filter(led_to_it).min().unwrap_or(error_ms)
}

/// Owners by growth: up to the limit during the climb, else over the whole trace.
fn owners<'a>(
    case: &'a Case,
    first_met_ms: Option<u64>,
    climb: Option<&Climb>,
) -> (Vec<OwnerUse<'a>>, bool) {
    let snapshots = &case.timeline.snapshots;
    let Some(met_ms) = first_met_ms else {
        return (trend_by_owner(case, snapshots), snapshots.len() > 1);
    };
    let until = &snapshots[..snapshots.partition_point(|s| s.up_ms <= met_ms)];
    let Some(at_limit) = until.last().or(snapshots.first()) else {
        return (Vec::new(), false);
    };
    let begin_ms = climb.map(|climb| climb.from_ms);
    let before = begin_ms.and_then(|begin| last_before(until, begin, at_limit));
    let mut owners = growth_by_owner(case, before, at_limit);
    if before.is_none() {
        // Without an earlier moment growth is not known. What Flink takes once, at its start, is not it.
        owners.retain(|owner| !owner.owner.method.starts_with(NETWORK_POOL));
    }
    (owners, before.is_some())
}

const NETWORK_POOL: &str = "org.apache.flink.runtime.io.network.buffer.NetworkBufferPool.";

fn last_before<'s>(
    snapshots: &'s [SiteSnapshot],
    begin_ms: u64,
    than: &SiteSnapshot,
) -> Option<&'s SiteSnapshot> {
    snapshots
        .iter()
        .rev()
        .find(|s| s.up_ms <= begin_ms && s.up_ms < than.up_ms)
}
