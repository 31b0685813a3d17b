//! A JVM seen from outside, with no agent in it: what the kernel, the counters that the JVM publishes and its answers tell, put down as an
//! agent would, as a header and samples. So rules, budgets and views know one kind of case.
//!
//! | file | what |
//! | --- | --- |
//! | `watcher.rs` | the process over time |
//! | `header.rs` | what does not change: versions, limits, options |
//! | `kernel.rs` | `/proc`, cgroups: resident memory, limits, processor time |
//! | `counters.rs` | the JVM's published counters: heap, metaspace, collections, threads, classes |
//! | `census.rs` | threads by name, children, other processes in the container |
//! | `questions.rs` | asking the JVM, from a thread of its own: it does not answer while it collects |
//! | `answers.rs` | what it says |
//!
//! What cannot be had so: who allocates what, how much direct memory is in use, and what led to an error.

mod answers;
mod census;
mod counters;
mod header;
mod kernel;
mod questions;
mod watcher;

pub use answers::Answers;
pub use watcher::{Asking, Outside};
