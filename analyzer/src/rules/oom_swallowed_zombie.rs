//! `oom_swallowed_zombie`: an error after which the task fails or Flink ends the process, and both live on.

mod by_trace;
#[cfg(test)]
mod tests;

pub(super) use by_trace::check;

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Evidence, Label, Severity};
use crate::lines::{Fact, Told};
use crate::units::{day_and_time, duration};

/// Ending takes a while: tasks are cancelled, hooks run.
const TIME_TO_END_MS: i64 = 60_000;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    // After an error of the heap or of direct memory a TaskManager is meant to live on; not after one of metaspace.
    let fatal = |fact: &Fact| matches!(fact, Fact::MetaspaceExhausted(_));
    let Some((told, last)) = words
        .all(fatal)
        .find_map(|told| Some((told, outlived(words, told)?)))
    else {
        return no_line();
    };
    let since = last.saturating_sub(told.t_ms.unwrap_or(last));
    let text = format!(
        "the process still logs {} later, at {}, and no line says that it ends",
        duration(since as f64 / 1000.0),
        day_and_time(last)
    );
    words.fires(Claim {
        severity: Severity::Warning,
        evidence: vec![Evidence::told(text, told.t_ms, Some(last))],
        remedy: in_words(
            "Let the process end, so that another takes its place: taskmanager.jvm-exit-on-oom: true, or -XX:+ExitOnOutOfMemoryError in env.java.opts.taskmanager.",
        ),
        ..Claim::new(Label::OomSwallowedZombie, 0.75, ("metaspace", 0.98), told)
    })
}

/// The last time of the log, if the process that failed is the one that still writes.
fn outlived(words: &Words<'_>, told: &Told) -> Option<i64> {
    let at = told.t_ms?;
    let source = words.case.sources.get(told.source)?;
    let (_, last) = source.times?;
    let began_anew = source.started_ms.is_some_and(|started| started > at);
    let source_index = told.source;
    let mut all = words.case.told.iter().map(|(told, _)| told);
    let ended = all.any(|other| {
        let ends = matches!(other.fact, Fact::FlinkEnds | Fact::EndedByOutOfMemory);
        ends && other.source == source_index && other.t_ms >= Some(at)
    });
    (last.saturating_sub(at) >= TIME_TO_END_MS && !began_anew && !ended).then_some(last)
}
