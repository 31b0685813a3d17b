//! `classloader_leak`: class loaders of ended jobs are kept. No size helps; the kind of path that keeps them says what does.

mod remedy;

use super::Answer;
use super::metaspace::{Generations, Leaning, MetaspacePicture, Retained, in_words, is_of_thread};
use super::threads::ThreadPicture;
use crate::case::seconds;
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, Remedy, Severity, two_digits,
};
use crate::forecast::{Forecast, forecast};
use crate::statistics::{Point, growth, median};
use crate::units::bytes;
use flinkmem_trace::{EventKind, Retention};

/// Below this confidence the report says what would settle it.
const UNSURE: f64 = 0.8;

pub(super) fn check(picture: &MetaspacePicture<'_>, threads: &ThreadPicture<'_>) -> Answer {
    match &picture.leaning {
        Leaning::Leak(probability) => {
            Answer::Fires(Box::new(finding(picture, threads, *probability)))
        }
        Leaning::Generated(probability, class) => {
            Answer::Fires(Box::new(generated(picture, *probability, class)))
        }
        Leaning::Undersized(_) => Answer::DoesNotFire(
            "metaspace was exhausted, but not by class loaders of ended jobs".to_owned(),
        ),
        Leaning::Neither(reason) => Answer::DoesNotFire(reason.clone()),
        Leaning::NotEnoughData(missing) => Answer::NotEnoughData {
            missing: missing.clone(),
            collect: Some(on_demand(picture)),
        },
    }
}

