//! Which process a report is about.

use crate::budget::Budget;
use crate::case::Case;
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
    pub jdk: String,
    /// Main class or jar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_class: Option<String>,
    /// Host name.
    pub host: String,
    /// Process id, as the process itself saw it.
    pub pid: u32,
    /// Samples that the diagnosis rests on.
    pub samples: u64,
    /// Seconds from the first to the last of them.
    pub span_s: f64,
    /// Where the trace lies.
    pub trace: String,
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
        let overruled = version.filter(|version| Some(*version) != case.observed.version);
        Self {
            process,
            flink_version: overruled.map(|version| version.to_string()).or(recorded),
            jdk: header.jvm.version.clone(),
            main_class: header.jvm.main_class.clone(),
            host: header.host.clone(),
            pid: header.pid,
            samples: case.timeline.ticks,
            span_s: case.timeline.span_s(),
            trace: case.directory.display().to_string(),
        }
    }
}
