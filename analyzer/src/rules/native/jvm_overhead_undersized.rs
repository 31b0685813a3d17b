//! `jvm_overhead_undersized`: nothing leaks, but the limits of all pools and what the JVM takes beside them add up to more than the container.

use super::{Native, Series, sparing_heap};
use crate::budget::Wish;
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Remedy, Severity, two_digits,
};
use crate::rules::Answer;
use crate::rules::container::End;
use crate::rules::remedy::configured;
use crate::units::{bytes, round_up, to_bytes};
use flinkmem_trace::{Ledger, Owner};

/// Sizes are rounded up to this.
const STEP_BYTES: u64 = 16 << 20;

/// A quarter more than what was measured: compiled code and stacks still grow after the first fill of the heap.
const HEADROOM: f64 = 1.25;

/// A process that was killed had a heap that could fill the container up to this share.
const NEARLY_FULL: f64 = 0.97;

/// A collection moves whole generations: from a good way below the limit to the kill it may take less than the time between two samples, and the
/// trace does not see the limit met.
const GONE: f64 = 0.78;

/// The arithmetic is sure, but a process may never fill its heap.
const BEFORE_THE_KILL: f64 = 0.7;

/// What would be held with a full heap counts before the end only above this share of the limit: some of the heap may never be touched.
const CLEARLY_OVER: f64 = 1.03;

/// With this share of all growth somebody beside the pools is to blame, not the heap.
const MUCH: f64 = 0.4;

/// Growth below this share of the limit fills no container.
const MATTERS: f64 = 0.08;

/// A heap that is resident up to this share has been filled; what is to come from it is little.
const FILLED: f64 = 0.93;

