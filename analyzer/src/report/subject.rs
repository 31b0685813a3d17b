//! Which process a report is about.

use crate::budget::Budget;
use crate::case::{Case, Source};
use crate::model::Process;
use serde::Serialize;

/// Which process.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Subject {
    /// What it is in Flink.
    pub process: ProcessKind,
    /// Version of Flink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink_version: Option<String>,
    /// Version of Java.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jdk: Option<String>,
    /// Main class or jar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_class: Option<String>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Process id, as the process itself saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Samples that the diagnosis rests on.
    pub samples: u64,
    /// Seconds from the first to the last of them.
    pub span_s: f64,
    /// Start of the process and its last sample, milliseconds since the epoch; `None` where there is no sample.
    #[serde(skip)]
    pub life_ms: Option<(i64, i64)>,
    /// Where the trace lies; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Files whose lines were read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRead>,
}

/// A file whose lines were read.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct FileRead {
    /// Where it lies.
    pub path: String,
    /// What it was taken for.
    pub kind: &'static str,
    /// Lines in it.
    pub lines: u64,
    /// Lines that say something about memory or an end, as far as they were kept.
    pub facts: u64,
    /// Lines that were cut, for they are longer than any that is known.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut_lines: u64,
    /// Why it was not read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a process is in Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessKind {
    /// A TaskManager.
    Tm,
    /// A JobManager.
    Jm,
    /// Any other JVM.
    Jvm,
}

impl Subject {
    pub(super) fn of(case: &Case, budget: Option<&Budget>) -> Self {
        let header = &case.header;
        let process = match case.observed.process {
            Some(Process::TaskManager) => ProcessKind::Tm,
            Some(Process::JobManager) => ProcessKind::Jm,
            None => ProcessKind::Jvm,
        };
        let recorded = header
            .flink
            .as_ref()
            .and_then(|flink| flink.version.clone());
        // A version that the model cannot read is still worth showing.
        let version = budget.and_then(|budget| budget.version);
        let overruled =
            version.filter(|version| Some(*version) != case.observed.version || !case.has_trace());
        Self {
            process,
            flink_version: overruled.map(|version| version.to_string()).or(recorded),
            jdk: known(&header.jvm.version).or_else(|| case.jdk_in_lines()),
            main_class: header.jvm.main_class.clone(),
            host: known(&header.host),
            pid: case.has_samples().then_some(header.pid),
            samples: case.timeline.ticks,
            span_s: case.timeline.span_s(),
            life_ms: life(case),
            trace: case
                .has_trace()
                .then(|| case.directory.display().to_string()),
            files: case.sources.iter().map(FileRead::of).collect(),
        }
    }
}

fn life(case: &Case) -> Option<(i64, i64)> {
    let (first, last) = (
        case.timeline.moments.first()?,
        case.timeline.moments.last()?,
    );
    let start_ms = case.header.start_ms;
    // A trace that was begun by hand may know no start.
    let began = if start_ms > 0 { start_ms } else { first.t_ms };
    Some((began, last.t_ms))
}

impl FileRead {
    /// Its name without the folder.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn of(source: &Source) -> Self {
        Self {
            path: source.path.display().to_string(),
            kind: source.kind.name(),
            lines: source.lines,
            facts: source.facts,
            cut_lines: source.cut_lines,
            damage: source.damage.clone(),
        }
    }
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
