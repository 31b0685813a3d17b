//! Which process a value is about.

use super::points::Label;
use crate::case::Case;
use crate::report::{ProcessKind, Report};
use std::path::Path;

/// Which process a value is about: labels of every series in Prometheus, attributes of the resource in OTLP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Name of the trace's directory, which no other process has.
    pub trace: String,
    /// Host name.
    pub host: String,
    /// Process id, as the process itself saw it.
    pub pid: u32,
    /// `tm`, `jm` or `jvm`.
    pub process: &'static str,
}

impl Identity {
    /// The process of a case.
    #[must_use]
    pub fn of(case: &Case, report: &Report) -> Self {
        Self {
            trace: name_of(&case.directory),
            host: case.header.host.clone(),
            pid: case.header.pid,
            process: match report.subject.process {
                ProcessKind::Tm => "tm",
                ProcessKind::Jm => "jm",
                ProcessKind::Jvm => "jvm",
            },
        }
    }

    /// As labels.
    #[must_use]
    pub fn labels(&self) -> [Label; 4] {
        [
            ("host", self.host.clone()),
            ("pid", self.pid.to_string()),
            ("process", self.process.to_owned()),
            ("trace", self.trace.clone()),
        ]
    }
}

/// The name under which a trace is known: that of its directory.
pub(crate) fn name_of(directory: &Path) -> String {
    let absolute = directory.file_name().map(|name| name.to_string_lossy());
    absolute.map_or_else(String::new, |name| name.into_owned())
}
