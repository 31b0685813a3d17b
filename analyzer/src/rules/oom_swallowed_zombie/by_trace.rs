//! By what a trace shows: the error, the time that the process lived after it, and the tasks that went on.
//!
//! Two cases. Somebody's code caught the error: it is thrown once or twice, in one thread, the task lives on and does nothing any more.
//! That is the finding, and the limit that was met once is beside it. Or Flink meant to end the process and could not, for ending itself
//! needs classes: then the limit is what matters, and this comes after it.

use super::super::{Answer, Facts, metaspace};
use crate::case::{Case, Moment, Origin, OutcomeKind, seconds};
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Remedy, Severity, two_digits,
};
use crate::units::{duration, time_of_day};
use flinkmem_trace::{EventKind, Incident, IncidentKind};

/// Cancelling tasks and running hooks takes less.
const OUTLIVED_S: f64 = 20.0;

/// Ending a process whose classes are not to be loaded takes longer: Flink halts it after a while.
const OUTLIVED_ENDING_S: f64 = 30.0;

/// An error that was caught is not thrown again and again.
const CAUGHT_S: f64 = 5.0;
const CAUGHT_TIMES: usize = 3;

/// A process that uses less than this share of the processor time that it used before has stopped working.
const IDLE: f64 = 0.25;

/// JVMTI's flag of an incident of the Java heap.
const HEAP: u32 = 2;

pub(in crate::rules) fn check(facts: Facts<'_>) -> Answer {
    let case = facts.case;
    let fatal = |incident: &&Incident| limit_of(incident).is_some();
    let met: Vec<&Incident> = case.incidents.iter().filter(fatal).collect();
    let Some(first) = met.first().copied() else {
        return Answer::DoesNotFire("no error that ends a process or a task".to_owned());
    };
    let Some(last) = case.timeline.moments.last() else {
        return Answer::DoesNotFire("nothing is known of what came after".to_owned());
    };
    let lived_s = seconds(last.up_ms) - seconds(first.up_ms);
    if lived_s < OUTLIVED_S || facts.outcome.kind == OutcomeKind::JavaOom {
        return Answer::DoesNotFire(format!(
            "the process lived no longer than {} after the error",
            duration(lived_s.max(0.0))
        ));
    }
    if task_ended(case, first) {
        return Answer::DoesNotFire("the task failed, as it should".to_owned());
    }
    let life = Life {
        case,
        first,
        lived_s,
    };
    if was_caught(&met) {
        return match life.signs_of_hanging() {
            hanging if hanging.is_empty() && limit_of(first) != Some("metaspace") => {
                Answer::DoesNotFire("the error was caught, and the job works on".to_owned())
            }
            hanging => Answer::Fires(Box::new(life.caught(hanging))),
        };
    }
    let ends_process = metaspace::is_exhausted(first);
    if ends_process && lived_s >= OUTLIVED_ENDING_S {
        return Answer::Fires(Box::new(life.could_not_end()));
    }
    Answer::DoesNotFire("the error was thrown in many threads; nobody swallowed it".to_owned())
}

/// Name of the limit that an error is about, if it is one after which a task or the process ends.
fn limit_of(incident: &Incident) -> Option<&'static str> {
    if incident.incident != IncidentKind::ResourceExhausted {
        return None;
    }
    if metaspace::is_exhausted(incident) {
        return Some("metaspace");
    }
    let of_heap = incident.flags.is_some_and(|flags| flags & HEAP != 0);
    of_heap.then_some("heap")
}

/// Whether a task or a job ended, or began anew, because of it.
fn task_ended(case: &Case, first: &Incident) -> bool {
    let ends = |event: EventKind| {
        matches!(
            event,
            EventKind::TaskEnded | EventKind::Restart | EventKind::JobGone
        )
    };
    let mut after = case
        .events
        .iter()
        .filter(|event| event.up_ms >= first.up_ms);
    after.any(|event| ends(event.event))
}

/// Thrown a few times in short time by one thread, which runs somebody's code.
fn was_caught(met: &[&Incident]) -> bool {
    let (Some(first), Some(last)) = (met.first(), met.last()) else {
        return false;
    };
    let times: u64 = met.iter().map(|one| one.suppressed + 1).sum();
    let soon = seconds(last.up_ms) - seconds(first.up_ms) <= CAUGHT_S;
    let one_thread = met.iter().all(|one| one.thread == first.thread);
    soon && one_thread && times <= CAUGHT_TIMES as u64 && catcher(first).is_some()
}

/// The method of somebody's code in whose call the error was thrown.
fn catcher(incident: &Incident) -> Option<&flinkmem_trace::Frame> {
    let of_user = |frame: &&flinkmem_trace::Frame| Origin::of(frame) == Origin::User;
    incident.frames.iter().find(of_user)
}

/// A process after its error.
struct Life<'a> {
    case: &'a Case,
    first: &'a Incident,
    lived_s: f64,
}

