//! A finding on the heap: what all its labels have in common.

use super::{Cause, HeapPicture, Leaning, consumer, evidence};
use crate::case::seconds;
use crate::finding::{Consumer, ConsumerKind, Finding, Label, Remedy, Severity, two_digits};
use crate::forecast::Forecast;
use crate::rules::Answer;

/// What a rule adds to what the picture says.
pub(in crate::rules) struct Draft {
    pub(in crate::rules) consumer: Consumer,
    pub(in crate::rules) sure: f64,
}

/// Below this confidence other causes are named.
const UNSURE: f64 = 0.7;
/// A forecast below this is an emergency.
const SOON_S: f64 = 3600.0;

/// The rule's answer for `cause`: the finding with the remedy that `remedy` finds for its consumer, or why there is none.
pub(in crate::rules) fn draft(
    picture: &HeapPicture<'_>,
    cause: Cause,
    label: Label,
    remedy: impl FnOnce(&Draft) -> Remedy,
) -> Answer {
    let sure = match &picture.leaning {
        Leaning::To(found, sure) if *found == cause => *sure,
        Leaning::To(..) => {
            return Answer::DoesNotFire("the heap's evidence leans to another cause".to_owned());
        }
        Leaning::Neither(reason) => return Answer::DoesNotFire(reason.clone()),
        Leaning::NotEnoughData(missing) => {
            return Answer::NotEnoughData {
                missing: missing.clone(),
                collect: None,
            };
        }
    };
    let draft = Draft {
        consumer: consumer::consumer(picture, cause),
        sure: two_digits(sure),
    };
    let remedy = remedy(&draft);
    let forecast = forecast(picture);
    Answer::Fires(Box::new(Finding {
        label,
        severity: severity(picture, forecast),
        confidence: draft.sure,
        alternatives: alternatives(label, draft.sure),
        limit: picture.limit_claim(),
        forecast,
        evidence: evidence::evidence(picture),
        remedy,
        collect: collect(picture, &draft),
        consumer: draft.consumer,
        told_ms: None,
    }))
}

/// What failed is critical. A heap that is full all the time without an error costs, and will fail.
fn severity(picture: &HeapPicture<'_>, forecast: Option<Forecast>) -> Severity {
    let soon = forecast.is_some_and(|forecast| forecast.exhausted_in_s < SOON_S);
    match picture.failed() || (soon && picture.exhausted_ms().is_none()) {
        true => Severity::Critical,
        false => Severity::Warning,
    }
}

fn forecast(picture: &HeapPicture<'_>) -> Option<Forecast> {
    let ahead = picture.exhausted_ms().is_none() && picture.may_run();
    let (growth, _) = picture.live.growth.filter(|_| ahead)?;
    let last = *picture.live.old.last()?;
    let now_s = seconds(picture.case.timeline.moments.last()?.up_ms);
    crate::forecast::forecast(&growth, last, picture.limit?, now_s)
}

fn alternatives(label: Label, sure: f64) -> Vec<Label> {
    let all = [
        Label::HeapLeak,
        Label::HeapUndersized,
        Label::HeapStateGrowth,
        Label::HeapBulkMaterialization,
    ];
    match sure < UNSURE {
        true => all.into_iter().filter(|other| *other != label).collect(),
        false => Vec::new(),
    }
}

fn collect(picture: &HeapPicture<'_>, draft: &Draft) -> Vec<String> {
    let mut advice = Vec::new();
    if picture.content.is_none() {
        advice.push(
            "no histogram shows what filled the heap: flinkmem snapshot PID while it fills, or -XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath=DIR".to_owned(),
        );
    } else if draft.consumer.kind == ConsumerKind::Unknown {
        advice.push(
            "no class or call site stands out: a heap dump would tell who holds it".to_owned(),
        );
    }
    advice
}
