//! The life of the process before this one.

use super::IncidentKind;
use serde::{Deserialize, Serialize};

/// How the process before this one ended: the newest trace in the same directory of a process that is gone and that ran the same
/// main class, of this host if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PreviousLife {
    /// Name of its trace's directory, beside this one's.
    pub directory: String,
    /// Whether it ran under this host name; a pod that is replaced gets another one.
    pub same_host: bool,
    /// How it ended.
    pub ended: Ending,
    /// Wall clock of its last record that was found, milliseconds since the epoch.
    pub last_seen_ms: i64,
    /// Kind of its last incident; absent when the end of its facts has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_incident: Option<IncidentKind>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_incident_ms: Option<i64>,
    /// `VmRSS` in its last sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_rss_bytes: Option<u64>,
    /// Usage of its cgroup in its last sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_usage_bytes: Option<u64>,
    /// Limit of its cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_limit_bytes: Option<u64>,
    /// Direct memory in its last sample, as the JVM holds it against the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_bytes: Option<u64>,
    /// Java heap in use in its last sample, garbage included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_bytes: Option<u64>,
    /// Traces of processes of this host in the directory, this one not counted: many of them, one soon
    /// after the other, are a restart loop.
    pub lives: u32,
    /// Time that looking for it took, microseconds.
    pub cost_us: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The JVM ended by itself: its trace has an `end`.
    Orderly,
    /// The process is gone, and its trace has no `end`.
    #[default]
    KilledOrCrashed,
    /// Whether it is gone is not known: locks do not work where the traces are.
    Unknown,
}
