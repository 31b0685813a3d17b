//! Leak, or too small? Weighed here, once, for both rules.

use super::{Generations, MetaspacePicture};
use crate::case::{Moment, seconds};
use flinkmem_trace::{Loaders, PathOutcome, RootPath};

/// Which way the evidence leans, with its probability.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::rules) enum Leaning {
    /// Loaders of ended jobs are kept.
    Leak(f64),
    /// Loaders that are no job's own multiply: those of generated code. Their class.
    Generated(f64, String),
    /// The classes of the jobs present need more.
    Undersized(f64),
    /// Neither, because of that.
    Neither(String),
    /// It cannot be told.
    NotEnoughData(String),
}

/// Loaders of ended jobs that hold less than this share of metaspace did not fill it.
const MATTERS: f64 = 0.15;

/// So many loaders of ended jobs alive at one time are no coincidence, before the limit is met. A session cluster always has the one
/// or two of jobs that have just ended.
const SEVERAL: usize = 3;

/// Of those, so many must be known to be held by strong references.
const EXPLAINED: usize = 2;

/// A leak keeps what it keeps: where more than this share of loaders of ended jobs was collected, something lets go of them.
const MOST_COLLECTED: f64 = 0.2;

/// HotSpot keeps softly reachable objects for a second per MiB of free heap (`SoftRefLRUPolicyMSPerMB`), and the JDK's serialization
/// refers to classes softly.
const SOFT_S_PER_MIB: f64 = 1.0;

/// Growth of loaders of one class that is no job's: fewer are plugins.
const GENERATED: u32 = 20;

pub(super) fn of(picture: &MetaspacePicture<'_>) -> Leaning {
    let Some(generations) = &picture.generations else {
        return match picture.failed() {
            true => Leaning::NotEnoughData(
                "metaspace was exhausted, and no census of class loaders was taken".to_owned(),
            ),
            false => Leaning::Neither("class loaders did not come or go".to_owned()),
        };
    };
    match picture.failed() {
        true => at_the_limit(picture, generations),
        false => before(picture, generations),
    }
}

/// A full collection ran before the error: what is alive is strongly reachable.
fn at_the_limit(picture: &MetaspacePicture<'_>, generations: &Generations<'_>) -> Leaning {
    let kept = kept(picture, generations);
    let matters = generations
        .ended_share(picture.case)
        .is_none_or(|share| share >= MATTERS);
    if kept > 0 && matters {
        let explained = picture.explained();
        return Leaning::Leak(match (kept, explained) {
            (3.., 1..) => 0.97,
            (2, 1..) => 0.95,
            (1, 1..) => 0.88,
            (3.., 0) => 0.92,
            (2, 0) => 0.85,
            _ => 0.65,
        });
    }
    if let Some(class) = generated(picture) {
        return Leaning::Generated(0.65, class);
    }
    let collected = generations.collected > 0 || generations.jobs_seen <= 1;
    Leaning::Undersized(match (kept, collected) {
        (0, true) => 0.92,
        (0, false) => 0.85,
        _ => 0.7,
    })
}

/// Loaders of ended jobs, less those for which no strong path was found.
fn kept(picture: &MetaspacePicture<'_>, generations: &Generations<'_>) -> usize {
    let unreachable = |id: u32| {
        let paths = picture.case.evidence.all::<RootPath>();
        let mut of_loader = paths.filter(|path| path.target_loader == Some(id));
        of_loader
            .next_back()
            .is_some_and(|path| path.outcome == PathOutcome::Unreachable)
    };
    let kept = generations
        .ended
        .iter()
        .filter(|loader| !loader.id.is_some_and(unreachable));
    kept.count()
}

/// Before: what was not collected so far may be garbage, so only paths count, or time.
fn before(picture: &MetaspacePicture<'_>, generations: &Generations<'_>) -> Leaning {
    let ended = generations.ended.len();
    if ended < SEVERAL {
        return Leaning::Neither(match ended {
            0 => "no class loader of an ended job is alive".to_owned(),
            few => format!("class loaders of ended jobs that are alive: {few}, which is usual"),
        });
    }
    let collected = generations.collected as f64 / generations.ever_ended.max(1) as f64;
    if collected > MOST_COLLECTED {
        return Leaning::Neither(format!(
            "class loaders of ended jobs are collected: {} of {} so far",
            generations.collected, generations.ever_ended
        ));
    }
    let explained = picture.explained();
    let last_ms = generations.census.taken.up_ms;
    let stays = generations.ended_since_ms < last_ms;
    if explained >= EXPLAINED && stays {
        return Leaning::Leak(if explained >= SEVERAL { 0.92 } else { 0.88 });
    }
    if outlived_soft_references(picture, generations) {
        return Leaning::Leak(0.75);
    }
    Leaning::Neither(format!(
        "{ended} class loaders of ended jobs are alive, and may be garbage that no collection has looked at"
    ))
}

/// Whether classes were unloaded after the oldest had been over for longer than soft references live.
fn outlived_soft_references(picture: &MetaspacePicture<'_>, generations: &Generations<'_>) -> bool {
    let timeline = &picture.case.timeline;
    let Some(free) = timeline.last(|moment| {
        let heap = moment.heap?;
        Some(
            heap.max_bytes
                .saturating_sub(heap.after_gc_bytes.unwrap_or(0)),
        )
    }) else {
        return false;
    };
    let lives_s = free as f64 / f64::from(1 << 20) * SOFT_S_PER_MIB;
    let from_s = seconds(generations.ended_since_ms) + lives_s;
    let until_ms = generations.census.taken.up_ms;
    let unloaded = |moment: &Moment| Some(moment.classes?.unloaded);
    let at = |wanted: &dyn Fn(&&Moment) -> bool| {
        let found = timeline.moments.iter().find(wanted);
        found.and_then(unloaded)
    };
    let then = at(&|moment| seconds(moment.up_ms) >= from_s && unloaded(moment).is_some());
    let now = timeline.at_or_before(until_ms).and_then(unloaded);
    then.zip(now).is_some_and(|(then, now)| now > then)
}

/// A class of loaders that multiplied and holds a part of metaspace that matters, and is neither a job's nor the JDK's.
fn generated(picture: &MetaspacePicture<'_>) -> Option<String> {
    let generations = picture.generations.as_ref()?;
    let first = picture.case.evidence.all::<Loaders>().next()?;
    let of_jdk = |class: &str| {
        class == "boot"
            || ["jdk.", "java.", "sun."]
                .iter()
                .any(|prefix| class.starts_with(prefix))
    };
    let before = |class: &str| {
        let row = first.by_class.iter().find(|row| row.class == class);
        row.map_or(0, |row| row.loaders)
    };
    let classes = f64::from(generations.census.classes.max(1));
    generations
        .census
        .by_class
        .iter()
        .filter(|row| !of_jdk(&row.class) && !super::is_of_job(&row.class))
        .filter(|row| row.loaders >= before(&row.class).saturating_add(GENERATED))
        .filter(|row| {
            let used = row.metaspace_used_bytes.zip(picture.limit);
            let share = used.map_or(f64::from(row.classes) / classes, |(used, limit)| {
                used as f64 / limit.max(1) as f64
            });
            share >= MATTERS
        })
        .max_by_key(|row| row.classes)
        .map(|row| row.class.clone())
}
