//! The one thread that reads traces and has them judged.

use super::board::{Board, Shown, Snapshot};
use super::stop::Stop;
use crate::case::{Case, Surroundings};
use crate::live::{Changes, Directory, Life, Process};
use crate::metrics::{Readings, ServiceFigures};
use crate::report::Report;
use crate::snapshot::interval;
use flinkmem_trace::LastWords;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The thread rests this many times as long as a round took, so that it takes a fifth of a processor at the most, …
const REST: u32 = 4;

/// … but no longer than this: what is shown is to be of the present.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Processes that are shown, the living ones first: each makes some 150 series.
const MOST_PROCESSES: usize = 200;

/// What was sampled longer ago is not shown as the present; with an agent that samples rarely, three of its intervals.
const STALE: Duration = Duration::from_secs(60);

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
    directory: Directory,
    shown: BTreeMap<String, Shown>,
    /// When a trace was last seen to grow: clocks of other hosts need not be right.
    grew: BTreeMap<String, Instant>,
    /// Those that ended too long ago to be read.
    passed_over: BTreeSet<String>,
    unreadable: BTreeSet<String>,
    figures: ServiceFigures,
}

impl Judge {
    pub(super) fn new(options: Judging) -> Self {
        let figures = ServiceFigures {
            since_ms: jiff::Timestamp::now().as_millisecond(),
            ..ServiceFigures::default()
        };
        Self {
            directory: Directory::new(&options.directory),
            options,
            shown: BTreeMap::new(),
            grew: BTreeMap::new(),
            passed_over: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            figures,
        }
    }

    /// Reads and judges, again and again, until it is told to stop.
    pub(super) fn run(mut self, board: &Board, stop: &Stop) {
        loop {
            let began = Instant::now();
            let here = Surroundings::here();
            self.round(&here, board, stop);
            let took = began.elapsed();
            self.figures.rounds = self.figures.rounds.saturating_add(1);
            self.figures.rounds_s += took.as_secs_f64();
            self.figures.last_round_s = here.now_ms as f64 / 1e3;
            board.publish(self.snapshot());
            let rest = took.saturating_mul(REST).min(LONGEST_REST);
            if stop.wait(rest.max(self.options.every.saturating_sub(took))) {
                return;
            }
        }
    }

    fn round(&mut self, here: &Surroundings, board: &Board, stop: &Stop) {
        let changes = self.directory.refresh(here);
        self.note(changes);
        let processes = self.directory.processes();
        let names: Vec<String> = processes.map(|process| process.name().to_owned()).collect();
        for name in names {
            if stop.is_set() {
                return;
            }
            self.look_at(&name, here);
            // The first round has much to read; what is known is shown meanwhile.
            if self.figures.rounds == 0 {
                board.publish(self.snapshot());
            }
        }
        self.let_go(here);
    }

    fn look_at(&mut self, name: &str, here: &Surroundings) {
        let Some(process) = self.directory.get_mut(name) else {
            return;
        };
        let quiet = self.grew.get(name).map(Instant::elapsed);
        let is_fresh = quiet.is_some_and(|quiet| is_fresh(process, quiet, here));
        let known = self.shown.get(name);
        let is_followed = process.case().is_some();
        let shown = if is_followed {
            followed(process, known, is_fresh, here)
        } else if known.is_none() && !self.passed_over.contains(name) {
            let shown = ended(process, self.options.keep_ended, here);
            if shown.is_none() {
                self.passed_over.insert(name.to_owned());
            }
            shown
        } else {
            None
        };
        if let Some(shown) = shown {
            self.shown.insert(name.to_owned(), shown);
        }
    }

    /// Who is new, who grew, who cannot be read.
    fn note(&mut self, changes: Changes) {
        let now = Instant::now();
        for name in changes.grown {
            self.passed_over.remove(&name);
            self.grew.insert(name, now);
        }
        for name in changes.gone {
            self.shown.remove(&name);
            self.grew.remove(&name);
            self.passed_over.remove(&name);
        }
        for (name, why) in changes.unreadable {
            eprintln!("flinkmem: left out: {why}");
            self.unreadable.insert(name);
        }
        let directory = &self.directory;
        let is_still =
            |name: &String| directory.get(name).is_none() && directory.path().join(name).exists();
        self.unreadable.retain(is_still);
    }

