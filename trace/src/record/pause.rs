//! Pauses of the JVM.

use serde::{Deserialize, Serialize};

/// One stop of all Java threads for a collection. Short ones are in the samples' totals only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Pause {
    /// Wall clock at its begin, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Length, microseconds. The time until the last thread had stopped comes before it and is not in it.
    pub duration_us: u64,
    /// The JVM's word for why, such as `G1 Evacuation Pause`; absent where it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The JVM's word for what collected, such as `G1 young collection pauses`; absent where it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collector: Option<String>,
}