fn finding(
    picture: &MetaspacePicture<'_>,
    threads: &ThreadPicture<'_>,
    probability: f64,
) -> Finding {
    let confidence = two_digits(probability);
    let main = picture.retained.first();
    let cause = main
        .filter(|main| is_of_thread(main.kind) && threads.drives(&main.holder, main.loaders.len()));
    let follows = cause.is_some();
    Finding {
        label: Label::ClassloaderLeak,
        severity: match picture.failed() && !follows {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        confidence,
        alternatives: match confidence < UNSURE {
            true => vec![Label::MetaspaceUndersized],
            false => Vec::new(),
        },
        told_ms: None,
        limit: picture.limit_claim(),
        forecast: ahead(picture),
        evidence: evidence(picture, threads, cause),
        remedy: Remedy {
            text: remedy::text(picture),
            ..Remedy::default()
        },
        collect: match picture.retained.is_empty() || confidence < UNSURE {
            true => vec![on_demand(picture)],
            false => Vec::new(),
        },
        consumer: consumer(picture),
    }
}

/// Who keeps most of them.
fn consumer(picture: &MetaspacePicture<'_>) -> Consumer {
    let share = |loaders: usize| {
        let explained = picture.explained();
        (explained > 0).then(|| two_digits(loaders as f64 / explained as f64))
    };
    let Some(main) = picture.retained.first() else {
        let loader = picture
            .generations
            .as_ref()
            .and_then(|generations| generations.ended.first());
        return Consumer {
            kind: ConsumerKind::ClassLoader,
            name: loader.map(|loader| loader.class.clone()),
            line: None,
            share: None,
            confidence: 0.5,
        };
    };
    let kind = match main.kind {
        Retention::Thread
        | Retention::InheritedContextClassLoader
        | Retention::InheritedAccessControlContext => ConsumerKind::Thread,
        _ => ConsumerKind::Class,
    };
    Consumer {
        kind,
        name: Some(name(main)),
        line: None,
        share: share(main.loaders.len()),
        confidence: if main.loaders.len() > 1 { 0.95 } else { 0.85 },
    }
}

/// What is held, and where.
fn name(main: &Retained<'_>) -> String {
    let holder = &main.holder;
    let held = main.held.as_deref();
    match (main.kind, held) {
        (Retention::Thread, Some(held)) => format!("{held} in thread {holder}"),
        (Retention::ThreadLocal, Some(held)) => {
            format!("{held} in a ThreadLocal of thread {holder}")
        }
        (Retention::ShutdownHook, Some(held)) => format!("{held} in shutdown hook {holder}"),
        (Retention::StaticInParentClass | Retention::JniGlobal, Some(held)) => {
            format!("{held} in {holder}")
        }
        (kind, _) if is_of_thread(kind) || kind == Retention::ThreadLocal => {
            format!("thread {holder}")
        }
        _ => holder.clone(),
    }
}

fn evidence(
    picture: &MetaspacePicture<'_>,
    threads: &ThreadPicture<'_>,
    cause: Option<&Retained<'_>>,
) -> Vec<Evidence> {
    let mut facts = Vec::new();
    facts.extend(
        picture
            .generations
            .as_ref()
            .map(|found| alive(picture, found)),
    );
    facts.extend(
        picture
            .retained
            .iter()
            .take(3)
            .map(|group| kept(picture, group)),
    );
    if let Some(main) = picture
        .retained
        .first()
        .filter(|main| is_of_thread(main.kind))
    {
        facts.extend(threads.creator_evidence(&main.holder));
    }
    if let Some(cause) = cause {
        let at = cause.path.taken.t_ms;
        let text = format!(
            "it follows from the threads {} that never end",
            cause.holder
        );
        facts.push(Evidence::new(text, "thread_census", at, at));
    }
    facts.extend(picture.met_evidence());
    facts
}

/// Loaders against jobs.
fn alive(picture: &MetaspacePicture<'_>, found: &Generations<'_>) -> Evidence {
    let census = found.census;
    let running = found.running.map_or(String::new(), |running| {
        let jobs = crate::units::counted(running as u64, "running job");
        format!(" beside {jobs}")
    });
    let generations = match &census.generations_of {
        Some(class) if census.generations > 1 => {
            format!("; {class} is defined {} times", census.generations)
        }
        _ => String::new(),
    };
    let hold = match (found.ended_bytes, picture.limit) {
        (Some(held), Some(limit)) => {
            format!("; they hold about {} of {}", bytes(held), bytes(limit))
        }
        _ => String::new(),
    };
    let none = match (found.collected, found.ever_ended) {
        (0, _) => ", none was ever collected",
        _ => "",
    };
    let text = format!(
        "class loaders of ended jobs that are alive{running}: {}{none}{generations}{hold}",
        found.ended.len()
    );
    let case = picture.case;
    let from = case.wall_ms(found.ended_since_ms.min(census.taken.up_ms));
    Evidence::new(text, "loaders", from, census.taken.t_ms).with_value(found.ended.len() as u64)
}

/// The path.
fn kept(picture: &MetaspacePicture<'_>, group: &Retained<'_>) -> Evidence {
    let text = format!(
        "kept by {} ({} of {} that were looked into): {}",
        remedy::kind_in_words(group.kind),
        group.loaders.len(),
        picture.explained(),
        in_words(group.path)
    );
    let at = group.path.taken.t_ms;
    Evidence::new(text, "root_path", at, at).with_value(group.loaders.len() as u64)
}

/// When the limit is reached, if loaders go on to pile up as they did since the first was over.
fn ahead(picture: &MetaspacePicture<'_>) -> Option<Forecast> {
    if picture.failed() || !picture.may_run() {
        return None;
    }
    let since_ms = picture.generations.as_ref()?.ended_since_ms;
    let moments = &picture.case.timeline.moments;
    let from = moments.partition_point(|moment| moment.up_ms < since_ms);
    let point = |moment: &crate::case::Moment| {
        let used = picture.area.used(moment)?;
        Some(Point::new(seconds(moment.up_ms), used as f64))
    };
    let points: Vec<Point> = moments[from..].iter().filter_map(point).collect();
    let now_s = seconds(moments.last()?.up_ms);
    let last = *points.last()?;
    let by_trend =
        growth(&points).and_then(|growth| forecast(&growth, last, picture.limit?, now_s));
    by_trend.or_else(|| by_generations(picture, last, now_s))
}

/// Gaps between the ends of jobs that make a forecast.
const GAPS: usize = 3;

/// Few generations are stairs, which have no line: so many more of them fit, each as long after the other as before.
fn by_generations(picture: &MetaspacePicture<'_>, last: Point, now_s: f64) -> Option<Forecast> {
    let found = picture.generations.as_ref()?;
    let each = found.ended_bytes? as f64 / found.ended.len().max(1) as f64;
    let left = (picture.limit? as f64 - last.bytes).max(0.0) / each.max(1.0);
    let gone = |event: &&flinkmem_trace::Event| event.event == EventKind::JobGone;
    let ends = picture.case.events.iter().filter(gone);
    let ends: Vec<f64> = ends.map(|event| seconds(event.up_ms)).collect();
    let mut gaps: Vec<f64> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let (low, high) = (*gaps.first()?, *gaps.last()?);
    let middle = median(&mut gaps)?;
    let passed = now_s - ends.last()?;
    let from_now = |gap: f64| (gap * left - passed).max(0.0).round();
    (gaps.len() >= GAPS).then(|| Forecast {
        exhausted_in_s: from_now(middle),
        earliest_s: from_now(low),
        latest_s: from_now(high),
    })
}

fn on_demand(picture: &MetaspacePicture<'_>) -> String {
    let pid = picture.case.header.pid;
    format!(
        "while the process lives: `flinkmem snapshot {pid} --patience 10` names what keeps each class loader of an ended job"
    )
}

/// Loaders of generated code.
fn generated(picture: &MetaspacePicture<'_>, probability: f64, class: &str) -> Finding {
    let mut facts = Vec::new();
    if let Some(found) = &picture.generations {
        let rows = &found.census.by_class;
        if let Some(row) = rows.iter().find(|row| row.class == class) {
            let text = format!(
                "{} loaders of class {class} are alive, with {} classes{}",
                row.loaders,
                row.classes,
                row.metaspace_used_bytes
                    .map_or(String::new(), |used| format!(" in {}", bytes(used)))
            );
            let at = found.census.taken.t_ms;
            facts.push(Evidence::new(text, "loaders", at, at).with_value(u64::from(row.loaders)));
        }
    }
    facts.extend(picture.met_evidence());
    Finding {
        label: Label::ClassloaderLeak,
        severity: Severity::Critical,
        confidence: two_digits(probability),
        alternatives: vec![Label::MetaspaceUndersized],
        told_ms: None,
        limit: picture.limit_claim(),
        forecast: None,
        evidence: facts,
        remedy: Remedy {
            text: format!(
                "Generated code is compiled anew, each time in a loader of class {class} of its own: compile it once and keep it, or let go of what was compiled before."
            ),
            ..Remedy::default()
        },
        collect: vec![on_demand(picture)],
        consumer: Consumer {
            kind: ConsumerKind::ClassLoader,
            name: Some(class.to_owned()),
            line: None,
            share: None,
            confidence: 0.8,
        },
    }
}

/// What a generation takes, in words; absent where it cannot be told.
pub(super) fn per_generation(picture: &MetaspacePicture<'_>) -> Option<String> {
    let found = picture.generations.as_ref()?;
    let each = found.ended_bytes? / found.ended.len().max(1) as u64;
    let limit = picture.limit?;
    let more = limit / each.max(1);
    Some(format!(
        "each ended job leaves about {}; twice the limit of {} would take {more} more of them",
        bytes(each),
        bytes(limit)
    ))
}
