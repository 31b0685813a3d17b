//! A directory of traces, as processes come and go.

use super::{Life, Process};
use crate::case::Surroundings;
use flinkmem_trace::TraceError;
use flinkmem_trace::layout::{DIRECTORY_PREFIX, FACTS};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// The processes whose traces lie in a directory. It need not exist yet, and may vanish and come again.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    processes: BTreeMap<String, Process>,
    /// Traces that cannot be read, with the reason; `None` at first, for a trace that is just begun has no header yet.
    unreadable: BTreeMap<String, Option<String>>,
    problem: Option<String>,
}

/// What became of a directory since the last look, by the names of processes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Processes that live and were not known, or seemed to be over.
    pub appeared: Vec<String>,
    /// Processes of which something new was read; those that appeared among them.
    pub grown: Vec<String>,
    /// Processes that lived at the last look and are over.
    pub ended: Vec<String>,
    /// Processes whose traces are gone. They are no longer in the directory.
    pub gone: Vec<String>,
    /// Traces that cannot be read, and why. Each is told once.
    pub unreadable: Vec<(String, String)>,
}

impl Directory {
    /// The directory at `path`, not yet looked at. It may also be one trace.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            processes: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            problem: None,
        }
    }

    /// Looks at it: takes in what was written, meets who is new, notices who is over.
    pub fn refresh(&mut self, here: &Surroundings) -> Changes {
        let mut changes = Changes::default();
        let listed = list(&self.path);
        self.problem = listed.as_ref().err().map(ToString::to_string);
        let traces = listed.unwrap_or_default();
        self.forget_who_is_gone(&traces, &mut changes);
        for trace in traces {
            let name = name_of(&trace);
            let seen = match self.processes.get_mut(&name) {
                Some(process) => process.look(here).map(|look| {
                    note(&mut changes.grown, &name, look.grew);
                    note(&mut changes.appeared, &name, look.began);
                    note(&mut changes.ended, &name, look.ended);
                }),
                None => Process::meet(&trace, here).map(|process| {
                    let lives = process.life() == Life::Running;
                    note(&mut changes.appeared, &name, lives);
                    note(&mut changes.grown, &name, lives);
                    self.processes.insert(name.clone(), process);
                }),
            };
            match seen {
                Ok(()) => {
                    self.unreadable.remove(&name);
                }
                Err(error) => self.note_unreadable(name, &error, &mut changes),
            }
        }
        changes
    }

    fn forget_who_is_gone(&mut self, traces: &[PathBuf], changes: &mut Changes) {
        let there: BTreeSet<String> = traces.iter().map(|trace| name_of(trace)).collect();
        let names = self.processes.keys();
        let gone: Vec<String> = names
            .filter(|name| !there.contains(*name))
            .cloned()
            .collect();
        for name in &gone {
            self.processes.remove(name);
        }
        self.unreadable.retain(|name, _| there.contains(name));
        changes.gone = gone;
    }

    fn note_unreadable(&mut self, name: String, error: &TraceError, changes: &mut Changes) {
        let message = error.to_string();
        match self.unreadable.get(&name) {
            None => {
                self.unreadable.insert(name, None);
            }
            Some(None) => {
                self.unreadable.insert(name.clone(), Some(message.clone()));
                changes.unreadable.push((name, message));
            }
            Some(Some(_)) => {}
        }
    }

    /// Why it could not be listed at the last look, such as that it does not exist.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All processes, living or over, in the order of their names.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.values()
    }

    /// The same, to judge them.
    pub fn processes_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        self.processes.values_mut()
    }

    /// The process of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Process> {
        self.processes.get(name)
    }

    /// The same, to judge it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Process> {
        self.processes.get_mut(name)
    }
}

fn note(names: &mut Vec<String>, name: &str, wanted: bool) {
    if wanted {
        names.push(name.to_owned());
    }
}

/// The traces in a directory, or that directory if it is one.
fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.join(FACTS).is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut traces = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_named_like_one = name
            .to_str()
            .is_some_and(|it| it.starts_with(DIRECTORY_PREFIX));
        if is_named_like_one && entry.path().is_dir() {
            traces.push(entry.path());
        }
    }
    traces.sort();
    Ok(traces)
}

fn name_of(trace: &Path) -> String {
    let name = trace.file_name().unwrap_or(trace.as_os_str());
    name.to_string_lossy().into_owned()
}
