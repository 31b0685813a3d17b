//! The cgroup's limit on threads.

use serde::{Deserialize, Serialize};

/// Of the cgroup and its ancestors, the `pids` limit that is nearest to being met. Absent without any limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Pids {
    /// `pids.current`: threads of all processes below the limit.
    pub current: u64,
    /// `pids.max`.
    pub max: u64,
}
