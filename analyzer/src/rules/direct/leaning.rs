//! Weighs the evidence. Every sign has a weight in log-odds for "leak"; their sum gives the label, and how far it is
//! from 0 gives the confidence. The weights are judgements, written down in one place; 2 means "seven to one".

use super::{Afterwards, Basis, DirectPicture, Leaning, Mechanism, Pace};
use crate::statistics::Shape;
use crate::units::{bytes, duration};

/// Before any sign: public reports of direct memory have 10 undersized to 3 leaks.
const PRIOR: f64 = -0.4;
/// The last three quarters of the way took their time.
const GRADUAL: f64 = 1.5;
/// They took half a minute or more: bulk loads are over by then.
const GRADUAL_FOR_LONG: f64 = 0.7;
/// The last three quarters of the way were one go.
const SUDDEN: f64 = -2.0;
/// What collections left grew steadily until the limit.
const STEADY: f64 = 1.0;
/// The growing bytes had survived collections when the limit was met.
const OLD: f64 = 0.5;
/// The bytes were kept after the error.
const KEPT: f64 = 2.5;
/// The bytes were given back after the error.
const GIVEN_BACK: f64 = -1.5;
/// The same after a gradual climb: they may have been held until the task ended, which is a leak of the task's life.
const GIVEN_BACK_AFTER_GRADUAL: f64 = -0.3;

/// It is Flink itself, whose pools grow with connections and channels up to bounds of their own.
const OF_THE_FRAMEWORK: f64 = -1.0;

/// What [`GRADUAL_FOR_LONG`] means, seconds for the last three quarters of the way.
const LONG_S: f64 = 30.0;

/// Early signs, before the limit is met.
mod early {
    /// Before any sign: growth alone is rarely a leak.
    pub(super) const PRIOR: f64 = -0.5;
    /// Points are left by full collections, so nothing is garbage.
    pub(super) const AFTER_FULL: f64 = 2.5;
    /// Points are left by any collections.
    pub(super) const AFTER_ANY: f64 = 0.5;
    /// Enough points to trust the shape.
    pub(super) const MANY_POINTS: f64 = 0.5;
    /// Watched for ten minutes; an hour counts twice.
    pub(super) const WATCHED_LONG: f64 = 0.5;
    /// The growing bytes are old.
    pub(super) const OLD: f64 = 0.5;
    /// The growing owner is the job's.
    pub(super) const OF_THE_JOB: f64 = 0.5;
    /// It slows down, though not before the limit.
    pub(super) const SLOWING: f64 = -1.0;
    /// Only the main owner's bytes show it, not the pool.
    pub(super) const ONLY_THE_OWNER: f64 = -0.5;
    /// Nothing is known about the owners.
    pub(super) const NO_SITES: f64 = -0.5;
    /// Most that growth over young collections alone can claim: old garbage looks the same.
    pub(super) const MOST_AFTER_ANY: f64 = 1.4;
    /// From here on it is worth a finding: three to two.
    pub(super) const WORTH_TELLING: f64 = 0.4;
}

/// Shorter growth is taken for a warm-up.
const SHORTEST_WATCH_S: f64 = 60.0;
/// Smaller growth does not matter, whatever its shape.
const SMALLEST_RISE_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
/// Nor does growth below this share of the limit.
const SMALLEST_RISE_SHARE: f64 = 0.01;
/// At least this share of the growing owner's bytes is old in a leak.
const OLD_IN_A_LEAK: f64 = 0.3;

/// Which way a picture leans.
pub(super) fn of(picture: &DirectPicture<'_>) -> Leaning {
    if picture.failed() {
        let odds = odds_at_the_limit(picture);
        return if odds > 0.0 {
            Leaning::Leak(odds)
        } else {
            Leaning::Undersized(-odds)
        };
    }
    let early = early(picture);
    let met_the_limit = !picture.met.is_empty();
    match early {
        Leaning::Leak(_) => early,
        // Every slow path is a full collection that a larger limit would have spared, but nothing has failed.
        _ if met_the_limit => Leaning::Undersized(slow_path_odds(picture)),
        _ => early,
    }
}

fn odds_at_the_limit(picture: &DirectPicture<'_>) -> f64 {
    let pace = picture.climb.map_or(Pace::Unclear, |climb| climb.pace());
    let of_pace = match pace {
        Pace::Gradual => GRADUAL,
        Pace::Sudden => SUDDEN,
        Pace::Unclear => 0.0,
    };
    let for_long =
        pace == Pace::Gradual && picture.climb.is_some_and(|climb| climb.seconds() >= LONG_S);
    let steady = picture
        .rise
        .is_some_and(|rise| matches!(rise.growth.shape, Shape::Steady) && !rise.given_back_by_full);
    let old = picture
        .owners
        .first()
        .is_some_and(|owner| owner.old_share() >= OLD_IN_A_LEAK * 2.0);
    let of_afterwards = match picture.afterwards {
        Afterwards::Kept { .. } => KEPT,
        Afterwards::GivenBack if pace == Pace::Gradual => GIVEN_BACK_AFTER_GRADUAL,
        Afterwards::GivenBack => GIVEN_BACK,
        Afterwards::NotSeen => 0.0,
    };
    PRIOR
        + of_pace
        + of_afterwards
        + weight(for_long, GRADUAL_FOR_LONG)
        + weight(steady, STEADY)
        + weight(old, OLD)
        + weight(picture.mechanism == Mechanism::Framework, OF_THE_FRAMEWORK)
}

