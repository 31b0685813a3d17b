//! What the rules on lines look at: facts by kind, who said them, and what stands behind them.
//!
//! A line proves the limit that was hit, hardly ever the cause. Where it allows several causes, the one that most public reports with such a
//! line had is named, with their share as confidence, and the others as alternatives.

mod claim;
mod container;
mod heap;
mod remedy;

pub(super) use claim::Claim;
pub(super) use container::{ContainerCause, ContainerPicture};
pub(super) use heap::{HeapCause, HeapPicture};
pub(super) use remedy::{grown, in_words};

use super::{Answer, Facts, NO_LINE};
use crate::budget::Budget;
use crate::case::{Case, Origin};
use crate::configuration::JvmLimits;
use crate::finding::{Evidence, Finding};
use crate::lines::{Fact, Told};
use crate::model::Process;
use crate::units::day_and_time;
use flinkmem_trace::Frame;

/// What the lines of a case say.
pub(super) struct Words<'a> {
    pub(super) case: &'a Case,
    pub(super) budget: Option<&'a Budget>,
    pub(super) heap: HeapPicture<'a>,
    pub(super) container: ContainerPicture<'a>,
}

/// Shown of a line in a report.
const SHOWN: usize = 150;

impl<'a> Words<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        Self {
            case: facts.case,
            budget: facts.budget,
            heap: HeapPicture::of(facts.case),
            container: ContainerPicture::of(facts.case, facts.budget),
        }
    }

    /// Everything told that a rule asks for, in the order of time.
    pub(super) fn all(
        &self,
        wanted: impl Fn(&Fact) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Told> {
        self.case
            .told
            .iter()
            .map(|(told, _)| told)
            .filter(move |told| wanted(&told.fact))
    }

    /// The first of them.
    pub(super) fn first(&self, wanted: impl Fn(&Fact) -> bool + 'a) -> Option<&'a Told> {
        self.all(wanted).next()
    }

    pub(super) fn tells(&self, wanted: impl Fn(&Fact) -> bool + 'a) -> bool {
        self.first(wanted).is_some()
    }

    /// How often it was told in its file.
    fn count(&self, told: &Told) -> u64 {
        self.case
            .told
            .iter()
            .find(|(other, _)| other.source == told.source && other.fact.kind() == told.fact.kind())
            .map_or(1, |(_, count)| *count)
    }

    /// The budget of the process in which something happened, where that is the case's own.
    pub(super) fn budget_of(&self, told: &Told) -> Option<&'a Budget> {
        let is_anothers = self.is_job_manager() && is_of_a_task(told);
        self.budget.filter(|_| !is_anothers)
    }

    /// The JVM's limits of that process.
    pub(super) fn limits_of(&self, told: &Told) -> JvmLimits {
        let is_anothers = self.is_job_manager() && is_of_a_task(told);
        if is_anothers {
            JvmLimits::default()
        } else {
            self.case.observed.jvm_limits
        }
    }

    pub(super) fn is_job_manager(&self) -> bool {
        self.case.observed.process == Some(Process::JobManager)
    }

    /// A line as evidence: where it stands, what it says, how often.
    pub(super) fn evidence(&self, told: &Told) -> Evidence {
        let place = match told.line {
            0 => self.case.source_name(told),
            line => format!("{}:{line}", self.case.source_name(told)),
        };
        let count = self.count(told);
        let last = self.all({
            let kind = told.fact.kind();
            move |fact| fact.kind() == kind
        });
        let last_ms = last.last().and_then(|last| last.t_ms).max(told.t_ms);
        let often = match (count, last_ms) {
            (0 | 1, _) => String::new(),
            (count, Some(last)) => format!(" ({count} times, the last at {})", day_and_time(last)),
            (count, None) => format!(" ({count} times)"),
        };
        let text = told.text.strip_prefix("Caused by: ").unwrap_or(&told.text);
        let shown = match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        };
        Evidence::told(format!("{place}: {shown}{often}"), told.t_ms, last_ms)
    }

    /// Who asked when it did not fit. That is not who holds the rest.
    pub(super) fn requester(&self, told: &Told) -> Option<Evidence> {
        let frame = requester(&told.frames)?;
        let text = format!(
            "asked for by {}, which need not be who holds the rest",
            frame.qualified()
        );
        Some(Evidence::told(text, told.t_ms, told.t_ms))
    }

    /// A finding by what was told first.
    pub(super) fn fires(&self, claim: Claim<'_>) -> Answer {
        Answer::Fires(Box::new(self.finding(claim)))
    }

    fn finding(&self, claim: Claim<'_>) -> Finding {
        claim.finding(self)
    }
}

/// Whether an error was thrown in a task: a JobManager's log repeats the errors of TaskManagers, and its own budget says nothing of them.
pub(super) fn is_of_a_task(told: &Told) -> bool {
    const OF_TASKS: [&str; 3] = [
        "org.apache.flink.runtime.taskmanager.Task",
        "org.apache.flink.streaming.runtime.",
        "org.apache.flink.streaming.api.operators.",
    ];
    let in_task = |frame: &Frame| {
        OF_TASKS
            .iter()
            .any(|prefix| frame.class.starts_with(prefix))
    };
    told.frames.iter().any(in_task)
}

/// No line says so.
pub(super) fn no_line() -> Answer {
    Answer::DoesNotFire(NO_LINE.to_owned())
}

/// The frame that names who asked: user code, else what came with the job, else a library or Flink.
pub(super) fn requester(frames: &[Frame]) -> Option<&Frame> {
    let of_user = frames
        .iter()
        .find(|frame| Origin::of(frame) == Origin::User);
    let not_jdk = || frames.iter().find(|frame| Origin::of(frame) != Origin::Jdk);
    of_user.or_else(not_jdk)
}
