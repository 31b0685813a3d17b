//! What the command line and an agent at work say to each other: names of files in the trace directory, and numbers.

use std::time::Duration;

/// Left in the trace directory by whoever wants everything taken now. The agent looks for it once a base interval. It may say
/// how many milliseconds Java threads may stand still for each walk over the heap; empty for [`USUAL_PATIENCE`].
pub const SNAPSHOT_REQUEST: &str = "snapshot.request";

/// How long Java threads may stand still for a walk over the heap when somebody asks for a snapshot and says no more: no
/// longer than for a full collection, and far below any heartbeat's timeout.
pub const USUAL_PATIENCE: Duration = Duration::from_secs(1);

/// The most that may be asked for.
pub const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// What the agent renames a request to while it takes what was asked for; gone when everything is on disk.
pub const SNAPSHOT_UNDER_WAY: &str = "snapshot.taking";

/// What `Agent_OnAttach` returns, which the JVM hands on to who attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachAnswer {
    /// The agent has taken up its work.
    Begun,
    /// One is at work already; nothing was changed.
    AtWorkAlready,
    /// It cannot work in this JVM; it said why on the JVM's stderr.
    Refused,
}

impl AttachAnswer {
    /// The number. HotSpot's own failures are small negative and positive numbers.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Begun => 0,
            Self::AtWorkAlready => 7001,
            Self::Refused => 7002,
        }
    }

    /// The answer behind a number, unless it is not the agent's.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Begun, Self::AtWorkAlready, Self::Refused]
            .into_iter()
            .find(|answer| answer.code() == code)
    }
}
