//! What is looked at, over time: its case, and a report that is made anew when that is worth its cost.

use super::view::{FindingRow, Means, View, verdict};
use crate::attach::{AttachError, Target};
use crate::budget::Budget;
use crate::case::{Case, Outcome, OutcomeKind, Surroundings};
use crate::live::Follower;
use crate::outside::{Asking, Outside};
use crate::report::{Report, to_text};
use flinkmem_trace::TraceError;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// No such process, or it may not be looked at.
    #[error(transparent)]
    Process(#[from] AttachError),
    /// No trace that can be read.
    #[error(
        "{0}; give a trace directory (flinkmem-<host>-<pid>-<start>), a directory that holds some, or a process id"
    )]
    Trace(TraceError),
}

impl From<TraceError> for SubjectError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

/// One process.
#[derive(Debug)]
pub struct Subject {
    source: Source,
    report: Report,
    reported: Instant,
    took: Duration,
    is_outdated: bool,
    looked_for_agent: Instant,
}

#[derive(Debug)]
enum Source {
    /// With the agent; the process where it was named by its id.
    Trace {
        follower: Box<Follower>,
        process: Option<Box<Target>>,
    },
    /// Without.
    Outside(Box<Outside>),
}

/// Of its time no more than one part in so many goes into reports.
const REPORT_SHARE: u32 = 20;

/// How often a process without the agent is looked at for one that was attached since.
const AGENT_EVERY: Duration = Duration::from_secs(2);

/// A trace of another host that was not written for so long has ended, or its host cannot be reached.
const SILENT_MS: i64 = 60_000;

impl Subject {
    /// The process that writes to a trace directory, or has written.
    ///
    /// # Errors
    /// When there is no trace that this build can read.
    pub fn of_trace(directory: &Path) -> Result<Self, SubjectError> {
        Ok(Self::new(Source::Trace {
            follower: Box::new(Follower::open(directory)?),
            process: None,
        }))
    }

    /// A process by its id: by its agent's trace, or from outside where it has none.
    ///
    /// # Errors
    /// When there is none, it is no JVM or may not be looked at.
    pub fn of_process(pid: i32, asking: Asking) -> Result<Self, SubjectError> {
        let target = Target::find(pid)?;
        let source = match target.trace() {
            Some(trace) => Source::of_agent(target, &trace)?,
            None => Source::Outside(Box::new(Outside::open(pid, asking)?)),
        };
        Ok(Self::new(source))
    }

    fn new(source: Source) -> Self {
        let begin = Instant::now();
        let report = report(source.case());
        Self {
            source,
            report,
            reported: begin,
            took: begin.elapsed(),
            is_outdated: false,
            looked_for_agent: begin,
        }
    }

    /// Takes in what is new.
    ///
    /// # Errors
    /// When the trace is gone.
    pub fn advance(&mut self) -> Result<(), SubjectError> {
        if self.looked_for_agent.elapsed() >= AGENT_EVERY {
            self.looked_for_agent = Instant::now();
            self.source.look_for_agent();
        }
        let is_news = match &mut self.source {
            Source::Trace { follower, process } => match follower.advance() {
                // With a process its file system may go.
                Err(_) if process.as_ref().is_some_and(|target| !is_alive(target)) => false,
                read => read?,
            },
            Source::Outside(outside) => outside.advance(),
        };
        self.is_outdated |= is_news;
        let is_affordable = self.reported.elapsed() >= self.took.saturating_mul(REPORT_SHARE);
        if self.is_outdated && is_affordable {
            self.renew();
        }
        Ok(())
    }

    /// Makes the report anew.
    pub fn renew(&mut self) {
        let begin = Instant::now();
        self.report = report(self.source.case());
        self.took = begin.elapsed();
        self.reported = Instant::now();
        self.is_outdated = false;
    }

