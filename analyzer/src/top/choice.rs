//! Several traces, of which one is opened: those with the worst findings first.

use super::{Subject, SubjectError};
use crate::finding::Severity;
use crate::report::process;
use flinkmem_trace::find_traces;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// The traces in a directory.
#[derive(Debug)]
pub struct Choice {
    directory: PathBuf,
    traces: Vec<Trace>,
}

#[derive(Debug)]
struct Trace {
    directory: PathBuf,
    read: Result<Subject, String>,
    has_ended: bool,
}

/// One trace in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChoiceRow {
    /// The worst that was found.
    pub severity: Option<Severity>,
    /// Whether the process still runs.
    pub is_running: bool,
    /// Which process.
    pub process: String,
    /// The verdict, or what is wrong with the trace.
    pub text: String,
}

impl Choice {
    /// Reads all traces in a directory.
    ///
    /// # Errors
    /// When it cannot be read, or holds none.
    pub fn open(directory: &Path) -> Result<Self, SubjectError> {
        let mut choice = Self {
            directory: directory.to_owned(),
            traces: Vec::new(),
        };
        choice.advance()?;
        Ok(choice)
    }

    /// Takes in what is new: in the traces of processes that run, and traces of new ones.
    ///
    /// # Errors
    /// When the directory cannot be read any more.
    pub fn advance(&mut self) -> Result<(), SubjectError> {
        let found = find_traces(&self.directory)?;
        self.traces.retain(|trace| found.contains(&trace.directory));
        for trace in &mut self.traces {
            trace.advance();
        }
        for directory in found {
            if !self.traces.iter().any(|trace| trace.directory == directory) {
                self.traces.push(Trace::open(directory));
            }
        }
        // The worst first; of equals what runs, then the newest by its name.
        self.traces.sort_by_cached_key(|trace| {
            let severity = trace.row().severity;
            Reverse((severity, !trace.has_ended, trace.directory.clone()))
        });
        Ok(())
    }

    /// The list, the worst first.
    #[must_use]
    pub(super) fn rows(&self) -> Vec<ChoiceRow> {
        self.traces.iter().map(Trace::row).collect()
    }

    /// The directory of one of them.
    #[must_use]
    pub fn directory_of(&self, row: usize) -> Option<&Path> {
        self.traces.get(row).map(|trace| trace.directory.as_path())
    }

    /// One of them, where it could be read.
    pub fn subject(&mut self, directory: &Path) -> Option<&mut Subject> {
        let mut traces = self.traces.iter_mut();
        let trace = traces.find(|trace| trace.directory == directory)?;
        trace.read.as_mut().ok()
    }
}

impl Trace {
    fn open(directory: PathBuf) -> Self {
        let mut read = Subject::of_trace(&directory).map_err(|error| error.to_string());
        let has_ended = read.as_mut().is_ok_and(|subject| subject.end().is_some());
        Self {
            directory,
            read,
            has_ended,
        }
    }

    fn advance(&mut self) {
        if self.has_ended {
            return;
        }
        let Ok(subject) = &mut self.read else {
            // It may have been begun only.
            *self = Self::open(std::mem::take(&mut self.directory));
            return;
        };
        if let Err(error) = subject.advance() {
            self.read = Err(error.to_string());
        } else if subject.end().is_some() {
            subject.renew();
            self.has_ended = true;
        }
    }

    fn row(&self) -> ChoiceRow {
        let name = self
            .directory
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match &self.read {
            Ok(subject) => {
                let verdict = subject.verdict();
                ChoiceRow {
                    severity: verdict.as_ref().ok().map(|finding| finding.severity),
                    is_running: !self.has_ended,
                    process: process(subject.report()),
                    text: verdict.map_or_else(
                        |nothing| nothing,
                        |finding| format!("{}: {}", finding.label, finding.text),
                    ),
                }
            }
            Err(error) => ChoiceRow {
                severity: None,
                is_running: false,
                process: name,
                text: error.clone(),
            },
        }
    }
}
