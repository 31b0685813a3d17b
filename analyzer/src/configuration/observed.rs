//! What a process says about itself: on its command line, in the head of its log, in a trace.

use super::jvm_limits::JvmLimits;
use crate::model::options::{FlinkOption, jm, tm};
use crate::model::{FlinkVersion, MemorySize, Process, Settings};
use std::collections::BTreeMap;

/// A process as it was started. What its source does not tell is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Flink's version.
    pub version: Option<FlinkVersion>,
    /// Which process it is.
    pub process: Option<Process>,
    /// The configuration file as Flink logged it while reading.
    pub configured: Settings,
    /// The `-D` options that the start script resolved and passed.
    pub resolved: Settings,
    /// Flink's own limits, before any that a user added.
    pub flink_limits: JvmLimits,
    /// The limits in force: the last of equal flags.
    pub jvm_limits: JvmLimits,
    /// Flink's table of pools, by the model's names, bytes.
    pub table: BTreeMap<&'static str, u64>,
    /// The memory limit of the container, bytes.
    pub container_limit: Option<u64>,
}

impl Observed {
    /// Whether anything is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The limits that Flink itself set: the sums of what it resolved, or else the first of equal JVM flags, for the start
/// script puts Flink's before those of `env.java.opts`.
pub(super) fn flink_limits(resolved: &Settings, arguments: &[&str]) -> JvmLimits {
    let from_the_front: Vec<&str> = arguments.iter().rev().copied().collect();
    let first = JvmLimits::from_arguments(from_the_front);
    let sum = |options: &[FlinkOption]| {
        let sizes = options.iter().map(|option| {
            let text = resolved.get(option.key)?.value.to_string();
            MemorySize::parse(&text).ok().map(MemorySize::bytes)
        });
        sizes.sum::<Option<u64>>()
    };
    let resolved = JvmLimits {
        heap: sum(&[tm::FRAMEWORK_HEAP, tm::TASK_HEAP]).or_else(|| sum(&[jm::HEAP])),
        direct: sum(&[tm::FRAMEWORK_OFF_HEAP, tm::TASK_OFF_HEAP, tm::NETWORK_MIN]),
        metaspace: sum(&[tm::METASPACE]).or_else(|| sum(&[jm::METASPACE])),
    };
    first.overridden_by(resolved)
}
