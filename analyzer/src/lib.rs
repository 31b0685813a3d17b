//! flinkmem's analyzer: traces and configuration in, findings out.
//!
//! The stages, each a module with one entry function:
//! ```text
//! inputs → case → rules → findings → report
//! ```
//! Rules do not print; reports do not think.
#![forbid(unsafe_code)]

pub mod attach;
pub mod budget;
pub mod case;
pub mod cli;
pub mod configuration;
pub mod doctor;
pub mod explain;
pub mod finding;
pub mod forecast;
pub mod heap;
pub mod input;
pub mod install;
pub mod lines;
pub mod live;
pub mod log_line;
pub mod metrics;
pub mod model;
pub mod network;
pub mod outside;
pub mod overview;
pub mod plan;
pub mod report;
pub mod rules;
pub mod serve;
pub mod size;
pub mod snapshot;
pub mod statistics;
pub mod top;
pub mod units;
pub mod watch;
