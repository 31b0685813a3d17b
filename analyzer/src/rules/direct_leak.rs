//! `direct_leak`: direct memory is kept that nobody gives back. No size helps; a larger limit only delays.

use super::Answer;
use super::direct::{
    Afterwards, Basis, DirectPicture, Leaning, Mechanism, Pace, consumer, met_evidence,
    owner_evidence, wall,
};
use crate::case::{Origin, seconds};
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Forecast, Label, Remedy, Severity, two_digits,
};
use crate::statistics::Point;
use crate::units::{bytes, duration, rate, rate_within, to_bytes};

/// A forecast below this is an emergency.
const SOON_S: f64 = 3600.0;

/// Below this confidence the report says what would settle it.
const UNSURE: f64 = 0.8;

pub(super) fn check(picture: &DirectPicture<'_>) -> Answer {
    let has_a_name = matches!(
        picture.mechanism,
        Mechanism::NetworkPool | Mechanism::ThreadCaches
    );
    match &picture.leaning {
        Leaning::Leak(_) if has_a_name => {
            Answer::DoesNotFire("what filled the pool has a name of its own".to_owned())
        }
        Leaning::Leak(odds) => Answer::Fires(Box::new(finding(picture, *odds))),
        Leaning::Undersized(_) => {
            Answer::DoesNotFire("the limit was met, but not by a leak".to_owned())
        }
        Leaning::Neither(reason) => Answer::DoesNotFire(reason.clone()),
        Leaning::NotEnoughData(missing) => Answer::NotEnoughData {
            missing: missing.clone(),
            collect: None,
        },
    }
}

fn finding(picture: &DirectPicture<'_>, odds: f64) -> Finding {
    let consumer = consumer(picture);
    let confidence = two_digits(super::direct::probability(odds));
    let forecast = forecast(picture);
    let soon = forecast.is_some_and(|forecast| forecast.exhausted_in_s < SOON_S);
    Finding {
        label: Label::DirectLeak,
        severity: if picture.failed() || soon {
            Severity::Critical
        } else {
            Severity::Warning
        },
        confidence,
        alternatives: Vec::new(),
        told_ms: None,
        limit: picture.limit_claim(!picture.met.is_empty()),
        forecast,
        evidence: evidence(picture),
        remedy: remedy(picture, &consumer),
        collect: collect(picture, &consumer, confidence),
        consumer,
    }
}

/// When the limit is reached at the measured slope, from the last trough on.
fn forecast(picture: &DirectPicture<'_>) -> Option<Forecast> {
    let ahead = picture.met.is_empty() && picture.may_run();
    let rise = picture.rise.filter(|_| ahead)?;
    let last = Point::new(rise.last.s, rise.pool_level);
    let now_s = seconds(picture.case.timeline.moments.last()?.up_ms);
    crate::forecast::forecast(&rise.growth, last, picture.limit?, now_s)
}

fn evidence(picture: &DirectPicture<'_>) -> Vec<Evidence> {
    let facts = [
        growth(picture),
        owner_evidence(picture),
        met_evidence(picture),
        kept(picture),
        outlives_jobs(picture),
    ];
    facts.into_iter().flatten().collect()
}

fn growth(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let steady = picture.rise.filter(|rise| rise.growth.trend.low > 0.0);
    let Some(rise) = steady else {
        return gradual_climb(picture);
    };
    let trend = rise.growth.trend;
    let after = match rise.basis {
        Basis::FullCollections => "after full collections",
        Basis::ConfirmedByFull | Basis::AnyCollections => "after collections",
    };
    let what = if rise.of_owner {
        "its direct memory"
    } else {
        "direct memory"
    };
    let text = format!(
        "{after} {what} rose from {} to {} in {}: {}, and has not levelled off",
        bytes(to_bytes(rise.first.bytes)),
        bytes(to_bytes(rise.last.bytes)),
        duration(rise.last.s - rise.first.s),
        rate_within(trend.slope, trend.low, trend.high),
    );
    let at = |s: f64| wall(picture, to_bytes(s * 1000.0));
    let fact = Evidence::new(
        text,
        "direct.capacity_bytes",
        at(rise.first.s),
        at(rise.last.s),
    );
    Some(fact.with_value(to_bytes(rise.last.bytes)))
}

