//! When and why evidence was taken.

use serde::{Deserialize, Serialize};

/// Common to all evidence that is taken rarely: the first fields of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Taken {
    /// Wall clock, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Why it was taken.
    pub occasion: Occasion,
    /// The incident that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<u32>,
    /// Wall time that taking it took, microseconds.
    pub cost_us: u64,
}

/// Why evidence was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It was due.
    #[default]
    Routine,
    /// It was due, near a limit.
    NearLimit,
    /// An incident had just been written.
    Incident,
    /// Somebody asked for a snapshot.
    Demand,
}
