//! Something went wrong with memory.

use super::{Frame, Sample, SiteUse};
use serde::{Deserialize, Serialize};

/// A limit was met, with everything known at that moment. On disk before the error reaches the caller.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Incident {
    /// Wall clock, milliseconds since the epoch, when the thread met the limit.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Number within the trace, from 1.
    pub id: u32,
    /// What happened.
    pub incident: IncidentKind,
    /// The thread that met the limit: the requester, not necessarily the consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Its stack, innermost frame first.
    pub frames: Vec<Frame>,
    /// Bytes that were asked for, where the JVM lets it be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_bytes: Option<u64>,
    /// Class of the error, where there is one already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    /// The JVM's own words, where they are known at this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// JVMTI ResourceExhausted's flags (1 OOM error, 2 Java heap, 4 threads).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u32>,
    /// Incidents of the same kind since the last one written, this one not counted.
    pub suppressed: u64,
    /// All sources at this moment; pools and collectors as of the last tick, for the JVM may not be asked here.
    pub sample: Box<Sample>,
    /// Call sites with the most live off-heap bytes at this moment.
    pub sites: Vec<SiteUse>,
}

/// Kinds of incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// A direct-memory reservation did not fit; the JVM collects and retries for about half a second before it gives up.
    #[default]
    DirectSlowPath,
    /// Java code made an `OutOfMemoryError` (direct memory, Netty, arrays).
    OutOfMemoryError,
    /// The JVM reported an exhausted resource (heap, metaspace, threads).
    ResourceExhausted,
}
