//! Traces of processes that may still run, followed as they grow: what `top`, `watch` and `serve` look at.
//!
//! This module reads, and judges no more than it must; when to look, and what to do with what is found, is for its callers.

mod directory;
mod follower;
mod process;

pub use directory::{Changes, Directory};
pub use follower::Follower;
pub use process::{Life, Process};
