//! Stories of errors and what came after them.

use crate::case::{Case, Moment, Outcome, OutcomeKind};
use crate::finding::{Finding, Severity};
use crate::rules::{Answer, Facts};
use flinkmem_trace::{Cpu, Event, EventKind, Frame, Incident, IncidentKind};

/// A process that is busy for a minute, and the seconds after an error.
struct Story {
    case: Case,
}

impl Story {
    /// `after_s` seconds in which it uses so much of a processor.
    fn lived(after_s: u64, after: f64) -> Self {
        let mut case = Case::default();
        let mut process_us = 0.0;
        for s in 0..=60 + after_s {
            process_us += 1e6 * if s < 60 { 0.8 } else { after };
            case.timeline.moments.push(Moment {
                up_ms: s * 1000,
                cpu: Some(Cpu {
                    process_us: crate::units::to_bytes(process_us),
                    ..Cpu::default()
                }),
                ..Moment::default()
            });
        }
        Self { case }
    }

    fn error(mut self, s: u64, thread: &str, class: &str, message: &str) -> Self {
        let frame = Frame {
            class: class.to_owned(),
            method: "run".to_owned(),
            ..Frame::default()
        };
        let id = u32::try_from(self.case.incidents.len()).unwrap() + 1;
        self.case.incidents.push(Incident {
            up_ms: s * 1000,
            id,
            incident: IncidentKind::ResourceExhausted,
            thread: Some(thread.to_owned()),
            frames: vec![frame],
            message: Some(message.to_owned()),
            flags: Some(if message == "Metaspace" { 1 } else { 3 }),
            ..Incident::default()
        });
        self
    }

    fn event(mut self, s: u64, event: EventKind) -> Self {
        self.case.events.push(Event {
            up_ms: s * 1000,
            event,
            ..Event::default()
        });
        self
    }

    fn answer(&self) -> Answer {
        let outcome = Outcome {
            kind: OutcomeKind::Unknown,
            detail: String::new(),
        };
        super::check(Facts {
            case: &self.case,
            outcome: &outcome,
            budget: None,
        })
    }

    fn found(&self) -> Finding {
        match self.answer() {
            Answer::Fires(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    fn is_silent(&self) -> bool {
        matches!(self.answer(), Answer::DoesNotFire(_))
    }
}

const TASK: &str = "Map (1/1)#0";

#[test]
fn an_error_that_is_caught_in_a_task_that_hangs_is_found() {
    for message in ["Metaspace", "Java heap space"] {
        let story = Story::lived(40, 0.02).error(60, TASK, "com.acme.Planner", message);
        let finding = story.found();
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(
            finding.consumer.name.as_deref(),
            Some("com.acme.Planner.run")
        );
        assert!(finding.confidence > 0.9, "{finding:?}");
    }
}

#[test]
fn a_task_that_fails_as_it_should_is_silent() {
    let story = Story::lived(40, 0.02).error(60, TASK, "com.acme.Planner", "Java heap space");
    assert!(story.event(61, EventKind::TaskEnded).is_silent());
}

#[test]
fn a_job_that_works_on_after_a_full_heap_is_silent() {
    let story = Story::lived(40, 0.8).error(60, TASK, "com.acme.Planner", "Java heap space");
    assert!(story.is_silent());
}

#[test]
fn a_process_that_ends_soon_is_silent() {
    assert!(
        Story::lived(5, 0.02)
            .error(60, TASK, "com.acme.Planner", "Metaspace")
            .is_silent()
    );
}

#[test]
fn a_process_that_cannot_end_is_told_after_its_limit() {
    let mut story = Story::lived(60, 0.02);
    for thread in [TASK, "flink-pekko-2", "flink-metrics-3", TASK] {
        story = story.error(
            60,
            thread,
            "org.apache.flink.runtime.taskmanager.Task",
            "Metaspace",
        );
    }
    assert_eq!(story.found().severity, Severity::Warning);
}

#[test]
fn checkpoints_that_stop_show_that_it_hangs() {
    let mut story = Story::lived(40, 0.8).error(60, TASK, "com.acme.Planner", "Metaspace");
    for s in [30, 40, 50] {
        story = story.event(s, EventKind::Checkpoint);
    }
    let finding = story.found();
    let told = finding
        .evidence
        .iter()
        .any(|fact| fact.signal == "checkpoint");
    assert!(told && finding.confidence > 0.9, "{finding:?}");
}