impl Life<'_> {
    fn caught(&self, hanging: Vec<Evidence>) -> Finding {
        let confidence = if hanging.is_empty() { 0.8 } else { 0.93 };
        let frame = catcher(self.first);
        let consumer = frame.map_or_else(Consumer::unknown, |frame| Consumer {
            kind: ConsumerKind::CallSite,
            name: Some(frame.qualified()),
            line: frame.line,
            share: None,
            confidence: 0.85,
        });
        let name = consumer.name.clone().unwrap_or_default();
        let mut evidence = vec![
            self.error(),
            self.outlived("its task runs on, in the same attempt"),
        ];
        evidence.extend(hanging);
        let text = format!(
            "Let the error go: what catches Throwable or Error around {name} must throw an OutOfMemoryError again. So that no error of this kind is lost, let it end the process: taskmanager.jvm-exit-on-oom: true, or -XX:+ExitOnOutOfMemoryError in env.java.opts.taskmanager. Then restart this one."
        );
        self.finding(Severity::Critical, confidence, consumer, evidence, text)
    }

    fn could_not_end(&self) -> Finding {
        let evidence = vec![
            self.error(),
            self.outlived("no task was ended or restarted"),
        ];
        let text = "Restart the process: it lives, but its tasks do not. So that it ends by itself: -XX:+ExitOnOutOfMemoryError in env.java.opts.taskmanager, for Flink's own way out needs classes that no longer fit.";
        self.finding(
            Severity::Warning,
            0.8,
            Consumer::unknown(),
            evidence,
            text.to_owned(),
        )
    }

    fn finding(
        &self,
        severity: Severity,
        confidence: f64,
        consumer: Consumer,
        evidence: Vec<Evidence>,
        text: String,
    ) -> Finding {
        Finding {
            label: Label::OomSwallowedZombie,
            severity,
            confidence: two_digits(confidence),
            alternatives: Vec::new(),
            told_ms: None,
            limit: LimitClaim {
                name: limit_of(self.first).unwrap_or("none"),
                confidence: None,
                bytes: self.limit_bytes(),
                peak: None,
                reached: true,
            },
            forecast: None,
            evidence,
            remedy: Remedy {
                text,
                ..Remedy::default()
            },
            collect: Vec::new(),
            consumer,
        }
    }

    fn limit_bytes(&self) -> Option<u64> {
        let of_heap = limit_of(self.first) == Some("heap");
        self.case.timeline.last(|moment| match of_heap {
            true => Some(moment.heap?.max_bytes),
            false => moment.metaspace?.max_bytes,
        })
    }

    fn error(&self) -> Evidence {
        let first = self.first;
        let message = first.message.as_deref().unwrap_or("no message");
        let thread = first.thread.as_deref().unwrap_or("unknown");
        let asked = catcher(first).map_or(String::new(), |frame| {
            format!(", asked for by {}", frame.qualified())
        });
        let text = format!(
            "OutOfMemoryError: {message} at {} in thread \"{thread}\"{asked}",
            time_of_day(first.t_ms)
        );
        Evidence::new(text, "resource_exhausted", first.t_ms, first.t_ms)
    }

    fn outlived(&self, what: &str) -> Evidence {
        let last = self.case.timeline.moments.last();
        let until = last.map_or(self.first.t_ms, |last| last.t_ms);
        let text = format!(
            "the process is alive {} later; {what}",
            duration(self.lived_s)
        );
        Evidence::new(text, "samples", self.first.t_ms, until)
    }

    /// What shows that the job does nothing any more.
    fn signs_of_hanging(&self) -> Vec<Evidence> {
        [self.checkpoints(), self.processor()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Checkpoints that were made until then, and none afterwards in three times their interval.
    fn checkpoints(&self) -> Option<Evidence> {
        let made = |event: &&flinkmem_trace::Event| event.event == EventKind::Checkpoint;
        let times: Vec<u64> = self
            .case
            .events
            .iter()
            .filter(made)
            .map(|e| e.up_ms)
            .collect();
        let before = times.partition_point(|time| *time <= self.first.up_ms);
        let (earlier, later) = times.split_at(before);
        let (begin, end) = (earlier.first()?, earlier.last()?);
        let interval_s =
            (seconds(*end) - seconds(*begin)) / (earlier.len().checked_sub(1)?.max(1)) as f64;
        // One that was under way may complete.
        if earlier.len() < 2 || later.len() > 1 || self.lived_s < 3.0 * interval_s {
            return None;
        }
        let text = format!(
            "no checkpoint since: {} until then, one each {}",
            earlier.len(),
            duration(interval_s)
        );
        Some(Evidence::new(
            text,
            "checkpoint",
            self.case.wall_ms(*begin),
            self.first.t_ms,
        ))
    }

    /// Processor time before and after.
    fn processor(&self) -> Option<Evidence> {
        let moments = &self.case.timeline.moments;
        let at = moments.partition_point(|moment| moment.up_ms < self.first.up_ms);
        let (before, after) = moments.split_at(at);
        // The error itself costs collections.
        let rested = after
            .partition_point(|moment| seconds(moment.up_ms) < seconds(self.first.up_ms) + CAUGHT_S);
        let lately = before.partition_point(|moment| {
            seconds(moment.up_ms) + OUTLIVED_S < seconds(self.first.up_ms)
        });
        let (busy, idle) = (share(&before[lately..])?, share(&after[rested..])?);
        let text = format!(
            "the process used {:.0} % of a processor before and {:.0} % afterwards",
            busy * 100.0,
            idle * 100.0
        );
        let until = moments.last()?.t_ms;
        (idle < IDLE * busy).then(|| Evidence::new(text, "cpu", self.first.t_ms, until))
    }
}

/// Processors in use.
fn share(moments: &[Moment]) -> Option<f64> {
    let used = |moment: &Moment| Some((moment.up_ms, moment.cpu?.process_us));
    let (from_ms, from_us) = moments.iter().find_map(used)?;
    let (to_ms, to_us) = moments.iter().rev().find_map(used)?;
    let elapsed_us = to_ms.saturating_sub(from_ms).saturating_mul(1000);
    (elapsed_us > 0).then(|| to_us.saturating_sub(from_us) as f64 / elapsed_us as f64)
}