pub(super) fn check(native: &Native<'_>, explained: bool) -> Answer {
    if explained {
        return Answer::DoesNotFire("something else fills the container".to_owned());
    }
    let room = native.container.room;
    let (Some(limit), Some(full)) = (room.container, room.with_full_heap) else {
        if !native.container.killed() {
            return Answer::DoesNotFire("the container's limit was not met".to_owned());
        }
        return Answer::NotEnoughData {
            missing: "the container's limit, or a ledger of what is resident".to_owned(),
            collect: None,
        };
    };
    let killed = native.container.killed();
    let over = full as f64 / limit as f64;
    if let Some(reason) = someone_else(native, limit) {
        return Answer::DoesNotFire(reason);
    }
    let resident = room.heap_resident.unwrap_or(0) as f64;
    let is_to_come = room
        .heap
        .is_some_and(|heap| resident < heap as f64 * FILLED);
    let gone = native.container.end == End::Vanished;
    let fires = match (killed, gone) {
        (true, _) => over >= NEARLY_FULL || over_its_pool(native),
        (false, true) => over >= 1.0 && over_its_pool(native),
        (false, false) => over >= CLEARLY_OVER && is_to_come && over_its_pool(native),
    };
    if !fires {
        return Answer::DoesNotFire(format!(
            "with a full heap the process would hold {} of the container's {}",
            bytes(full),
            bytes(limit)
        ));
    }
    let confidence = match (killed, over_its_pool(native)) {
        (true, true) => 0.92 * native.container.sure_of_kill(),
        (true, false) => 0.7 * native.container.sure_of_kill(),
        (false, _) if gone => GONE,
        (false, _) => BEFORE_THE_KILL,
    };
    let facts = [
        Some(sums(native, full, limit)),
        beside(native),
        stops(native),
        native.container.met_evidence(),
        native.container.parts_evidence(3),
    ];
    Answer::Fires(Box::new(Finding {
        label: Label::JvmOverheadUndersized,
        severity: match killed || gone {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        confidence: two_digits(confidence),
        alternatives: Vec::new(),
        limit: match gone {
            true => LimitClaim {
                confidence: Some(two_digits(confidence)),
                reached: true,
                ..native.container.limit_claim()
            },
            false => native.container.limit_claim(),
        },
        consumer: Consumer {
            kind: ConsumerKind::Component,
            name: Some("the JVM beside its pools".to_owned()),
            line: None,
            share: None,
            confidence: two_digits(confidence),
        },
        forecast: None,
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(native),
        collect: Vec::new(),
        told_ms: None,
    }))
}

/// Who grew beside the JVM's own limits, so that it was not the heap that filled the container.
fn someone_else(native: &Native<'_>, limit: u64) -> Option<String> {
    let container = &native.container;
    if container.others.peak > limit / 10 {
        return Some("other processes fill the container".to_owned());
    }
    let off_heap = native.counted_off_heap();
    let held = Series::new(container.held.points.clone()).grown();
    if off_heap as f64 >= held as f64 * MUCH && off_heap as f64 >= limit as f64 * MATTERS {
        return Some(format!(
            "off-heap memory of Java code grew by {}",
            bytes(off_heap)
        ));
    }
    let outside = container.parts.growth_outside();
    let all = container.parts.growth_of_all();
    let much = outside as f64 >= all as f64 * MUCH && outside as f64 >= limit as f64 * MATTERS;
    much.then(|| {
        format!(
            "{} of the growth of {} is beside heap and pools",
            bytes(outside),
            bytes(all)
        )
    })
}

/// Whether what is in no pool takes more than the pool that is meant for it; without such a pool, whether it takes anything.
fn over_its_pool(native: &Native<'_>) -> bool {
    let room = native.container.room;
    room.overhead_measured > Some(room.overhead.unwrap_or(0))
}

fn sums(native: &Native<'_>, full: u64, limit: u64) -> Evidence {
    let room = native.container.room;
    let text = format!(
        "with its heap full ({}) and all else as it is the process holds {}, the container {}: it is killed when the heap first fills",
        bytes(room.heap.unwrap_or(0)),
        bytes(full),
        bytes(limit)
    );
    let at = native.container.case.wall_ms(native.container.parts.to_ms);
    Evidence::new(text, "ledger.parts", at, at).with_value(full)
}

/// That the trace stops without an end, where that is all that tells of a kill.
fn stops(native: &Native<'_>) -> Option<Evidence> {
    let container = &native.container;
    let last = container.case.timeline.moments.last()?;
    let text = container.outcome.detail.clone();
    (container.end == End::Vanished)
        .then(|| Evidence::new(text, "cgroup.usage_bytes", last.t_ms, last.t_ms))
}

/// What it takes beside its pools, by owner.
fn beside(native: &Native<'_>) -> Option<Evidence> {
    const BESIDE: [(Owner, &str); 7] = [
        (Owner::MallocInUse, "malloc"),
        (Owner::MallocFree, "freed but kept by malloc"),
        (Owner::CodeCache, "compiled code"),
        (Owner::GcStructures, "tables of the collector"),
        (Owner::JavaThreadStacks, "stacks of Java threads"),
        (Owner::JvmThreadStacks, "stacks of the JVM's threads"),
        (Owner::Unclaimed, "without an owner"),
    ];
    let room = native.container.room;
    let measured = room.overhead_measured?;
    let last = native.container.case.evidence.last::<Ledger>()?;
    let mut parts: Vec<(u64, &str)> = BESIDE
        .iter()
        .map(|(owner, name)| (last.bytes(*owner), *name))
        .filter(|(size, _)| *size >= 1 << 20)
        .collect();
    parts.sort_by(|a, b| b.cmp(a));
    let parts: Vec<String> = parts
        .iter()
        .map(|(size, name)| format!("{name} {}", bytes(*size)))
        .collect();
    let meant = room.overhead.map_or(String::new(), |overhead| {
        format!("; jvm-overhead is {}", bytes(overhead))
    });
    let text = format!(
        "beside its pools it takes {} ({}){meant}",
        bytes(measured),
        parts.join(", ")
    );
    let at = last.taken.t_ms;
    Some(Evidence::new(text, "ledger.parts", at, at).with_value(measured))
}

fn remedy(native: &Native<'_>) -> Remedy {
    let measured = native.container.room.overhead_measured.unwrap_or(0);
    let wanted = round_up(to_bytes(measured as f64 * HEADROOM), STEP_BYTES);
    let wish = sparing_heap(Wish::of("jvm_overhead", wanted), native.container.case);
    let advice = format!(
        "Leave {} for what is in no pool, a quarter more than measured.",
        bytes(wanted)
    );
    configured(native.container.budget, &wish, &advice)
}