    /// What there is to see.
    #[must_use]
    pub fn view(&self) -> View {
        let answers = match &self.source {
            Source::Outside(outside) => outside.answers(),
            Source::Trace { .. } => None,
        };
        let means = match &self.source {
            Source::Outside(outside) => Means::Outside {
                answers: answers.as_ref(),
                huge_pages_bytes: outside.huge_pages_bytes(),
            },
            Source::Trace { .. } => Means::Agent,
        };
        View::of(self.source.case(), &self.report, means)
    }

    /// What became of the process, once it has ended.
    pub fn end(&mut self) -> Option<Outcome> {
        let outcome = match &mut self.source {
            Source::Outside(outside) => outside.outcome(),
            Source::Trace { follower, process } => {
                let runs = match process {
                    Some(target) => is_alive(target),
                    None => writes(follower.case()),
                };
                if runs {
                    return None;
                }
                // Its last words may have come since. What was read stays where there is nothing left to read.
                let _ = follower.advance();
                Outcome::of(follower.case(), &Surroundings::here())
            }
        };
        (outcome.kind != OutcomeKind::Running).then_some(outcome)
    }

    /// Whether it was looked at but once, so that no rate is known.
    #[must_use]
    pub fn has_no_past(&self) -> bool {
        self.source.case().timeline.moments.len() < 2
    }

    /// The verdict in a line, or how much it is worth that there is none.
    pub(super) fn verdict(&self) -> Result<FindingRow, String> {
        verdict(self.source.case(), &self.report)
    }

    /// The report.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The whole text of the report as if one finding were the only one; of the whole report where there is no such finding.
    pub fn text(&mut self, finding: usize) -> String {
        if finding >= self.report.findings.len() {
            return to_text(&self.report);
        }
        let mut others = std::mem::take(&mut self.report.findings);
        self.report.findings = vec![others.remove(finding)];
        let text = to_text(&self.report);
        others.insert(finding, self.report.findings.remove(0));
        self.report.findings = others;
        text
    }
}

impl Source {
    fn of_agent(target: Target, trace: &Path) -> Result<Self, TraceError> {
        Ok(Self::Trace {
            follower: Box::new(Follower::open(&path_that_outlives(&target, trace))?),
            process: Some(Box::new(target)),
        })
    }

    /// Goes over to the trace of an agent that came since. Where that cannot be read yet, all stays as it is.
    fn look_for_agent(&mut self) {
        let Self::Outside(outside) = self else {
            return;
        };
        let found = Target::find(outside.pid()).ok();
        let agent = found.and_then(|target| {
            let trace = target.trace()?;
            Self::of_agent(target, &trace).ok()
        });
        if let Some(agent) = agent {
            *self = agent;
        }
    }

    fn case(&self) -> &Case {
        match self {
            Self::Trace { follower, .. } => follower.case(),
            Self::Outside(outside) => outside.case(),
        }
    }
}

fn is_alive(target: &Target) -> bool {
    target.process().is_alive()
}

/// Whether the process of a trace seems to live. Of another host's a sample that is a little late is no end.
fn writes(case: &Case) -> bool {
    let here = Surroundings::here();
    let last = case.timeline.moments.last();
    let is_silent = last.is_none_or(|last| here.now_ms.saturating_sub(last.t_ms) > SILENT_MS);
    let is_elsewhere = here.host != case.header.host;
    is_elsewhere && case.end.is_none() && !is_silent
}

/// Where a trace is found from here. Through its process only where it has to be: that path ends with the process.
fn path_that_outlives(target: &Target, trace: &Path) -> PathBuf {
    let through = target.path(trace);
    let id = |path: &Path| path.metadata().map(|found| (found.dev(), found.ino())).ok();
    let is_same = id(trace).is_some() && id(trace) == id(&through);
    if is_same { trace.to_owned() } else { through }
}

fn report(case: &Case) -> Report {
    let budget = Budget::recorded(&case.observed);
    Report::with_budget(case, &Surroundings::here(), budget.as_ref())
}
