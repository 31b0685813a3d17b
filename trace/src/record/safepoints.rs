//! Safepoints of the JVM.

use serde::{Deserialize, Serialize};

/// Stops of all Java threads, whatever for, as the JVM counts them. Absent with `-XX:-UsePerfData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Safepoints {
    /// Safepoints so far.
    pub count: u64,
    /// Time in them so far, milliseconds.
    pub stopped_ms: u64,
    /// Time that was waited for the last thread to stop so far, milliseconds.
    pub sync_ms: u64,
}