/// One slow path may be chance; several are the process's way of life.
fn slow_path_odds(picture: &DirectPicture<'_>) -> f64 {
    match picture.met.slow_path_count {
        0 | 1 => 0.5,
        2..5 => 0.9,
        _ => 1.4,
    }
}

fn early(picture: &DirectPicture<'_>) -> Leaning {
    if picture.peak.is_none() {
        let missing = if picture.case.timeline.moments.is_empty() {
            "the trace holds no sample"
        } else {
            "the agent could not read the counters of java.nio.Bits"
        };
        return Leaning::NotEnoughData(missing.to_owned());
    }
    let Some(rise) = picture.rise else {
        let span = duration(picture.case.timeline.span_s());
        return Leaning::NotEnoughData(format!(
            "fewer than ten collections in {span}; without them growth cannot be told from garbage"
        ));
    };
    let trend = rise.growth.trend;
    let limit = picture.limit.map_or(0.0, |limit| limit as f64);
    let slowing = match rise.growth.shape {
        Shape::Flat => return neither("what collections leave does not grow"),
        Shape::Sawtooth => return neither("it rises and is given back again"),
        Shape::Step => return neither("it rose in one step, not steadily"),
        Shape::Settled => return neither("it rose and has stayed level since"),
        Shape::Slowing { bound } if bound < limit => {
            let bound = bytes(crate::units::to_bytes(bound));
            return Leaning::Neither(format!(
                "its growth slows down and would end at about {bound}, within the limit"
            ));
        }
        Shape::Slowing { .. } => true,
        Shape::Steady => false,
    };
    if rise.given_back_by_full {
        return neither("full collections give the growth back");
    }
    if trend.span_s < SHORTEST_WATCH_S {
        let span = duration(trend.span_s);
        return Leaning::NotEnoughData(format!(
            "growth seen over {span} only, which may be a warm-up"
        ));
    }
    if trend.rise() < SMALLEST_RISE_BYTES.max(limit * SMALLEST_RISE_SHARE) {
        return neither("its growth is too small to matter");
    }
    let owner = picture
        .owners
        .first()
        .filter(|owner| owner.growth_bytes > 0);
    if owner.is_some_and(|owner| owner.old_share() < OLD_IN_A_LEAK) {
        return neither("what grows is young: it does not survive a few collections");
    }
    let odds = early_odds(picture, slowing);
    if odds >= early::WORTH_TELLING {
        Leaning::Leak(odds)
    } else {
        Leaning::NotEnoughData("it grows, but too little was seen to call it a leak".to_owned())
    }
}

fn early_odds(picture: &DirectPicture<'_>, slowing: bool) -> f64 {
    let Some(rise) = picture.rise else { return 0.0 };
    let trend = rise.growth.trend;
    let owner = picture.owners.first();
    let of_the_job = picture
        .owner_pool()
        .is_none_or(|pool| pool == crate::budget::DirectPool::TaskOffHeap);
    let odds = early::PRIOR
        + weight(trend.points >= 20, early::MANY_POINTS)
        + weight(trend.span_s >= 600.0, early::WATCHED_LONG)
        + weight(trend.span_s >= 3600.0, early::WATCHED_LONG)
        + weight(owner.is_some_and(|o| o.old_share() >= 0.8), early::OLD)
        + weight(owner.is_some() && of_the_job, early::OF_THE_JOB)
        + weight(owner.is_none(), early::NO_SITES)
        + weight(slowing, early::SLOWING)
        + weight(rise.of_owner, early::ONLY_THE_OWNER);
    match rise.basis {
        Basis::FullCollections | Basis::ConfirmedByFull => odds + early::AFTER_FULL,
        Basis::AnyCollections => (odds + early::AFTER_ANY).min(early::MOST_AFTER_ANY),
    }
}

fn neither(reason: &str) -> Leaning {
    Leaning::Neither(reason.to_owned())
}

fn weight(present: bool, weight: f64) -> f64 {
    if present { weight } else { 0.0 }
}

/// Nothing seen from one trace is surer.
const MOST_PROBABILITY: f64 = 0.98;

/// Log-odds as a probability.
pub(in crate::rules) fn probability(odds: f64) -> f64 {
    (1.0 / (1.0 + (-odds).exp())).min(MOST_PROBABILITY)
}
