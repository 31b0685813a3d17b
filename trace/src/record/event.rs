//! Things that happened, and the end.

use serde::{Deserialize, Serialize};

/// Something that happened and is no incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Event {
    /// Wall clock, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// What happened.
    pub event: EventKind,
    /// The incident that this belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<u32>,
    /// The JVM's words or the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Bytes that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Flink's id of the job that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// How many: tasks, or the number of a checkpoint, attempt or restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The message of an incident's error became known.
    #[default]
    ErrorMessage,
    /// A reservation that had taken the slow path succeeded after all; `bytes` is its size.
    SlowPathSucceeded,
    /// Sampling went to 10 Hz; `message` says why.
    SamplingFaster,
    /// Sampling went back to its base interval.
    SamplingSlower,
    /// A part of the agent was switched off; `message` says why.
    AgentDegraded,
    /// Old samples were thinned or removed to keep within the disk budget; `bytes` is what was given back.
    HistoryThinned,
    /// Tasks of a `job` were started; `number` of them, named `message`. See [`FlinkInside`](crate::FlinkInside).
    TaskStarted,
    /// Tasks of a `job` ended; `number` of them, named `message`.
    TaskEnded,
    /// A `job` came: its first task here, or to the JobManager.
    JobSeen,
    /// A `job` is gone.
    JobGone,
    /// A `job` made progress with its checkpoints; `number` is the latest one's.
    Checkpoint,
    /// Tasks of a `job` run in a new attempt, or the JobManager restarted it; `number` is the attempt's or how many restarts
    /// there were.
    Restart,
}

/// The JVM ended in an orderly way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct End {
    /// Wall clock, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Why.
    pub reason: EndReason,
}

/// Why a trace ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The JVM posted its VMDeath event.
    #[default]
    VmDeath,
}
