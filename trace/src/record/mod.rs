//! The record types: one line of a trace is one [`Record`].
//!
//! Every record carries two times: `t_ms`, the wall clock in milliseconds since the epoch, and `up_ms`, a monotonic
//! clock in milliseconds since the agent started. Intervals are computed from `up_ms`, dates from `t_ms`.
//! Sizes are bytes and their names end in `_bytes`. What a source did not say is absent.

mod event;
mod header;
mod incident;
mod sample;
mod site;

pub use event::{End, EndReason, Event, EventKind};
pub use header::{FlinkFacts, Header, Jvm, System};
pub use incident::{Incident, IncidentKind};
pub use sample::{
    Accounting, AgentCost, Cgroup, CgroupEvents, Classes, Collector, Cpu, DirectMemory, Heap,
    OffHeap, Pauses, Pool, PoolKind, Process, Sample, SiteUse, Threads,
};
pub use site::{Frame, Site};

use serde::{Deserialize, Serialize};

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// What does not change: JVM, command line, limits. First in every file.
    Header(Box<Header>),
    /// All sources, read at one tick.
    Sample(Box<Sample>),
    /// A call site that allocated off-heap memory, named once.
    Site(Site),
    /// Something that happened.
    Event(Event),
    /// Something went wrong with memory, with everything known at that moment.
    Incident(Box<Incident>),
    /// The JVM ended in an orderly way. Its absence means a kill or a crash.
    End(End),
}

impl Record {
    /// Wall clock, milliseconds since the epoch.
    #[must_use]
    pub fn t_ms(&self) -> i64 {
        match self {
            Self::Header(record) => record.t_ms,
            Self::Sample(record) => record.t_ms,
            Self::Site(record) => record.t_ms,
            Self::Event(record) => record.t_ms,
            Self::Incident(record) => record.t_ms,
            Self::End(record) => record.t_ms,
        }
    }
}
