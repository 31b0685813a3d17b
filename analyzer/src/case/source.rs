//! A file whose lines belong to a case.

use crate::configuration::Observed;
use crate::lines::{Gathered, Told};
use std::path::PathBuf;

/// A file, as its lines were read.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// What it was taken for.
    pub kind: SourceKind,
    /// Lines in it.
    pub lines: u64,
    /// Facts that were kept.
    pub facts: u64,
    /// Lines that were cut.
    pub cut_lines: u64,
    /// Lines that any class logged, and those of Flink's classes among them.
    pub logged: (u64, u64),
    /// First and last time in it, milliseconds since the epoch.
    pub times: Option<(i64, i64)>,
    /// When the last process began that wrote into it.
    pub started_ms: Option<i64>,
    /// Pauses of a collector, of any length.
    pub pauses: u64,
    /// What its head says of the process.
    pub observed: Observed,
    /// Version of Java that it names.
    pub jdk: Option<String>,
    /// Why it was not read to its end.
    pub damage: Option<String>,
}

/// What a file was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceKind {
    /// A TaskManager's or JobManager's log.
    Log,
    /// A GC log.
    GcLog,
    /// What the JVM leaves when it dies.
    HsErr,
    /// Status of pods.
    PodStatus,
    /// Reports of the kernel.
    Kernel,
    /// YARN's diagnostics.
    Yarn,
    /// Anything else that is text, such as a console.
    #[default]
    Text,
}

impl SourceKind {
    /// For reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::GcLog => "gc_log",
            Self::HsErr => "hs_err",
            Self::PodStatus => "pod_status",
            Self::Kernel => "kernel",
            Self::Yarn => "yarn",
            Self::Text => "text",
        }
    }
}

impl Source {
    /// A file with what was gathered from it.
    #[must_use]
    pub fn new(path: PathBuf, kind: SourceKind, gathered: &Gathered) -> Self {
        Self {
            path,
            kind,
            lines: gathered.lines,
            facts: gathered.facts.len() as u64,
            cut_lines: gathered.cut_lines,
            logged: (gathered.logged_lines, gathered.flink_lines),
            times: gathered.times,
            started_ms: gathered.started_ms,
            pauses: gathered.pauses,
            observed: gathered.observed.clone(),
            jdk: gathered.jdk.clone(),
            damage: None,
        }
    }

    /// Its name without the folder.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// What its parts have in common: rotated, compressed, standard output beside the log. `None` for what no process writes about itself.
    #[must_use]
    pub fn family(&self) -> Option<PathBuf> {
        let is_own =
            self.observed.process.is_some() || self.logged.0 > 0 || self.kind == SourceKind::Log;
        let name = self.name();
        let is_console = [".out", ".err", ".log"]
            .iter()
            .any(|end| name.contains(end));
        if !is_own && !is_console {
            return None;
        }
        let stem = [".log", ".out", ".err"]
            .iter()
            .filter_map(|end| name.find(end))
            .min();
        let stem = name
            .get(..stem.unwrap_or(name.len()))
            .unwrap_or(&name)
            .to_owned();
        Some(self.path.with_file_name(stem))
    }
}

/// Lines of one source, with it.
#[derive(Debug, Clone, Default)]
pub struct SourceLines {
    /// The file.
    pub source: Source,
    /// Its facts.
    pub told: Vec<Told>,
    /// How often each fact of `told` was told in all, in the same order.
    pub counts: Vec<u64>,
}
