//! Pressure stall information of the kernel.

use serde::{Deserialize, Serialize};

/// How long tasks waited for a resource. Absent where the kernel does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Psi {
    /// Whose tasks.
    pub scope: PsiScope,
    /// For a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Stall>,
    /// For memory: reclaim, swap-in, pages read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Stall>,
    /// For input or output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<Stall>,
}

/// Whose tasks waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PsiScope {
    /// Those of the process's cgroup.
    #[default]
    Cgroup,
    /// All of the host's.
    Host,
}

/// Time waited so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Stall {
    /// Time in which at least one task waited, microseconds.
    pub some_us: u64,
    /// Time in which all tasks that were not idle waited, microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_us: Option<u64>,
}
