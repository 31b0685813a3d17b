//! Flink's own figures, read from the fields of its objects.

use serde::{Deserialize, Serialize};

/// What Flink keeps account of inside this process. A figure that this version of Flink does not have, or that could not be
/// read without a doubt at this tick, is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FlinkInside {
    /// Network buffer pool; in a TaskManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkPool>,
    /// Slots; in a TaskManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots_total: Option<u64>,
    /// Slots that were given to jobs, with their managed memory; in a TaskManager.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// Tasks that were started so far, since Flink was found; in a TaskManager. Those that came and went between two
    /// samples are not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_started: Option<u64>,
    /// Tasks that ended so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_ended: Option<u64>,
    /// Jobs: with tasks here in a TaskManager, known to the dispatcher in a JobManager.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Job>,
    /// TaskManagers registered with the resource manager; in a JobManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_managers: Option<u64>,
    /// Time that this reading took, microseconds.
    pub cost_us: u64,
}

/// `NetworkBufferPool`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NetworkPool {
    /// `totalNumberOfMemorySegments`. All are allocated at start, in direct memory.
    pub segments_total: u64,
    /// `availableMemorySegments`: not lent to any buffer pool of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments_available: Option<u64>,
    /// `numTotalRequiredBuffers`: what the buffer pools of all tasks need at the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments_required: Option<u64>,
    /// `memorySegmentSize`.
    pub segment_bytes: u64,
}

/// `TaskSlot`, given to a job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Slot {
    /// `index`; below zero in slots with resources of their own.
    pub index: i64,
    /// The job, as Flink writes its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Tasks in it.
    pub tasks: u64,
    /// `UnsafeMemoryBudget.totalMemorySize` of its memory manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_bytes: Option<u64>,
    /// `UnsafeMemoryBudget.availableMemorySize`: not reserved. What RocksDB may use is reserved whole when the first state
    /// backend of the slot opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_available_bytes: Option<u64>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Job {
    /// Its id, as Flink writes it.
    pub id: String,
    /// Its tasks in this TaskManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u64>,
    /// Of them in state `RUNNING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<u64>,
    /// Highest attempt number of its tasks here, from 0; in a TaskManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// Latest checkpoint: that a task here took part in, or, in a JobManager, that was completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<u64>,
    /// `JobStatus`, such as `RUNNING`; in a JobManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Restarts so far; in a JobManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
    /// Checkpoints that failed so far; in a JobManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoints_failed: Option<u64>,
}
