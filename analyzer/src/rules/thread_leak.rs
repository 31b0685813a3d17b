//! `thread_leak`: threads that never end. No limit holds them; they also keep the class loaders of their jobs.

use super::Answer;
use super::metaspace::{self, MetaspacePicture, is_of_thread};
use super::threads::{Leaning, Sign, ThreadLimit, ThreadPicture, points, total_growth};
use crate::case::seconds;
use crate::finding::{Evidence, Finding, Label, Remedy, Severity, two_digits};
use crate::forecast::{Forecast, forecast};
use crate::units::duration;

pub(super) fn check(picture: &ThreadPicture<'_>, metaspace: &MetaspacePicture<'_>) -> Answer {
    match &picture.leaning {
        Leaning::Leak(..) if is_told_by_loaders(picture, metaspace) => Answer::DoesNotFire(
            "the threads that jobs leave behind are few; what they keep is told as classloader_leak"
                .to_owned(),
        ),
        Leaning::Leak(probability, sign) => {
            Answer::Fires(Box::new(finding(picture, metaspace, *probability, *sign)))
        }
        Leaning::Limit(_) => {
            Answer::DoesNotFire("threads were refused, but do not pile up".to_owned())
        }
        Leaning::Neither(reason) => Answer::DoesNotFire(reason.clone()),
        Leaning::NotEnoughData(missing) => Answer::NotEnoughData {
            missing: missing.clone(),
            collect: Some(DUMP.to_owned()),
        },
    }
}

const DUMP: &str =
    "a thread dump (jstack, or Flink's web interface): names that repeat with rising numbers leak";

/// Whether these are the threads, about one a job, that keep class loaders.
fn is_told_by_loaders(picture: &ThreadPicture<'_>, metaspace: &MetaspacePicture<'_>) -> bool {
    let is_leak = matches!(metaspace.leaning, metaspace::Leaning::Leak(_));
    let of_main = |group: &&metaspace::Retained<'_>| {
        let main = picture.main.as_ref();
        is_of_thread(group.kind) && main.is_some_and(|main| main.pattern() == group.holder)
    };
    let same = metaspace.retained.iter().find(of_main).filter(|_| is_leak);
    same.is_some_and(|group| !picture.drives(&group.holder, group.loaders.len()))
}

fn finding(
    picture: &ThreadPicture<'_>,
    metaspace: &MetaspacePicture<'_>,
    probability: f64,
    sign: Sign,
) -> Finding {
    let keeps_loaders = metaspace.retained.iter().any(|group| {
        is_of_thread(group.kind) && picture.drives(&group.holder, group.loaders.len())
    });
    let drives_metaspace = keeps_loaders && metaspace.failed();
    let facts = [
        picture.growth_evidence(),
        sign_evidence(picture, sign),
        picture.refused_evidence(),
        metaspace.met_evidence().filter(|_| drives_metaspace),
    ];
    Finding {
        label: Label::ThreadLeak,
        severity: match picture.failed() || drives_metaspace {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        confidence: two_digits(probability),
        alternatives: Vec::new(),
        told_ms: None,
        // What they filled is the limit that was met.
        limit: match drives_metaspace && !picture.failed() {
            true => metaspace.limit_claim(),
            false => picture.limit_claim(),
        },
        forecast: ahead(picture),
        evidence: facts.into_iter().flatten().collect(),
        remedy: Remedy {
            text: remedy(picture, sign),
            ..Remedy::default()
        },
        collect: match picture.consumer().line {
            None => vec![DUMP.to_owned()],
            Some(_) => Vec::new(),
        },
        consumer: picture.consumer(),
    }
}

fn sign_evidence(picture: &ThreadPicture<'_>, sign: Sign) -> Option<Evidence> {
    let (main, census) = (picture.main.as_ref()?, picture.census?);
    let text = match sign {
        Sign::OutliveAttempts(ends) => format!(
            "they outlive what started them: {ends} attempts or jobs ended meanwhile, and {} of {} threads live on",
            main.group.live, main.group.appeared
        ),
        Sign::OutliveJob => format!(
            "they outlive their job: none runs any more, and {} of {} threads live on",
            main.group.live, main.group.appeared
        ),
        Sign::Rise => {
            let growth = total_growth(picture)?;
            format!(
                "their number rises while the job runs: {:.1} a minute over {}",
                growth.trend.slope * 60.0,
                duration(growth.trend.span_s)
            )
        }
    };
    let at = census.taken.t_ms;
    Some(Evidence::new(text, "threads.live", main.first.t_ms, at))
}

/// When the limit on threads is reached, where one is known.
fn ahead(picture: &ThreadPicture<'_>) -> Option<Forecast> {
    if picture.failed() || !picture.may_run() {
        return None;
    }
    let ThreadLimit::Pids { current, max } = picture.limit else {
        return None;
    };
    let points = points(picture);
    let last = *points.last()?;
    // Others in the container count as well.
    let own = max.saturating_sub(current.saturating_sub(crate::units::to_bytes(last.bytes)));
    let now_s = seconds(picture.case.timeline.moments.last()?.up_ms);
    forecast(&total_growth(picture)?, last, own, now_s)
}

fn remedy(picture: &ThreadPicture<'_>, sign: Sign) -> String {
    let Some(main) = &picture.main else {
        return String::new();
    };
    let where_to = match main.creator(picture.case) {
        Some(creator) => {
            let line = creator
                .line
                .map_or(String::new(), |line| format!(" (line {line})"));
            format!("what {}{line} starts", creator.method)
        }
        None => format!("threads {}", main.pattern()),
    };
    let when = match sign {
        Sign::OutliveAttempts(_) | Sign::OutliveJob => {
            "when the task ends: in close(), which also runs after a failure"
        }
        Sign::Rise => "when it has done its work, or use one pool with a bound",
    };
    format!(
        "End {where_to} {when}. No limit helps: they never end. Each also takes its stack, and keeps the class loader of its job, so metaspace."
    )
}
