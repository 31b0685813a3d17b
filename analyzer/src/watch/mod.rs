//! What is worth telling about processes that run: `flinkmem watch`.
//!
//! ```text
//! live::Directory → reports → Standing (one a process: what holds, and what was told) → events → printed, handed to a program
//! ```
//! Judging is the rules'. This module decides what of it is news, and makes sure that nothing is told twice or too soon.

mod alarm;
mod event;
mod hook;
mod standing;
mod text;
mod watcher;

pub use alarm::{Alarm, Wake};
pub use event::{Event, EventKind, Reason, SCHEMA, json_schema};
pub use hook::{Hook, Program};
pub use standing::{LOOKS_TO_CLEAR, LOOKS_TO_TELL};
pub use text::to_line;
pub use watcher::{News, Watcher};
