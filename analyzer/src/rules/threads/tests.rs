//! Stories of threads, and which way they lean.

use super::{Leaning, Sign, ThreadPicture};
use crate::case::{Case, Moment, Outcome, OutcomeKind};
use crate::rules::Facts;
use flinkmem_trace::{
    Event, EventKind, Frame, Incident, IncidentKind, Record, Site, Taken, ThreadCensus,
    ThreadGroup, ThreadLimits, Threads,
};

const SITE: u32 = 7;

struct Story {
    case: Case,
}

impl Story {
    /// Threads that are started through these classes, the innermost first.
    fn started_by(classes: &[&str]) -> Self {
        let mut case = Case::default();
        let frame = |class: &&str| Frame {
            class: (*class).to_owned(),
            method: match class.starts_with("java") {
                true => "addWorker".to_owned(),
                false => "upload".to_owned(),
            },
            ..Frame::default()
        };
        case.sites.insert(
            SITE,
            Site {
                id: SITE,
                frames: classes.iter().map(frame).collect(),
                ..Site::default()
            },
        );
        Self { case }
    }

    fn new() -> Self {
        Self::started_by(&["com.acme.Uploader"])
    }

    fn census(&mut self, s: u64, live: u64, vanished: u64) -> &mut Self {
        let group = ThreadGroup {
            pattern: "uploader-#".to_owned(),
            live,
            appeared: live + vanished,
            vanished,
            creators: vec![SITE],
            ..ThreadGroup::default()
        };
        let up_ms = s * 1000;
        self.case
            .evidence
            .push(Record::ThreadCensus(Box::new(ThreadCensus {
                taken: Taken {
                    up_ms,
                    t_ms: i64::try_from(up_ms).unwrap(),
                    ..Taken::default()
                },
                live: live + 60,
                groups: vec![group],
                limits: ThreadLimits {
                    pids_current: Some(live + 80),
                    pids_max: Some(200),
                    ..ThreadLimits::default()
                },
                ..ThreadCensus::default()
            })));
        self.moment(s, live + 60)
    }

    fn moment(&mut self, s: u64, live: u64) -> &mut Self {
        self.case.timeline.moments.push(Moment {
            up_ms: s * 1000,
            threads: Some(Threads {
                live,
                ..Threads::default()
            }),
            ..Moment::default()
        });
        self
    }

    fn event(&mut self, s: u64, event: EventKind) -> &mut Self {
        self.case.events.push(Event {
            up_ms: s * 1000,
            event,
            ..Event::default()
        });
        self
    }

    fn refused(&mut self, s: u64) -> &mut Self {
        self.case.incidents.push(Incident {
            up_ms: s * 1000,
            id: 1,
            incident: IncidentKind::ResourceExhausted,
            message: Some("unable to create native thread".to_owned()),
            flags: Some(5),
            ..Incident::default()
        });
        self
    }

    fn leaning(&self) -> Leaning {
        let outcome = Outcome {
            kind: OutcomeKind::Unknown,
            detail: String::new(),
        };
        let facts = Facts {
            case: &self.case,
            outcome: &outcome,
            budget: None,
        };
        ThreadPicture::of(facts).leaning
    }
}

#[test]
fn threads_that_outlive_attempt_after_attempt_leak() {
    let mut story = Story::new();
    story.census(10, 0, 0);
    for attempt in 1..=4 {
        story.census(10 + attempt * 30, attempt * 12, 0);
        story.event(12 + attempt * 30, EventKind::TaskEnded);
    }
    story.census(170, 60, 0);
    let leaning = story.leaning();
    assert!(
        matches!(leaning, Leaning::Leak(_, Sign::OutliveAttempts(4))),
        "{leaning:?}"
    );
}

#[test]
fn threads_that_each_attempt_ends_are_silent() {
    let mut story = Story::new();
    story.census(10, 0, 0);
    for attempt in 1..=5 {
        story.census(10 + attempt * 30, 40 + attempt, attempt * 40);
        story.event(12 + attempt * 30, EventKind::TaskEnded);
    }
    assert!(matches!(story.leaning(), Leaning::Neither(_)));
}

#[test]
fn a_pool_that_is_opened_at_once_and_refused_is_the_limit() {
    let mut story = Story::new();
    story.census(10, 0, 0).moment(20, 60).moment(21, 180);
    story.census(21, 120, 0).refused(21);
    assert!(matches!(story.leaning(), Leaning::Limit(p) if p > 0.9));
}

#[test]
fn threads_that_rise_to_the_limit_leak_unless_a_pool_may_just_be_filling() {
    let rising = |classes: &[&str]| {
        let mut story = Story::started_by(classes);
        for s in 0..=12 {
            story.census(s * 10, s * 10, 0);
        }
        story.refused(120);
        story.leaning()
    };
    assert!(matches!(
        rising(&["com.acme.Uploader"]),
        Leaning::Leak(_, Sign::Rise)
    ));
    let pool = "java.util.concurrent.ThreadPoolExecutor";
    assert!(matches!(
        rising(&[pool, "com.acme.Uploader"]),
        Leaning::Limit(p) if p < 0.8
    ));
}

#[test]
fn flinks_own_threads_are_not_looked_at() {
    let mut story = Story::started_by(&["org.apache.flink.runtime.taskmanager.Task"]);
    for s in 0..=12 {
        story.census(s * 10, s * 10, 0);
    }
    assert!(matches!(story.leaning(), Leaning::Neither(_)));
}

#[test]
fn a_few_threads_are_no_leak() {
    let mut story = Story::new();
    for s in 0..=12 {
        story.census(s * 30, s, 0);
        story.event(s * 30 + 1, EventKind::TaskEnded);
    }
    assert!(matches!(story.leaning(), Leaning::Neither(_)));
}

#[test]
fn a_refusal_without_a_census_names_the_limit_only() {
    let mut story = Story::new();
    story.moment(1, 60).refused(2);
    assert!(matches!(story.leaning(), Leaning::NotEnoughData(_)));
}

#[test]
fn threads_that_nobody_is_known_to_start_are_no_leak_before_the_limit() {
    let mut story = Story::new();
    story.case.sites.clear();
    story.census(10, 0, 0);
    for attempt in 1..=5 {
        story.census(10 + attempt * 30, attempt * 12, 0);
        story.event(12 + attempt * 30, EventKind::TaskEnded);
    }
    assert!(matches!(story.leaning(), Leaning::Neither(_)));
}
