//! `direct_nio_thread_cache`: NIO copies what lies on the heap through direct buffers, and keeps one for each thread, as large as the largest
//! block that went through it. From Java 25 on they are not held against the limit on direct memory: there the container ends the process.

use super::Answer;
use super::container::Container;
use super::direct::{
    DirectPicture, Leaning, Mechanism, consumer, met_evidence, owner_evidence, probability,
};
use crate::case::{Owner, is_direct, is_thread_cache, owner_of, share};
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, Remedy, Severity, two_digits,
};
use crate::units::{bytes, to_bytes};
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

/// Of the container, the caches that no other limit counts must have this share at least.
const OF_CONTAINER: f64 = 0.15;
/// And of what is held more than at the first sample, this: what grew most need not be what grew alone.
const OF_GROWTH: f64 = 0.4;
/// Before the end, this much of the container must be held.
const NEARLY_FULL: f64 = 0.9;

/// By the container: caches that the JVM does not hold against its limit fill it.
pub(super) fn in_container(container: &Container<'_>) -> Answer {
    let Some((limit, use_)) = container.limit.zip(uncounted(container)) else {
        return Answer::DoesNotFire("no caches beside the limit on direct memory".to_owned());
    };
    let grown = container.held.points.first().map_or(0, |first| {
        let peak = container.held.peak.unwrap_or(0);
        peak.saturating_sub(to_bytes(first.bytes))
    });
    let full = share(container.held.peak.unwrap_or(0), limit) >= NEARLY_FULL;
    let of_growth = share(use_.caches.bytes, grown);
    let is_much = share(use_.caches.bytes, limit) >= OF_CONTAINER && of_growth >= OF_GROWTH;
    if !is_much || !(full || container.killed()) {
        return Answer::DoesNotFire("the caches have room in the container".to_owned());
    }
    Answer::Fires(Box::new(of_container(container, &use_, of_growth)))
}

/// What lies in caches that no limit of the JVM counts, and whose.
struct Uncounted {
    caches: Caches,
    consumer: Consumer,
    /// When it was looked at.
    t_ms: i64,
}

fn uncounted(container: &Container<'_>) -> Option<Uncounted> {
    let case = container.case;
    let last = case.timeline.snapshots.last()?;
    let mut owners: BTreeMap<Owner, (u64, Option<u32>)> = BTreeMap::new();
    let mut caches = Caches {
        bytes: 0,
        buffers: 0,
    };
    for site_use in &last.uses {
        let site = case.sites.get(&site_use.id);
        let Some(site) = site.filter(|site| is_thread_cache(site) && !is_direct(site)) else {
            continue;
        };
        caches.bytes = caches.bytes.saturating_add(site_use.live_bytes);
        caches.buffers = caches.buffers.saturating_add(site_use.live_count);
        if let Some((owner, frame)) = owner_of(site) {
            let sum = owners.entry(owner).or_insert((0, frame.line));
            sum.0 = sum.0.saturating_add(site_use.live_bytes);
        }
    }
    let main = owners.into_iter().max_by_key(|(_, (bytes, _))| *bytes);
    let consumer = main.map_or_else(Consumer::unknown, |(owner, (bytes, line))| Consumer {
        kind: ConsumerKind::CallSite,
        name: Some(owner.method),
        line,
        share: Some(two_digits(share(bytes, caches.bytes))),
        confidence: two_digits(MOST_CONFIDENCE * share(bytes, caches.bytes)),
    });
    (caches.bytes > 0).then(|| Uncounted {
        caches,
        consumer,
        t_ms: case.wall_ms(last.up_ms),
    })
}

fn of_container(container: &Container<'_>, found: &Uncounted, of_growth: f64) -> Finding {
    let killed = container.killed();
    let sure = (MOST_CONFIDENCE * (of_growth / OF_GROWTH).min(1.0)).min(MOST_CONFIDENCE);
    let kept = Evidence::new(
        found.caches.text(),
        "sites.live_bytes",
        found.t_ms,
        found.t_ms,
    );
    let uncounted = "this Java does not hold them against the limit on direct memory, so nothing but the container stops them";
    let evidence = [
        Some(kept.with_value(found.caches.bytes)),
        Some(Evidence::new(
            uncounted.to_owned(),
            "sites.live_bytes",
            found.t_ms,
            found.t_ms,
        )),
        container.met_evidence(),
    ];
    Finding {
        label: Label::DirectNioThreadCache,
        severity: match killed {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        confidence: two_digits(match killed {
            true => sure * container.sure_of_kill(),
            false => sure.min(NOT_FAILED),
        }),
        alternatives: Vec::new(),
        limit: container.limit_claim(),
        consumer: found.consumer.clone(),
        forecast: None,
        evidence: evidence.into_iter().flatten().collect(),
        remedy: found.caches.remedy(),
        collect: Vec::new(),
        told_ms: None,
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
