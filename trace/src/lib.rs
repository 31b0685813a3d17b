//! What flinkmem writes down about one JVM: record types, writer, reader.
//!
//! A trace is a directory, `flinkmem-<host>-<pid>-<start>/`, of JSON-lines files ([`layout`]). Every line is one
//! complete [`Record`]. The records are plain data and say what a source said, unprocessed: rates, sums and verdicts
//! are the analyzer's. The types are the trace's own, so that a rename in a collector cannot break an old trace.
//!
//! This crate knows nobody: no JVM, no kernel interface, no policy on when to write.
#![forbid(unsafe_code)]

pub mod control;
pub mod format;
pub mod layout;
pub mod record;
pub mod version;

mod reader;
#[cfg(feature = "schema")]
mod schema;
mod writer;

pub use format::{FORMAT, Format, UnreadableFormat};
pub use reader::{
    Damage, GrowingTrace, Growth, LastWords, TraceError, TraceFile, TraceReader, find_traces,
    header_of,
};
pub use record::*;
#[cfg(feature = "schema")]
pub use schema::json_schema;
pub use writer::{DiskBudget, TraceWriter, WriteError, WriterStats};
