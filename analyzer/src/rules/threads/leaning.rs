//! Do threads leak, or are they too many for the limit? Weighed here, once, for both rules.

use super::{Group, ThreadPicture};
use crate::case::{Case, seconds};
use crate::rules::metaspace::running_jobs;
use crate::statistics::{Growth, Point, Shape, growth};
use flinkmem_trace::{Event, EventKind};

/// Which way the evidence leans, with its probability.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::rules) enum Leaning {
    /// Threads never end.
    Leak(f64, Sign),
    /// More threads are wanted than are allowed.
    Limit(f64),
    /// Neither, because of that.
    Neither(String),
    /// It cannot be told.
    NotEnoughData(String),
}

/// What shows that threads leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Sign {
    /// They outlive the attempts or jobs that started them, so many of which ended.
    OutliveAttempts(usize),
    /// They outlive the job that started more and more of them.
    OutliveJob,
    /// They go on to rise while the job runs.
    Rise,
}

/// Fewer threads do no harm, and a job that leaves one behind is told by its class loader.
const MANY: u64 = 20;

/// Of threads that leak hardly any ends.
const HARDLY_ANY: f64 = 0.1;

/// So many ends of attempts or jobs, and censuses with more threads each, are no coincidence.
const SEVERAL: usize = 3;

/// More threads than pools with a bound have.
const MORE_THAN_POOLS: u64 = 200;

/// A job that has just ended may still be ending its threads.
const RESTED_MS: u64 = 2_000;

/// Growth over less time is a warm-up: pools fill when a job starts.
const WARM_UP_S: f64 = 60.0;

/// On the way to a limit that was met: a pool that is opened takes less.
const GRADUAL_S: f64 = 8.0;

pub(super) fn of(picture: &ThreadPicture<'_>) -> Leaning {
    if picture.census.is_none() {
        return match picture.failed() {
            true => Leaning::NotEnoughData(
                "a thread was refused, and no census of threads was taken".to_owned(),
            ),
            false => Leaning::Neither("threads did not come or go".to_owned()),
        };
    }
    if let Some((probability, sign)) = leak(picture) {
        return Leaning::Leak(probability, sign);
    }
    if picture.failed() {
        return Leaning::Limit(match picture.limit.max() {
            Some(_) if is_filled_slowly(picture) => 0.65,
            Some(_) => 0.93,
            None => 0.6,
        });
    }
    Leaning::Neither(match &picture.main {
        Some(main) if main.grown >= MANY => format!(
            "threads {} rose by {}, which may be a pool that fills",
            main.pattern(),
            main.grown
        ),
        _ => "the number of threads did not rise by much".to_owned(),
    })
}

/// A pool that fills up slowly looks like a leak until it is full.
fn is_filled_slowly(picture: &ThreadPicture<'_>) -> bool {
    let rises = picture.main.as_ref().map_or(0, Group::rises);
    rises >= 2 && climb_s(picture.case, picture).is_some_and(|s| s >= GRADUAL_S)
}

fn leak(picture: &ThreadPicture<'_>) -> Option<(f64, Sign)> {
    let main = picture.main.as_ref()?;
    if main.grown < MANY || main.ended_share() > HARDLY_ANY {
        return None;
    }
    // Before any limit a leak needs somebody who leaks.
    let creator = main.creator(picture.case);
    if creator.is_none() && !picture.failed() {
        return None;
    }
    let ends = ends_since(picture, main);
    if ends >= SEVERAL && main.rises() >= SEVERAL {
        return Some((0.95, Sign::OutliveAttempts(ends)));
    }
    // The executors of the JDK mostly have a bound, and fill up to it.
    let by_pool = creator.is_some_and(|creator| creator.by_pool);
    let fills = by_pool && main.grown < MORE_THAN_POOLS;
    if picture.failed() {
        let gradual = main.rises() >= 2 && climb_s(picture.case, picture)? >= GRADUAL_S;
        return (gradual && !fills).then_some((0.88, Sign::Rise));
    }
    if main.rises() < SEVERAL || fills {
        return None;
    }
    if outlives_its_job(picture) {
        return Some((0.9, Sign::OutliveJob));
    }
    let growth = total_growth(picture)?;
    let goes_on = growth.shape == Shape::Steady && growth.trend.span_s >= WARM_UP_S;
    goes_on.then_some((0.85, Sign::Rise))
}

/// Whether no job runs any more, and some time has passed since.
fn outlives_its_job(picture: &ThreadPicture<'_>) -> bool {
    let Some(taken) = picture.census.map(|census| census.taken) else {
        return false;
    };
    let gone = |event: &&Event| event.event == EventKind::JobGone && event.up_ms <= taken.up_ms;
    let last = picture.case.events.iter().rev().find(gone);
    let rested = last.is_some_and(|last| taken.up_ms.saturating_sub(last.up_ms) >= RESTED_MS);
    rested && running_jobs(picture.case, taken.up_ms) == Some(0)
}

/// Ends of attempts after the first of these threads was seen.
fn ends_since(picture: &ThreadPicture<'_>, main: &Group<'_>) -> usize {
    let first_seen = main.history.iter().find(|(_, live)| *live > 0);
    let from_ms = first_seen.map_or(u64::MAX, |(up_ms, _)| *up_ms);
    // One that ended between two censuses may have started the first of them.
    let before = main
        .history
        .iter()
        .rev()
        .find(|(up_ms, _)| *up_ms < from_ms);
    let from_ms = before.map_or(0, |(up_ms, _)| *up_ms);
    let ends = picture.ends.iter();
    ends.filter(|end| **end >= from_ms).count()
}

/// Growth of all threads of the JVM since the main group was first seen.
pub(in crate::rules) fn total_growth(picture: &ThreadPicture<'_>) -> Option<Growth> {
    growth(&points(picture))
}

/// All threads of the JVM over time, since the main group was first seen.
pub(in crate::rules) fn points(picture: &ThreadPicture<'_>) -> Vec<Point> {
    let main = picture.main.as_ref();
    let first = main.and_then(|main| main.history.iter().find(|(_, live)| *live > 0));
    let from_ms = first.map_or(0, |(up_ms, _)| *up_ms);
    let moments = &picture.case.timeline.moments;
    let from = moments.partition_point(|moment| moment.up_ms < from_ms);
    moments[from..]
        .iter()
        .filter_map(|moment| {
            let live = moment.threads?.live;
            Some(Point::new(seconds(moment.up_ms), live as f64))
        })
        .collect()
}

/// How long the last three quarters of the way to the refusal took.
fn climb_s(case: &Case, picture: &ThreadPicture<'_>) -> Option<f64> {
    let first = picture.refused.first()?;
    let moments = case.timeline.until(first);
    let live = |moment: &crate::case::Moment| Some(moment.threads?.live);
    let top = moments.iter().filter_map(live).max()?;
    let grown = picture.main.as_ref()?.grown.min(top);
    let level = top - grown / 4 * 3;
    let begin = moments
        .iter()
        .rev()
        .find(|moment| live(moment) < Some(level))?;
    Some(seconds(first.up_ms) - seconds(begin.up_ms))
}
