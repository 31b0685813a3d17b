//! Threads by name pattern.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Threads by name pattern, with who starts them and what limits them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ThreadCensus {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Java's platform threads that live, the agent's own included.
    pub live: u64,
    /// Of them daemons.
    pub daemon: u64,
    /// Threads by pattern of their names, the most numerous first.
    pub groups: Vec<ThreadGroup>,
    /// Live threads of groups that are not listed, or beyond the number that was looked at.
    pub others: u64,
    /// Places that start threads, those with the most live ones first.
    pub creators: Vec<ThreadCreator>,
    /// Starts since the agent was loaded.
    pub started: u64,
    /// Starts that the JVM refused since the agent was loaded.
    pub refused: u64,
    /// Starts whose creator was looked at but found no room.
    pub dropped: u64,
    /// All threads that the kernel knows; absent where it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Tasks>,
    /// What may refuse a thread.
    pub limits: ThreadLimits,
}

/// Threads whose names differ in numbers only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ThreadGroup {
    /// The name, with `#` for each number, hexadecimal id and UUID.
    pub pattern: String,
    /// Threads that live.
    pub live: u64,
    /// Of them daemons.
    pub daemon: u64,
    /// Threads seen with such a name, in all censuses so far. One that lived between two of them only is not seen.
    pub appeared: u64,
    /// Of these, threads that a later census did not find any more.
    pub vanished: u64,
    /// Classes of their context class loaders, but for the JVM's own, each once, three at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context_loaders: Vec<String>,
    /// Ids of the sites that started them, three at most, that with the most first; empty where none is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub creators: Vec<u32>,
}

/// A place that starts threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ThreadCreator {
    /// The [`id`](crate::Site::id) of its stack; 0 where that is not known.
    pub site: u32,
    /// Threads started so far; estimated where there were too many to look at each.
    pub started: u64,
    /// Of these, threads that live.
    pub live: u64,
}

/// Threads of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Tasks {
    /// All of the process.
    pub total: u64,
    /// Those that are none of Java's, by pattern of the kernel's name for them: the JVM's own and those of libraries.
    pub native: Vec<TaskGroup>,
    /// Threads whose name was not read, for there are too many, or which are in groups that are not listed.
    pub others: u64,
}

/// Threads of the kernel whose names differ in numbers only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TaskGroup {
    /// The name, of at most 15 letters, with `#` for each number.
    pub pattern: String,
    /// Threads.
    pub count: u64,
}

/// What may refuse a thread. Absent is what is not limited or not told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ThreadLimits {
    /// `pids.current`, of the cgroup whose limit is nearest to being met: threads of all processes in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_current: Option<u64>,
    /// Its `pids.max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_max: Option<u64>,
    /// Its directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_cgroup: Option<String>,
    /// `RLIMIT_NPROC`, soft: threads of all processes of this user on the host, whose number is not known here. Root is
    /// exempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nproc_soft: Option<u64>,
    /// `kernel.threads-max` of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_threads_max: Option<u64>,
    /// `kernel.pid_max` of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_pid_max: Option<u64>,
}