    /// Who ended too long ago is not shown any more.
    fn let_go(&mut self, here: &Surroundings) {
        let keep = self.options.keep_ended;
        let passed_over = &mut self.passed_over;
        self.shown.retain(|name, shown| {
            let stays = shown.is_running || is_recent(shown.last_sample_ms, keep, here);
            if !stays {
                passed_over.insert(name.clone());
            }
            stays
        });
    }

    fn snapshot(&mut self) -> Snapshot {
        let mut shown: Vec<&Shown> = self.shown.values().collect();
        shown.sort_by_key(|shown| Reverse((shown.is_running, shown.last_sample_ms)));
        let left_out = shown.len().saturating_sub(MOST_PROCESSES);
        shown.truncate(MOST_PROCESSES);
        self.figures.processes = count(shown.len());
        self.figures.running = count(shown.iter().filter(|shown| shown.is_running).count());
        self.figures.left_out = count(left_out);
        self.figures.unreadable = count(self.unreadable.len());
        Snapshot {
            processes: shown
                .into_iter()
                .map(|shown| (shown.name.clone(), shown.clone()))
                .collect(),
            figures: self.figures,
        }
    }
}

/// A process that is followed: its figures anew, its findings where they are due.
fn followed(
    process: &mut Process,
    shown: Option<&Shown>,
    is_fresh: bool,
    here: &Surroundings,
) -> Option<Shown> {
    let is_judged_anew = process.judge(here);
    let (case, report) = (process.case()?, process.report()?);
    let is_running = process.life() == Life::Running;
    let known = shown.filter(|_| !is_judged_anew);
    match known {
        Some(known) => Some(known.with_figures(case, is_running, is_fresh)),
        None => Shown::new(process.name(), case, report.clone(), is_running, is_fresh),
    }
}

/// A process that was over before it was met, if that is not too long ago. It is read once, and its samples are given up.
fn ended(process: &Process, keep: Duration, here: &Surroundings) -> Option<Shown> {
    let directory = process.directory();
    if !is_recent(LastWords::read(directory).t_ms(), keep, here) {
        return None;
    }
    let case = Case::read(directory).ok()?;
    let report = Report::of(&case, here);
    Shown::new(process.name(), &case, report, false, false)
}

impl Shown {
    fn new(
        name: &str,
        case: &Case,
        report: Report,
        is_running: bool,
        is_fresh: bool,
    ) -> Option<Self> {
        let json = report.to_json(true).ok()?;
        let new = Self {
            name: name.to_owned(),
            report: Arc::new(report),
            json: json.into(),
            readings: Arc::default(),
            last_sample_ms: None,
            is_running,
        };
        Some(new.with_figures(case, is_running, is_fresh))
    }

    /// The same findings, newer figures.
    fn with_figures(&self, case: &Case, is_running: bool, is_fresh: bool) -> Self {
        Self {
            readings: Arc::new(Readings::of(case, &self.report, is_fresh)),
            last_sample_ms: case.timeline.moments.last().map(|moment| moment.t_ms),
            is_running,
            ..self.clone()
        }
    }
}

/// Whether the last sample of a process tells of the present. `quiet` is how long its trace has not grown.
fn is_fresh(process: &Process, quiet: Duration, here: &Surroundings) -> bool {
    let patience = STALE.max(interval(process.header()).saturating_mul(3));
    let is_here = process.header().host == here.host;
    let is_recent = || is_recent(last_sample_ms(process.case()), patience, here);
    process.life() == Life::Running && quiet <= patience && (!is_here || is_recent())
}

fn last_sample_ms(case: Option<&Case>) -> Option<i64> {
    Some(case?.timeline.moments.last()?.t_ms)
}

fn is_recent(t_ms: Option<i64>, within: Duration, here: &Surroundings) -> bool {
    let within_ms = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
    t_ms.is_some_and(|t_ms| here.now_ms.saturating_sub(t_ms) <= within_ms)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
