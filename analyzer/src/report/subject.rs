//! Which process a report is about.

use crate::case::Case;
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
    pub(super) fn of(case: &Case) -> Self {
        let header = &case.header;
        let process = match case.flink().map(|flink| flink.process.as_str()) {
            Some("tm") => ProcessKind::Tm,
            Some("jm") => ProcessKind::Jm,
            _ => ProcessKind::Jvm,
        };
        Self {
            process,
            flink_version: case.flink().and_then(|flink| flink.version.clone()),
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
