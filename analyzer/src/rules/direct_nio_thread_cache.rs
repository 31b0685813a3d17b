//! `direct_nio_thread_cache`: NIO copies what lies on the heap through direct buffers, and keeps one for each thread, as large as the largest
//! block that went through it. From Java 25 on they are not held against the limit on direct memory: there the container ends the process.

use super::Answer;
use super::direct::{
    DirectPicture, Leaning, Mechanism, consumer, met_evidence, owner_evidence, probability,
};
use crate::case::share;
use crate::finding::{Evidence, Finding, Label, Remedy, Severity, two_digits};
use crate::units::bytes;
use std::collections::BTreeMap;

/// Above this size a buffer need not be kept: allocating it anew costs little beside filling it.
const WORTH_KEEPING_BYTES: u64 = 256 << 10;
/// Smaller bounds would take the caches from everybody, also from sockets.
const SMALLEST_BOUND_BYTES: u64 = 16 << 10;
/// The option of the TaskManager's JVM.
pub(super) const JVM_OPTIONS: &str = "env.java.opts.taskmanager";
/// Whose bytes they are is told by stacks; nothing that rests on samples is surer.
const MOST_CONFIDENCE: f64 = 0.96;
/// Without an error the caches may stop growing when every thread has written its largest block.
const NOT_FAILED: f64 = 0.75;

pub(super) fn check(picture: &DirectPicture<'_>) -> Answer {
    if picture.mechanism != Mechanism::ThreadCaches {
        let reason = "hardly anything lies in buffers that NIO keeps for threads";
        return Answer::DoesNotFire(reason.to_owned());
    }
    match picture.leaning {
        Leaning::Leak(odds) | Leaning::Undersized(odds) => {
            Answer::Fires(Box::new(finding(picture, odds)))
        }
        Leaning::Neither(_) | Leaning::NotEnoughData(_) => {
            Answer::DoesNotFire("NIO's caches for threads have room".to_owned())
        }
    }
}

/// What the caches hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caches {
    pub(super) bytes: u64,
    pub(super) buffers: u64,
}

impl Caches {
    fn of(picture: &DirectPicture<'_>) -> Self {
        let mostly = |cached, live| share(cached, live) >= 0.5;
        let owners = picture.owners.iter();
        let cachers = owners.filter(|owner| mostly(owner.thread_cache_bytes, owner.live_bytes));
        cachers.fold(
            Self {
                bytes: 0,
                buffers: 0,
            },
            |sum, owner| Self {
                bytes: sum.bytes.saturating_add(owner.thread_cache_bytes),
                buffers: sum.buffers.saturating_add(owner.live_count),
            },
        )
    }

    /// The size of one.
    fn each(self) -> u64 {
        self.bytes / self.buffers.max(1)
    }

    /// What is worth keeping of buffers as large as these.
    fn bound(self) -> u64 {
        let half = (self.each() / 2).max(1);
        let power = 1_u64 << half.ilog2();
        power.clamp(SMALLEST_BOUND_BYTES, WORTH_KEEPING_BYTES)
    }

    pub(super) fn text(self) -> String {
        format!(
            "NIO keeps about {} direct buffers for threads, {} each and {} together",
            self.buffers.max(1),
            bytes(self.each()),
            bytes(self.bytes)
        )
    }

    pub(super) fn remedy(self) -> Remedy {
        let option = format!("-Djdk.nio.maxCachedBufferSize={}", self.bound());
        let text = format!(
            "Add {option} to {JVM_OPTIONS} (and to what is set there): larger buffers are then freed after each use, at a cost that is small beside copying them. Or write in chunks of {} and less, from fewer threads, or from direct buffers. A larger limit only serves as many more threads.",
            bytes(self.bound()),
        );
        Remedy {
            text,
            config: BTreeMap::from([(JVM_OPTIONS.to_owned(), option)]),
            ..Remedy::default()
        }
    }
}

fn finding(picture: &DirectPicture<'_>, odds: f64) -> Finding {
    let consumer = consumer(picture);
    let caches = Caches::of(picture);
    let held = picture.owners.iter().map(|owner| owner.live_bytes).sum();
    let sure = MOST_CONFIDENCE * share(caches.bytes, held).max(0.5);
    let confidence = match picture.failed() {
        true => sure,
        false => sure.min(NOT_FAILED).min(probability(odds)),
    };
    Finding {
        label: Label::DirectNioThreadCache,
        severity: match picture.failed() {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        confidence: two_digits(confidence),
        alternatives: Vec::new(),
        told_ms: None,
        limit: picture.limit_claim(!picture.met.is_empty()),
        forecast: None,
        evidence: evidence(picture, caches),
        remedy: caches.remedy(),
        collect: Vec::new(),
        consumer,
    }
}

fn evidence(picture: &DirectPicture<'_>, caches: Caches) -> Vec<Evidence> {
    let moments = &picture.case.timeline.moments;
    let kept = moments.first().zip(moments.last()).map(|(first, last)| {
        Evidence::new(caches.text(), "sites.live_bytes", first.t_ms, last.t_ms)
            .with_value(caches.bytes)
    });
    let facts = [met_evidence(picture), kept, owner_evidence(picture)];
    facts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_below_the_buffers_and_above_what_sockets_need() {
        let of = |each: u64| {
            Caches {
                bytes: each * 10,
                buffers: 10,
            }
            .bound()
        };
        assert_eq!(of(8 << 20), WORTH_KEEPING_BYTES);
        assert_eq!(of(100 << 10), 32 << 10);
        assert_eq!(of(1 << 10), SMALLEST_BOUND_BYTES);
    }
}
