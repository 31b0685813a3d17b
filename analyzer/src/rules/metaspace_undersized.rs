//! `metaspace_undersized`: the classes of the jobs present need more. A size helps, and here it is.

mod remedy;

use super::Answer;
use super::metaspace::{Leaning, MetaspacePicture, is_of_job};
use crate::case::{Origin, seconds};
use crate::finding::{Consumer, ConsumerKind, Evidence, Finding, Label, Severity, two_digits};
use crate::units::{bytes, duration};
use flinkmem_trace::LoaderClass;

/// Below this confidence the report says what would settle it.
const UNSURE: f64 = 0.8;

/// From this share of metaspace on the job's classes are its main user; else the JDK and Flink themselves are.
const MAIN: f64 = 0.25;

/// `was_swallowed`: somebody caught the error, so that the process lives on as if nothing had happened.
pub(super) fn check(picture: &MetaspacePicture<'_>, was_swallowed: bool) -> Answer {
    match &picture.leaning {
        Leaning::Undersized(probability) => {
            Answer::Fires(Box::new(finding(picture, *probability, was_swallowed)))
        }
        Leaning::Leak(_) | Leaning::Generated(..) => {
            Answer::DoesNotFire("class loaders are kept, which no size holds".to_owned())
        }
        Leaning::NotEnoughData(missing) => Answer::NotEnoughData {
            missing: missing.clone(),
            collect: None,
        },
        Leaning::Neither(_) => Answer::DoesNotFire("metaspace was never exhausted".to_owned()),
    }
}

fn finding(picture: &MetaspacePicture<'_>, probability: f64, was_swallowed: bool) -> Finding {
    let confidence = two_digits(probability);
    let facts = [
        loaders(picture),
        climb(picture),
        picture.met_evidence(),
        requester(picture),
    ];
    Finding {
        label: Label::MetaspaceUndersized,
        severity: match was_swallowed {
            true => Severity::Warning,
            false => Severity::Critical,
        },
        confidence,
        alternatives: match confidence < UNSURE {
            true => vec![Label::ClassloaderLeak],
            false => Vec::new(),
        },
        told_ms: None,
        limit: picture.limit_claim(),
        forecast: None,
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy::remedy(picture),
        collect: Vec::new(),
        consumer: consumer(picture),
    }
}

/// The loaders with most metaspace: of jobs, if they matter.
fn consumer(picture: &MetaspacePicture<'_>) -> Consumer {
    let Some((row, share)) = of_jobs(picture) else {
        return Consumer {
            kind: ConsumerKind::Component,
            name: Some("classes of Flink and the JDK".to_owned()),
            line: None,
            share: None,
            confidence: 0.6,
        };
    };
    Consumer {
        kind: ConsumerKind::ClassLoader,
        name: Some(row.class.clone()),
        line: None,
        share: Some(two_digits(share)),
        confidence: 0.85,
    }
}

/// The row of the census that has most, of jobs or of what they load themselves, with its share of metaspace, if that is a main part.
fn of_jobs<'a>(picture: &'a MetaspacePicture<'_>) -> Option<(&'a LoaderClass, f64)> {
    let found = picture.generations.as_ref()?;
    let rows = &found.census.by_class;
    let rows = rows.iter().filter(|row| !is_of_process(&row.class));
    let row = rows.max_by_key(|row| row.classes)?;
    let share = match (row.metaspace_used_bytes, picture.limit) {
        (Some(used), Some(limit)) => used as f64 / limit.max(1) as f64,
        _ => f64::from(row.classes) / f64::from(found.census.classes.max(1)),
    };
    (share >= MAIN).then_some((row, share))
}

/// Loaders of the JDK, and those in which Flink loads itself and its plugins.
fn is_of_process(class: &str) -> bool {
    let of_jdk = ["jdk.", "java.", "sun."];
    let of_flink = class.starts_with("org.apache.flink.") && !is_of_job(class);
    class == "boot" || of_flink || of_jdk.iter().any(|prefix| class.starts_with(prefix))
}

fn loaders(picture: &MetaspacePicture<'_>) -> Option<Evidence> {
    let found = picture.generations.as_ref()?;
    let rows: Vec<String> = found
        .census
        .by_class
        .iter()
        .take(3)
        .map(|row| {
            let used = row
                .metaspace_used_bytes
                .map_or(String::new(), |used| format!(" in {}", bytes(used)));
            format!("{} of {}{used}", row.classes, row.class)
        })
        .collect();
    let running = found.running.map_or(String::new(), |running| {
        format!(
            " for {}",
            crate::units::counted(running as u64, "running job")
        )
    });
    let text = format!(
        "one generation: {} of jobs{running}, {} of ended jobs; classes: {}",
        crate::units::counted(found.live as u64, "class loader"),
        found.ended.len(),
        rows.join(", ")
    );
    let at = found.census.taken.t_ms;
    Some(Evidence::new(text, "loaders", at, at).with_value(u64::from(found.census.classes)))
}

/// How far and how fast.
fn climb(picture: &MetaspacePicture<'_>) -> Option<Evidence> {
    let first = picture.met.first()?;
    let moments = picture.case.timeline.until(first);
    let used = |moment: &crate::case::Moment| picture.area.used(moment);
    let top = moments.iter().rev().find_map(used)?;
    let half = moments
        .iter()
        .find(|moment| used(moment) >= Some(top / 2))?;
    let text = format!(
        "{} rose from {} to {} in {}",
        picture.area.in_words(),
        bytes(used(half)?),
        bytes(top),
        duration(seconds(first.up_ms) - seconds(half.up_ms))
    );
    Some(Evidence::new(text, "pools.used_bytes", half.t_ms, first.t_ms).with_value(top))
}

/// Who asked for the class that did not fit: not necessarily who has most, but often.
fn requester(picture: &MetaspacePicture<'_>) -> Option<Evidence> {
    let first = picture.met.first()?;
    let frame = first
        .frames
        .iter()
        .find(|frame| Origin::of(frame) == Origin::User)?;
    let text = format!(
        "the class that did not fit was asked for by {}",
        frame.qualified()
    );
    Some(Evidence::new(
        text,
        "resource_exhausted",
        first.t_ms,
        first.t_ms,
    ))
}
