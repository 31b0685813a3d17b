//! Do threads leak, or are they too many for the limit? Weighed here, once, for both rules.

use super::{Group, ThreadPicture};
use crate::case::{Case, seconds};
use crate::statistics::{Growth, Point, Shape, growth};

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
    /// They go on to rise while the job runs.
    Rise,
}

/// Fewer threads do no harm, and a job that leaves one behind is told by its class loader.
const MANY: u64 = 20;

/// Of threads that leak hardly any ends.
const HARDLY_ANY: f64 = 0.1;

/// So many ends of attempts or jobs, and censuses with more threads each, are no coincidence.
const SEVERAL: usize = 3;

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

fn leak(picture: &ThreadPicture<'_>) -> Option<(f64, Sign)> {
    let main = picture.main.as_ref()?;
    if main.grown < MANY || main.ended_share() > HARDLY_ANY {
        return None;
    }
    let ends = ends_since(picture, main);
    if ends >= SEVERAL && main.rises() >= SEVERAL {
        return Some((0.95, Sign::OutliveAttempts(ends)));
    }
    if picture.failed() {
        let gradual = main.rises() >= 2 && climb_s(picture.case, picture)? >= GRADUAL_S;
        let by_pool = main.creator(picture.case).is_some_and(|creator| creator.by_pool);
        return (gradual && !by_pool).then_some((0.88, Sign::Rise));
    }
    let growth = total_growth(picture)?;
    let goes_on = matches!(growth.shape, Shape::Steady)
        && growth.trend.span_s >= WARM_UP_S
        && growth.trend.rise() <= 2.0 * main.grown as f64;
    let by_pool = main.creator(picture.case).is_some_and(|creator| creator.by_pool);
    (goes_on && main.rises() >= SEVERAL && !by_pool).then_some((0.85, Sign::Rise))
}

/// Ends of attempts after the first of these threads was seen.
fn ends_since(picture: &ThreadPicture<'_>, main: &Group<'_>) -> usize {
    let first_seen = main.history.iter().find(|(_, live)| *live > 0);
    let from_ms = first_seen.map_or(u64::MAX, |(up_ms, _)| *up_ms);
    // One that ended between two censuses may have started the first of them.
    let before = main.history.iter().rev().find(|(up_ms, _)| *up_ms < from_ms);
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
    let begin = moments.iter().rev().find(|moment| live(moment) < Some(level))?;
    Some(seconds(first.up_ms) - seconds(begin.up_ms))
}