fn gradual_climb(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let climb = picture.climb.filter(|climb| climb.pace() != Pace::Sudden)?;
    let text = format!(
        "direct memory climbed to {} in many small steps: the last three quarters of the way took {}, {}",
        bytes(to_bytes(climb.top)),
        duration(climb.seconds()),
        rate(climb.slope()),
    );
    let (from, to) = (wall(picture, climb.from_ms), wall(picture, climb.to_ms));
    Some(Evidence::new(text, "direct.capacity_bytes", from, to).with_value(to_bytes(climb.top)))
}

fn kept(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let Afterwards::Kept { old_share } = picture.afterwards else {
        return None;
    };
    let error = picture.met.errors.first()?.incident;
    let last = picture.case.timeline.moments.last()?;
    let text = format!(
        "the error gave nothing back: {} later the bytes are still held, {:.0} % of them older than three collections",
        duration((last.up_ms.saturating_sub(error.up_ms)) as f64 / 1000.0),
        old_share * 100.0,
    );
    Some(Evidence::new(
        text,
        "sites.old_bytes",
        error.t_ms,
        last.t_ms,
    ))
}

/// Code that neither came with the job nor is Flink's lies in the class path of the process.
fn outlives_jobs(picture: &DirectPicture<'_>) -> Option<Evidence> {
    let owner = picture.owners.first()?;
    let in_flink = picture.case.observed.process.is_some();
    let of_the_process = owner.frame.loader.is_none() && owner.owner.origin == Origin::User;
    if !in_flink || !of_the_process {
        return None;
    }
    let last = picture.case.timeline.moments.last()?;
    let text = format!(
        "{} was loaded with the process, not with a job (Flink's lib directory): what it keeps outlives every job",
        owner.frame.class
    );
    Some(Evidence::new(text, "sites.loader", last.t_ms, last.t_ms))
}

fn remedy(picture: &DirectPicture<'_>, consumer: &Consumer) -> Remedy {
    let whose = match (&consumer.name, consumer.kind) {
        (Some(name), ConsumerKind::CallSite) => {
            let line = consumer
                .line
                .map_or(String::new(), |line| format!(" (line {line})"));
            format!(
                "Release what {name}{line} allocates: drop every reference or close its owner when the task ends."
            )
        }
        (Some(name), _) => format!("Close or release what {name} holds, or upgrade it."),
        (None, _) => {
            "Find who holds the buffers (see what to collect) and release them.".to_owned()
        }
    };
    let delay = match (picture.limit, picture.slope()) {
        (Some(limit), Some(slope)) => {
            let lasts = duration(limit as f64 / slope);
            format!(
                " No size helps: twice the limit of {} would last {lasts} longer.",
                bytes(limit)
            )
        }
        _ => " No size helps: a larger limit only delays.".to_owned(),
    };
    Remedy {
        text: whose + &delay,
        ..Remedy::default()
    }
}

fn collect(picture: &DirectPicture<'_>, consumer: &Consumer, confidence: f64) -> Vec<String> {
    let mut advice = Vec::new();
    let garbage_possible = picture
        .rise
        .is_some_and(|rise| rise.basis == Basis::AnyCollections);
    if !picture.failed() && garbage_possible {
        let pid = picture.case.header.pid;
        advice.push(format!("run `jcmd {pid} GC.run` and diagnose again: no full collection was seen, so part of the growth may be garbage"));
    } else if picture.failed() && confidence < UNSURE {
        advice.push("let the job restart a few times with the agent: bytes that outlive the task prove the leak".to_owned());
    }
    if consumer.kind == ConsumerKind::Unknown {
        advice.push(
            "no call site stands out; keep the agent on until one has most of the growth"
                .to_owned(),
        );
    }
    advice
}
