//! All processes of a directory: looks at them, and says what is news.

use super::event::{Event, EventKind};
use super::standing::{Change, Look, Standing};
use crate::case::{OutcomeKind, Surroundings};
use crate::live::{Directory, Life, Process};
use crate::report::{Report, Subject};
use flinkmem_trace::layout::FACTS;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Looks in less than this share of the interval do not count.
const COUNTS_FROM: f64 = 0.9;

/// Watches the processes of a directory.
#[derive(Debug)]
pub struct Watcher {
    directory: Directory,
    interval: Duration,
    watched: BTreeMap<String, Watched>,
    problem: Option<String>,
}

/// A process that lives, or did at the last look.
#[derive(Debug)]
struct Watched {
    subject: Subject,
    standing: Standing,
    counted: Option<Instant>,
}

/// What a look brought.
#[derive(Debug, Default)]
pub struct News {
    /// In the order in which they are to be told.
    pub events: Vec<Event>,
    /// What cannot be read, or is waited for; for whoever runs the watch, not for who is on call.
    pub complaints: Vec<String>,
}

impl Watcher {
    /// A watcher of the directory at `path`, which need not exist yet, that looks every `interval`.
    #[must_use]
    pub fn new(path: &Path, interval: Duration) -> Self {
        Self {
            directory: Directory::new(path),
            interval,
            watched: BTreeMap::new(),
            problem: None,
        }
    }

    /// Looks at all of them.
    pub fn look(&mut self) -> News {
        let here = Surroundings::here();
        let changes = self.directory.refresh(&here);
        let mut news = News::default();
        self.note_problem(&mut news);
        for (name, why) in changes.unreadable {
            news.complaints.push(format!("left out: {name}: {why}"));
        }
        for name in changes.gone {
            if let Some(watched) = self.watched.remove(&name) {
                news.events.push(Event {
                    standing: watched.standing.told(),
                    ..Event::new(EventKind::Gone, &name, &watched.subject, here.now_ms)
                });
            }
        }
        for process in self.directory.processes_mut() {
            let is_watched = self.watched.contains_key(process.name());
            let lives = process.life() == Life::Running;
            if (lives || is_watched) && process.judge(&here) {
                let watched = &mut self.watched;
                tell(
                    process,
                    watched,
                    self.interval,
                    here.now_ms,
                    &mut news.events,
                );
            }
            if !lives && self.watched.remove(process.name()).is_some() {
                process.forget();
            }
        }
        news
    }

    fn note_problem(&mut self, news: &mut News) {
        let problem = self.directory.problem().map(ToOwned::to_owned);
        if problem != self.problem {
            let path = self.directory.path().display();
            news.complaints.push(match &problem {
                Some(why) => format!("waiting for {path}: {why}"),
                None => format!("{path} is there"),
            });
            self.problem = problem;
        }
    }

    /// Where something is written that should not wait for the next look: the directory, and the facts of who lives.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let living = self
            .directory
            .processes()
            .filter(|it| it.life() == Life::Running);
        let facts = living.map(|process| process.directory().join(FACTS));
        std::iter::once(self.directory.path().to_owned())
            .chain(facts)
            .collect()
    }
}

/// What is news in a new report of a process.
fn tell(
    process: &Process,
    watched: &mut BTreeMap<String, Watched>,
    interval: Duration,
    now_ms: i64,
    events: &mut Vec<Event>,
) {
    let (Some(report), name) = (process.report(), process.name()) else {
        return;
    };
    let event = |kind| Event::new(kind, name, &report.subject, now_ms);
    let watched = watched.entry(name.to_owned()).or_insert_with(|| {
        events.push(event(EventKind::Started));
        Watched {
            subject: report.subject.clone(),
            standing: Standing::default(),
            counted: None,
        }
    });
    watched.subject = report.subject.clone();
    let is_over = process.life() == Life::Over;
    for change in watched.changes(report, is_over, interval, now_ms) {
        events.push(match change {
            Change::Appeared(finding, in_place_of) => Event {
                finding: Some(*finding),
                in_place_of,
                ..event(EventKind::Appeared)
            },
            Change::Worsened(finding, reason) => Event {
                finding: Some(*finding),
                reason: Some(reason),
                ..event(EventKind::Worsened)
            },
            Change::Cleared(finding) => Event {
                finding: Some(*finding),
                ..event(EventKind::Cleared)
            },
        });
    }
    if is_over {
        events.push(Event {
            outcome: Some(report.outcome.clone()),
            standing: watched.standing.told(),
            ..event(EventKind::Ended)
        });
    }
}

impl Watched {
    fn changes(
        &mut self,
        report: &Report,
        is_over: bool,
        interval: Duration,
        now_ms: i64,
    ) -> Vec<Change> {
        if is_over {
            let ended_by = report.outcome.kind;
            let by_memory = matches!(ended_by, OutcomeKind::JavaOom | OutcomeKind::Killed);
            let standing = &mut self.standing;
            return standing.observe_the_end(&report.findings, by_memory, now_ms);
        }
        let pause = interval.mul_f64(COUNTS_FROM);
        let counts = self.counted.is_none_or(|last| last.elapsed() >= pause);
        if counts {
            self.counted = Some(Instant::now());
        }
        self.standing
            .observe(&report.findings, Look { now_ms, counts })
    }
}
