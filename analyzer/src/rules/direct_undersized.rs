//! `direct_undersized`: legitimate users of direct memory need more than the limit. A size helps, and here it is.

use super::Answer;
use super::direct::{
    Afterwards, DirectPicture, Leaning, Pace, consumer, met_evidence, owner_evidence, wall,
};
use crate::budget::DirectPool;
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Remedy, Severity, two_digits,
};
use crate::units::{bytes, duration, flink_size, round_up, to_bytes};
use std::collections::BTreeMap;

/// Sizes are rounded up to this.
const STEP_BYTES: u64 = 32 << 20;

/// A quarter more than what was measured.
const HEADROOM: f64 = 1.25;

/// Below this confidence the report says what would settle it.
const UNSURE: f64 = 0.8;

pub(super) fn check(picture: &DirectPicture<'_>) -> Answer {
    match &picture.leaning {
        Leaning::Undersized(odds) => Answer::Fires(Box::new(finding(picture, *odds))),
        Leaning::Leak(_) => {
            Answer::DoesNotFire("the growth is a leak, which no size holds".to_owned())
        }
        Leaning::NotEnoughData(missing) if picture.peak.is_none() => Answer::NotEnoughData {
            missing: missing.clone(),
            collect: None,
        },
        Leaning::Neither(_) | Leaning::NotEnoughData(_) => {
            Answer::DoesNotFire("every reservation fitted at once".to_owned())
        }
    }
}

fn finding(picture: &DirectPicture<'_>, odds: f64) -> Finding {
    let consumer = consumer(picture);
    let confidence = two_digits(super::direct::probability(odds));
    Finding {
        label: Label::DirectUndersized,
        severity: if picture.failed() {
            Severity::Critical
        } else {
            Severity::Warning
        },
        confidence,
        limit: LimitClaim {
            name: "direct",
            bytes: picture.limit,
            peak: picture.peak,
            reached: true,
        },
        forecast: None,
        evidence: evidence(picture),
        remedy: remedy(picture, &consumer),
        collect: collect(picture, &consumer, confidence),
        consumer,
    }
}

/// How many bytes more than the limit were wanted at once, at least.
fn missing_bytes(picture: &DirectPicture<'_>) -> Option<u64> {
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

fn evidence(picture: &DirectPicture<'_>) -> Vec<Evidence> {
    let facts = [
        met_evidence(picture),
        burst(picture),
        owner_evidence(picture),
        given_back(picture),
    ];
    facts.into_iter().flatten().collect()
}

fn burst(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let climb = picture.climb.filter(|climb| climb.pace() == Pace::Sudden)?;
    let text = format!(
        "a burst, not a slope: from its usual {} the pool went to {} within {}",
        bytes(to_bytes(climb.usual)),
        bytes(to_bytes(climb.top)),
        duration(climb.seconds().max(0.1)),
    );
    let (from, to) = (wall(picture, climb.from_ms), wall(picture, climb.to_ms));
    Some(Evidence::new(text, "direct.capacity_bytes", from, to).with_value(to_bytes(climb.top)))
}

fn given_back(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let last = picture.case.timeline.moments.last()?;
    if picture.failed() && picture.afterwards == Afterwards::GivenBack {
        let error = picture.met.errors.first()?.incident;
        let text =
            "the bytes are given back when the task fails; later attempts allocate anew".to_owned();
        return Some(Evidence::new(
            text,
            "sites.old_bytes",
            error.t_ms,
            last.t_ms,
        ));
    }
    let made_room = picture.met.succeeded_ms.len() as u64;
    (made_room > 0).then(|| {
        let first = picture
            .met
            .first()
            .map_or(last.t_ms, |incident| incident.t_ms);
        let text = format!(
            "a forced collection made room {made_room} time(s): each stops the whole process"
        );
        Evidence::new(text, "slow_path_succeeded", first, last.t_ms).with_value(made_room)
    })
}

/// The new size of the pool that the consumer's memory comes out of: what its owner held and asked for, a quarter more,
/// rounded up; and never less than the present size with twice of what was missing.
fn wanted_size(picture: &DirectPicture<'_>, present: u64) -> u64 {
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

fn remedy(picture: &DirectPicture<'_>, consumer: &Consumer) -> Remedy {
    let pool = picture.owner_pool();
    let present = pool
        .zip(picture.pools)
        .and_then(|(pool, pools)| pools.get(pool));
    match (pool, picture.pools, present) {
        (Some(pool), Some(pools), Some(present)) => {
            let size = wanted_size(picture, present);
            let after = pools.with(pool, size);
            Remedy {
                text: in_flink(picture, consumer, pool, size - present),
                config: BTreeMap::from([(pool.key().to_owned(), flink_size(size))]),
                before: Some(*pools),
                after: Some(after),
            }
        }
        _ => Remedy {
            text: in_any_jvm(picture),
            ..Remedy::default()
        },
    }
}

fn in_flink(
    picture: &DirectPicture<'_>,
    consumer: &Consumer,
    pool: DirectPool,
    more: u64,
) -> String {
    let whom = match (pool, consumer.kind, &consumer.name) {
        (_, ConsumerKind::Unknown, _) | (_, _, None) => "the users of direct memory".to_owned(),
        (_, _, Some(name)) => name.clone(),
    };
    let missing = missing_bytes(picture).map_or(String::new(), |missing| {
        format!("At least {} were missing. ", bytes(missing))
    });
    let process = picture.pools.and_then(|pools| pools.total_process).map_or(String::new(), |total| {
        let key = match pool {
            DirectPool::JobManagerOffHeap => "jobmanager.memory.process.size",
            _ => "taskmanager.memory.process.size",
        };
        let heap = if pool == DirectPool::JobManagerOffHeap { "the heap" } else { "the task heap" };
        let (before, after) = (flink_size(total), flink_size(total.saturating_add(more)));
        format!(" The process grows by as much: raise {key} from {before} to {after} where it is set, or Flink takes it from {heap}.")
    });
    let more = bytes(more);
    let advice = if picture.failed() {
        format!("{missing}Give {whom} its measured use and a quarter more: {more} more.")
    } else {
        format!(
            "Let {whom} reuse its buffers, which it drops faster than collections free them, or give it {more} more."
        )
    };
    advice + &process
}

/// Without pools there is no saying what the rest of the process needs, so the owner's use is added half again.
fn in_any_jvm(picture: &DirectPicture<'_>) -> String {
    let Some(limit) = picture.limit else {
        return "Raise the limit with -XX:MaxDirectMemorySize.".to_owned();
    };
    let asked = picture.met.largest_request().unwrap_or(0);
    let held = picture.owners.first().map_or(0, |owner| owner.live_bytes);
    let twice_missing = missing_bytes(picture).unwrap_or(asked).saturating_mul(2);
    let more = (held.saturating_add(asked) / 2)
        .max(twice_missing)
        .max(STEP_BYTES);
    let size = round_up(limit.saturating_add(more), STEP_BYTES);
    format!(
        "Raise the limit from {} with -XX:MaxDirectMemorySize={}: half as much again as its main user held.",
        bytes(limit),
        flink_size(size),
    )
}

fn collect(picture: &DirectPicture<'_>, consumer: &Consumer, confidence: f64) -> Vec<String> {
    let mut advice = Vec::new();
    if picture.failed() && confidence < UNSURE {
        advice.push("let it fail once more with the agent: bytes that outlive the failed task would mean a leak".to_owned());
    }
    if consumer.kind == ConsumerKind::Unknown {
        advice.push(
            "no call site stands out; the trace of a longer run would show whose bytes grow"
                .to_owned(),
        );
    }
    advice
}
