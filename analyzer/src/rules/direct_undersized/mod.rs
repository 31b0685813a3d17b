//! `direct_undersized`: legitimate users of direct memory need more than the limit. A size helps, and here it is.

mod remedy;
mod sizing;

use super::Answer;
use super::direct::{
    Afterwards, DirectPicture, Leaning, Mechanism, Pace, consumer, met_evidence, owner_evidence,
    wall,
};
use crate::finding::{Consumer, ConsumerKind, Evidence, Finding, Label, Severity, two_digits};
use crate::units::{bytes, duration, to_bytes};

/// Below this confidence the report says what would settle it.
const UNSURE: f64 = 0.8;

pub(super) fn check(picture: &DirectPicture<'_>) -> Answer {
    match &picture.leaning {
        Leaning::Undersized(_) if picture.mechanism != Mechanism::Job => {
            Answer::DoesNotFire("what filled the pool has a name of its own".to_owned())
        }
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

/// The finding, also for the label of those needs that are Flink's own.
pub(super) fn finding(picture: &DirectPicture<'_>, odds: f64) -> Finding {
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
        alternatives: Vec::new(),
        told_ms: None,
        limit: picture.limit_claim(true),
        forecast: None,
        evidence: evidence(picture),
        remedy: remedy::remedy(picture, &consumer),
        collect: collect(picture, &consumer, confidence),
        consumer,
    }
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
            "forced collections made room, {made_room} in all: each stops the whole process"
        );
        Evidence::new(text, "slow_path_succeeded", first, last.t_ms).with_value(made_room)
    })
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
