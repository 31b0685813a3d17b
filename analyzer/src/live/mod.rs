//! Traces of processes that may still run, followed as they grow: what `top`, `watch` and `serve` look at.
//!
//! This module reads; when to look, and what to do with what is found, is for its callers.

mod follower;

pub use follower::Follower;
