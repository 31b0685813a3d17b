//! What the agent wrote down about the process when it started.

use super::jvm_limits::JvmLimits;
use super::observed::{Observed, flink_limits};
use crate::model::{Process, Settings, Source, Value};
use flinkmem_trace::Header;

/// Reads the header of a trace.
#[must_use]
pub fn from_trace_header(header: &Header) -> Observed {
    let arguments: Vec<&str> = header.jvm.arguments.iter().map(String::as_str).collect();
    let mut observed = Observed {
        jvm_limits: JvmLimits::from_flags(&header.jvm.flags)
            .overridden_by(JvmLimits::from_arguments(arguments.iter().copied())),
        container_limit: header.system.cgroup_limit_bytes,
        ..Observed::default()
    };
    // What the JVM says of itself is nearer to the truth than its arguments.
    let said = header.jvm.max_direct_bytes.filter(|bytes| *bytes > 0);
    observed.jvm_limits.direct = said.or(observed.jvm_limits.direct);
    if let Some(flink) = &header.flink {
        observed.version = flink
            .version
            .as_deref()
            .and_then(|version| version.parse().ok());
        observed.process = match flink.process.as_str() {
            "tm" => Some(Process::TaskManager),
            "jm" => Some(Process::JobManager),
            _ => None,
        };
        let mut resolved = Settings::new();
        for (key, value) in &flink.options {
            resolved.set(key, Value::from(value.as_str()), Source::Trace);
        }
        observed.resolved = resolved;
    }
    observed.flink_limits = flink_limits(&observed.resolved, &arguments);
    observed
}
