//! The one thread that reads traces and judges them.

use super::board::{Board, Process, Snapshot};
use super::stop::Stop;
use super::traces::{Found, recent};
use crate::budget::Budget;
use crate::case::{Case, Outcome, OutcomeKind, Surroundings};
use crate::live::Follower;
use crate::metrics::{Readings, ServiceFigures};
use crate::report::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A judge sleeps at least this many times as long as a round took, so that it never takes more than a fifth of a processor.
const REST: u32 = 4;

/// Samples older than this are not shown as the present. Three times the agent's default at its slowest, and what a busy disk may take.
const STALE_MS: i64 = 60_000;

/// Where to look, and how often.
#[derive(Debug, Clone)]
pub(super) struct Judging {
    /// The directory of traces.
    pub(super) directory: PathBuf,
    /// Time from one round to the next, at the least.
    pub(super) every: Duration,
    /// How long processes that have ended are shown.
    pub(super) keep_ended: Duration,
}

/// What is known of the traces from one round to the next.
#[derive(Debug)]
pub(super) struct Judge {
    options: Judging,
    followed: BTreeMap<PathBuf, Followed>,
    complained_about: BTreeSet<PathBuf>,
    figures: ServiceFigures,
}

/// One trace.
#[derive(Debug)]
struct Followed {
    /// Given up when the process has ended: what it says does not change any more.
    follower: Option<Follower>,
    written: SystemTime,
    is_fresh: bool,
    process: Arc<Process>,
}

impl Judge {
    pub(super) fn new(options: Judging) -> Self {
        let figures = ServiceFigures {
            since_ms: jiff::Timestamp::now().as_millisecond(),
            ..ServiceFigures::default()
        };
        Self {
            options,
            followed: BTreeMap::new(),
            complained_about: BTreeSet::new(),
            figures,
        }
    }

    /// Reads and judges, again and again, until it is told to stop.
    pub(super) fn run(mut self, board: &Board, stop: &Stop) {
        loop {
            let begin = Instant::now();
            let here = Surroundings::here();
            self.round(&here, stop);
            let took = begin.elapsed();
            self.figures.rounds = self.figures.rounds.saturating_add(1);
            self.figures.rounds_s += took.as_secs_f64();
            self.figures.last_round_s = here.now_ms as f64 / 1e3;
            board.publish(self.snapshot());
            let rest = self.options.every.saturating_sub(took).max(took * REST);
            if stop.wait(rest) {
                return;
            }
        }
    }

    fn round(&mut self, here: &Surroundings, stop: &Stop) {
        let (traces, left_out) = match recent(&self.options.directory, self.options.keep_ended) {
            Ok(found) => found,
            // What was known stays true for a while.
            Err(error) => {
                self.complain(&self.options.directory.clone(), &error);
                return;
            }
        };
        self.figures.left_out = left_out;
        self.figures.unreadable = 0;
        let present: BTreeSet<_> = traces.iter().map(|trace| trace.directory.clone()).collect();
        self.followed.retain(|directory, _| present.contains(directory));
        for trace in traces {
            if stop.is_set() {
                return;
            }
            if let Err(error) = self.look_at(&trace, here) {
                self.figures.unreadable += 1;
                self.complain(&trace.directory, &error);
            }
        }
    }

    fn look_at(&mut self, trace: &Found, here: &Surroundings) -> anyhow::Result<()> {
        let known = self.followed.remove(&trace.directory);
        let followed = match known {
            Some(known) if known.follower.is_none() && known.written >= trace.written => known,
            Some(Followed {
                follower: Some(mut follower),
                is_fresh,
                process,
                ..
            }) => {
                let changed = follower.advance()?;
                let outcome = Outcome::of(follower.case(), here).kind;
                let same = !changed
                    && outcome == process.report.outcome.kind
                    && is_fresh == fresh(follower.case(), outcome, here);
                let judged = if same { Some(process) } else { None };
                Followed::new(follower, trace, here, judged)?
            }
            _ => Followed::new(Follower::open(&trace.directory)?, trace, here, None)?,
        };
        self.followed.insert(trace.directory.clone(), followed);
        Ok(())
    }

    /// Names a trace once, however often it cannot be read.
    fn complain(&mut self, about: &std::path::Path, error: &dyn std::fmt::Display) {
        if self.complained_about.insert(about.to_owned()) {
            eprintln!("flinkmem: left out: {error:#}");
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let processes: BTreeMap<String, Arc<Process>> = self
            .followed
            .values()
            .map(|followed| (followed.process.name.clone(), Arc::clone(&followed.process)))
            .collect();
        let runs = |process: &&Arc<Process>| process.report.outcome.kind == OutcomeKind::Running;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.figures.processes = count(processes.len());
        self.figures.running = count(processes.values().filter(runs).count());
        Snapshot {
            processes,
            figures: self.figures,
        }
    }
}

impl Followed {
    /// With `judged` nothing has changed since then.
    fn new(
        follower: Follower,
        trace: &Found,
        here: &Surroundings,
        judged: Option<Arc<Process>>,
    ) -> anyhow::Result<Self> {
        let process = match judged {
            Some(judged) => judged,
            None => Arc::new(Process::judge(follower.case(), here)?),
        };
        let outcome = process.report.outcome.kind;
        let is_fresh = fresh(follower.case(), outcome, here);
        let runs = outcome == OutcomeKind::Running;
        Ok(Self {
            follower: runs.then_some(follower),
            written: trace.written,
            is_fresh,
            process,
        })
    }
}

impl Process {
    fn judge(case: &Case, here: &Surroundings) -> anyhow::Result<Self> {
        let budget = Budget::recorded(&case.observed);
        let report = Report::with_budget(case, here, budget.as_ref());
        let is_fresh = fresh(case, report.outcome.kind, here);
        let readings = Readings::of(case, &report, is_fresh);
        let identity = readings.identity.as_ref();
        Ok(Self {
            name: identity.map_or_else(String::new, |identity| identity.trace.clone()),
            directory: case.directory.clone(),
            json: report.to_json(true)?,
            last_sample_ms: case.timeline.moments.last().map(|moment| moment.t_ms),
            readings: Arc::new(readings),
            report,
        })
    }
}

/// Whether the last sample tells of the present.
fn fresh(case: &Case, outcome: OutcomeKind, here: &Surroundings) -> bool {
    let moments = &case.timeline.moments;
    let Some(last) = moments.last() else {
        return false;
    };
    // An agent that was told to sample rarely is not late.
    let before = moments.len().checked_sub(2).and_then(|index| moments.get(index));
    let apart = before.map_or(0, |before| last.t_ms.saturating_sub(before.t_ms));
    let age = here.now_ms.saturating_sub(last.t_ms);
    outcome == OutcomeKind::Running && age <= STALE_MS.max(apart.saturating_mul(3))
}
