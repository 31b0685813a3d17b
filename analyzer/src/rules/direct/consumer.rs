//! Who used the limit up: the owner whose live bytes grew.

use super::DirectPicture;
use crate::budget::DirectPool;
use crate::case::{Case, Origin, Owner, OwnerUse, owner_of, share};
use crate::finding::{Consumer, ConsumerKind, two_digits};
use crate::model::Process;
use crate::units::to_bytes;
use flinkmem_trace::{Frame, Site};

/// Nothing that rests on sampled stacks is surer.
const MOST_CONFIDENCE: f64 = 0.97;
/// Without an earlier moment, use stands for growth.
const GROWTH_NOT_MEASURED: f64 = 0.8;
/// The requester met the limit; that it also used it up is a guess.
const REQUESTER: f64 = 0.3;
/// An owner of less than this share is not *the* consumer.
pub(super) const SMALLEST_SHARE: f64 = 0.3;

/// The consumer, as a claim of its own.
pub(in crate::rules) fn consumer(picture: &DirectPicture<'_>) -> Consumer {
    let Some(main) = picture.owners.first() else {
        return requester(picture).unwrap_or_else(Consumer::unknown);
    };
    let grown = sum(picture, |owner| owner.growth_bytes);
    let (part, whole) = if grown > 0 {
        (main.growth_bytes, grown)
    } else {
        (main.live_bytes, sum(picture, |owner| owner.live_bytes))
    };
    let of_all = share(part, whole);
    if of_all < SMALLEST_SHARE {
        return Consumer::unknown();
    }
    let samples = f64::from(main.samples);
    let confidence = MOST_CONFIDENCE
        * (2.0 * of_all).min(1.0)
        * (samples / (samples + 2.0))
        * if picture.growth_is_measured {
            attributed(picture, grown)
        } else {
            GROWTH_NOT_MEASURED
        };
    named(
        &main.owner,
        main.frame,
        Some(two_digits(of_all)),
        confidence,
    )
}

/// How far the call sites account for the growth that the JVM's own counter shows: half of it is enough to know the main
/// one.
fn attributed(picture: &DirectPicture<'_>, grown: u64) -> f64 {
    let measured = match (&picture.climb, &picture.rise) {
        (Some(climb), _) => climb.height(),
        (None, Some(rise)) => rise.last.bytes - rise.first.bytes,
        (None, None) => return 1.0,
    };
    (2.0 * share(grown, to_bytes(measured))).clamp(0.0, 1.0)
}

/// The pool that an owner's memory comes out of; `None` in a JVM that has no pools.
pub(in crate::rules) fn pool_of(case: &Case, owner: Option<&OwnerUse<'_>>) -> Option<DirectPool> {
    match case.observed.process? {
        Process::JobManager => Some(DirectPool::JobManagerOffHeap),
        Process::TaskManager => {
            let tasks = owner.is_none_or(|owner| {
                crate::budget::serves_tasks(owner.owner.origin, owner.frame.loader.is_some())
            });
            Some(if tasks {
                DirectPool::TaskOffHeap
            } else {
                DirectPool::FrameworkOffHeap
            })
        }
    }
}

fn sum(picture: &DirectPicture<'_>, value: fn(&OwnerUse<'_>) -> u64) -> u64 {
    let owners = picture.owners.iter();
    owners.fold(0, |sum, owner| sum.saturating_add(value(owner)))
}

/// Who asked when the limit was met: all that is left where no call site was recorded.
fn requester(picture: &DirectPicture<'_>) -> Option<Consumer> {
    let site = Site {
        frames: picture.met.first()?.frames.clone(),
        ..Site::default()
    };
    let (owner, frame) = owner_of(&site)?;
    Some(named(&owner, frame, None, REQUESTER))
}

fn named(owner: &Owner, frame: &Frame, share: Option<f64>, confidence: f64) -> Consumer {
    let (kind, name) = match owner.origin {
        Origin::User | Origin::Jdk => (ConsumerKind::CallSite, owner.method.clone()),
        Origin::Flink => (ConsumerKind::Component, owner.method.clone()),
        Origin::Library(name) => (ConsumerKind::Library, name.to_owned()),
    };
    Consumer {
        kind,
        name: Some(name),
        line: frame.line,
        share,
        confidence: two_digits(confidence),
    }
}
