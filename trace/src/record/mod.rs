//! The record types: one line of a trace is one [`Record`].
//!
//! Every record carries two times: `t_ms`, the wall clock in milliseconds since the epoch, and `up_ms`, a monotonic
//! clock in milliseconds since the agent started. Intervals are computed from `up_ms`, dates from `t_ms`.
//! Sizes are bytes and their names end in `_bytes`. What a source did not say is absent.

mod event;
mod flink;
mod header;
mod heap_sites;
mod histogram;
mod incident;
mod ledger;
mod libraries;
mod loaders;
mod native_objects;
mod netty;
mod paging;
mod pause;
mod pids;
mod previous;
mod psi;
mod rocksdb;
mod root_path;
mod safepoints;
mod sample;
mod site;
mod surroundings;
mod taken;
mod thread_census;

pub use event::{End, EndReason, Event, EventKind};
pub use flink::{FlinkInside, Job, NetworkPool, Slot};
pub use header::{FlinkFacts, Header, Jvm, System};
pub use heap_sites::{HeapSite, HeapSites};
pub use histogram::{
    ArraySize, ClassCount, HeldClass, Histogram, Holder, HolderKind, HolderSearch, Humongous,
};
pub use incident::{Incident, IncidentKind};
pub use ledger::{AllocatorFigures, Ledger, LedgerPart, Owner, UnclaimedMapping};
pub use libraries::{Libraries, LibrarySite, LibraryUse, SkipReason, SkippedLibrary};
pub use loaders::{Loader, LoaderClass, Loaders};
pub use native_objects::{NativeObjectClass, NativeObjectSite, NativeObjects};
pub use netty::NettyCopy;
pub use paging::Paging;
pub use pause::Pause;
pub use pids::Pids;
pub use previous::{Ending, PreviousLife};
pub use psi::{Psi, PsiScope, Stall};
pub use rocksdb::RocksDb;
pub use root_path::{
    Holds, PathOutcome, PathRoot, PathStep, ReferenceKind, Retention, RootKind, RootPath,
};
pub use safepoints::Safepoints;
pub use sample::{
    Accounting, AgentCost, Cgroup, CgroupEvents, Classes, Collector, Cpu, DirectMemory, Heap,
    OffHeap, Pauses, Pool, PoolKind, Process, Sample, SiteUse, Threads,
};
pub use site::{Frame, Site};
pub use surroundings::{
    CgroupMemory, HostMemory, OtherProcess, ProcessTotals, Relation, Surroundings,
};
pub use taken::{Occasion, Taken};
pub use thread_census::{TaskGroup, Tasks, ThreadCensus, ThreadCreator, ThreadGroup, ThreadLimits};

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
    /// Every resident byte with its owner.
    Ledger(Box<Ledger>),
    /// Objects of the Java heap by class.
    Histogram(Box<Histogram>),
    /// Where surviving Java objects were allocated.
    HeapSites(Box<HeapSites>),
    /// Class loaders with what they hold.
    Loaders(Box<Loaders>),
    /// Why an object is alive.
    RootPath(Box<RootPath>),
    /// Threads by name pattern.
    ThreadCensus(Box<ThreadCensus>),
    /// Java objects that hold native memory.
    NativeObjects(Box<NativeObjects>),
    /// `malloc` by library.
    Libraries(Box<Libraries>),
    /// What is outside the JVM.
    Surroundings(Box<Surroundings>),
    /// One stop of all Java threads.
    Pause(Pause),
    /// The JVM ended in an orderly way. Its absence means a kill or a crash.
    End(End),
}

impl Record {
    /// The kinds, as lines name them.
    pub const KINDS: [&str; 16] = [
        "header",
        "sample",
        "site",
        "event",
        "incident",
        "ledger",
        "histogram",
        "heap_sites",
        "loaders",
        "root_path",
        "thread_census",
        "native_objects",
        "libraries",
        "surroundings",
        "pause",
        "end",
    ];

    /// Wall clock, milliseconds since the epoch.
    #[must_use]
    pub fn t_ms(&self) -> i64 {
        match self {
            Self::Header(record) => record.t_ms,
            Self::Sample(record) => record.t_ms,
            Self::Site(record) => record.t_ms,
            Self::Event(record) => record.t_ms,
            Self::Incident(record) => record.t_ms,
            Self::Pause(record) => record.t_ms,
            Self::End(record) => record.t_ms,
            Self::Ledger(record) => record.taken.t_ms,
            Self::Histogram(record) => record.taken.t_ms,
            Self::HeapSites(record) => record.taken.t_ms,
            Self::Loaders(record) => record.taken.t_ms,
            Self::RootPath(record) => record.taken.t_ms,
            Self::ThreadCensus(record) => record.taken.t_ms,
            Self::NativeObjects(record) => record.taken.t_ms,
            Self::Libraries(record) => record.taken.t_ms,
            Self::Surroundings(record) => record.taken.t_ms,
        }
    }

    /// When and why evidence was taken; `None` for the other records.
    #[must_use]
    pub fn taken(&self) -> Option<&Taken> {
        match self {
            Self::Ledger(record) => Some(&record.taken),
            Self::Histogram(record) => Some(&record.taken),
            Self::HeapSites(record) => Some(&record.taken),
            Self::Loaders(record) => Some(&record.taken),
            Self::RootPath(record) => Some(&record.taken),
            Self::ThreadCensus(record) => Some(&record.taken),
            Self::NativeObjects(record) => Some(&record.taken),
            Self::Libraries(record) => Some(&record.taken),
            Self::Surroundings(record) => Some(&record.taken),
            Self::Header(_)
            | Self::Sample(_)
            | Self::Site(_)
            | Self::Event(_)
            | Self::Incident(_)
            | Self::Pause(_)
            | Self::End(_) => None,
        }
    }
}
