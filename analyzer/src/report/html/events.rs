//! What happened beside the samples, as marks on the timeline: incidents, long pauses, jobs, tasks, restarts, checkpoints.

use crate::case::Case;
use crate::units::bytes;
use flinkmem_trace::{Event, EventKind, Incident, IncidentKind, Pause};
use serde::Serialize;
use std::collections::BTreeMap;

/// One mark, or several of a kind that lie too close to be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Mark {
    /// Milliseconds since the agent started.
    pub(super) up_ms: u64,
    /// Its lane.
    pub(super) lane: Lane,
    /// What it is, in a few words.
    pub(super) what: &'static str,
    /// What is known of it.
    pub(super) text: String,
    /// How many this stands for.
    pub(super) count: u64,
    /// The weightiest of several is shown.
    #[serde(skip)]
    weight: u64,
}

/// Lanes, from top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lane {
    /// Limits that were met.
    Incident,
    /// Long stops for collections.
    Pause,
    /// Jobs that came and went.
    Job,
    /// Tasks and jobs that were started anew.
    Restart,
    /// Tasks that were started and ended.
    Task,
    /// Checkpoints.
    Checkpoint,
}

/// A pause that somebody notices.
const LONG_PAUSE_US: u64 = 100_000;
/// Marks that a lane may have: as many as can be told apart on a wide screen.
const MOST_MARKS: u64 = 250;

/// All marks in the order of time, thinned by lane.
pub(super) fn marks(case: &Case) -> Vec<Mark> {
    let incidents = case.incidents.iter().map(of_incident);
    let pauses = case
        .evidence
        .all::<Pause>()
        .filter(|pause| pause.duration_us >= LONG_PAUSE_US)
        .map(of_pause);
    let events = case.events.iter().filter_map(of_event);
    thinned(incidents.chain(pauses).chain(events).collect())
}

fn thinned(all: Vec<Mark>) -> Vec<Mark> {
    let times = || all.iter().map(|mark| mark.up_ms);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return all;
    };
    let piece = (last - first) / MOST_MARKS + 1;
    let mut kept: BTreeMap<(Lane, &'static str, u64), Mark> = BTreeMap::new();
    let mut crowded: BTreeMap<Lane, u64> = BTreeMap::new();
    for mark in &all {
        *crowded.entry(mark.lane).or_default() += 1;
    }
    let mut marks = Vec::new();
    for mark in all {
        if crowded.get(&mark.lane).is_none_or(|n| *n <= MOST_MARKS) {
            marks.push(mark);
            continue;
        }
        let key = (mark.lane, mark.what, (mark.up_ms - first) / piece);
        match kept.get_mut(&key) {
            Some(known) => {
                let count = known.count + mark.count;
                if mark.weight > known.weight {
                    *known = mark;
                }
                known.count = count;
            }
            None => {
                kept.insert(key, mark);
            }
        }
    }
    marks.extend(kept.into_values());
    marks.sort_by_key(|mark| (mark.up_ms, mark.lane));
    marks
}

fn of_incident(incident: &Incident) -> Mark {
    let what = match incident.incident {
        IncidentKind::DirectSlowPath => "direct memory did not fit",
        IncidentKind::OutOfMemoryError => "OutOfMemoryError",
        IncidentKind::ResourceExhausted => "resource exhausted",
    };
    let asked = incident
        .requested_bytes
        .map(|size| format!("asked for {}", bytes(size)));
    let thread = incident
        .thread
        .as_ref()
        .map(|thread| format!("thread \"{thread}\""));
    let parts = [thread, asked, incident.message.clone()];
    Mark {
        up_ms: incident.up_ms,
        lane: Lane::Incident,
        what,
        text: joined(parts),
        count: incident.suppressed.saturating_add(1),
        weight: u64::from(incident.incident != IncidentKind::DirectSlowPath),
    }
}

fn of_pause(pause: &Pause) -> Mark {
    let length = format!("{} ms", pause.duration_us / 1000);
    Mark {
        up_ms: pause.up_ms,
        lane: Lane::Pause,
        what: "pause",
        text: joined([Some(length), pause.cause.clone(), pause.collector.clone()]),
        count: 1,
        weight: pause.duration_us,
    }
}

fn of_event(event: &Event) -> Option<Mark> {
    let (lane, what) = match event.event {
        EventKind::JobSeen => (Lane::Job, "job seen"),
        EventKind::JobGone => (Lane::Job, "job gone"),
        EventKind::Restart => (Lane::Restart, "restart"),
        EventKind::TaskStarted => (Lane::Task, "tasks started"),
        EventKind::TaskEnded => (Lane::Task, "tasks ended"),
        EventKind::Checkpoint => (Lane::Checkpoint, "checkpoint"),
        _ => return None,
    };
    let number = event.number.map(|number| match event.event {
        EventKind::TaskStarted | EventKind::TaskEnded => format!("{number} of them"),
        _ => format!("number {number}"),
    });
    let job = event.job.as_ref().map(|job| format!("job {job}"));
    Some(Mark {
        up_ms: event.up_ms,
        lane,
        what,
        text: joined([number, event.message.clone(), job]),
        count: 1,
        weight: event.number.unwrap_or(0),
    })
}

fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(up_ms: u64) -> Event {
        Event {
            up_ms,
            event: EventKind::Checkpoint,
            number: Some(up_ms / 1000),
            ..Event::default()
        }
    }

    #[test]
    fn a_crowded_lane_is_thinned_and_says_how_many_a_mark_stands_for() {
        let restart = Event {
            up_ms: 50_000_000,
            event: EventKind::Restart,
            ..Event::default()
        };
        let mut case = Case {
            events: (0..8_640).map(|n| checkpoint(n * 10_000)).collect(),
            ..Case::default()
        };
        case.events.push(restart);
        let marks = marks(&case);
        assert!(marks.len() <= 252, "{}", marks.len());
        let total: u64 = marks.iter().map(|mark| mark.count).sum();
        assert_eq!(total, 8_641);
        assert_eq!(marks.iter().filter(|m| m.lane == Lane::Restart).count(), 1);
    }

    #[test]
    fn the_longest_pause_of_a_crowd_stays() {
        let mut case = Case::default();
        for n in 0..2_000_u64 {
            let us = if n == 777 { 9_000_000 } else { 150_000 };
            case.evidence.push(flinkmem_trace::Record::Pause(Pause {
                up_ms: n * 1000,
                duration_us: us,
                ..Pause::default()
            }));
        }
        let marks = marks(&case);
        assert!(marks.iter().any(|mark| mark.text == "9000 ms"));
        assert!(marks.len() <= 251, "{}", marks.len());
    }
}
