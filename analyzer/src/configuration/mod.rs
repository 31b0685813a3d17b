//! Where a configuration comes from, and what became of it.
//!
//! Three layers stay apart. What was *configured* stands in files, `-D` arguments and environment variables
//! ([`load`]). What Flink *resolved* is on the command line that its start script wrote and in the log's head
//! ([`Observed`]). What the JVM *actually* runs with are its last flags ([`JvmLimits`]), for a later flag wins over
//! Flink's. [`layers::disagreements`] holds them against each other.

pub mod layers;

mod command_line;
mod config_yaml;
mod dynamic;
mod flink_conf;
mod folder;
mod java_options;
mod jvm_limits;
mod log_head;
mod observed;
mod trace_header;
mod yaml_scalar;
mod yaml_tree;

pub use command_line::from_command_line;
pub use config_yaml::parse as parse_config_yaml;
pub use dynamic::{NotAnOption, parse_dynamic};
pub use flink_conf::parse as parse_flink_conf;
pub use folder::{LoadError, Loaded, load, version_beside};
pub use java_options::java_options;
pub use jvm_limits::{JvmLimits, parse_jvm_size};
pub use log_head::{LogHead, from_log_head};
pub use observed::Observed;
pub use trace_header::from_trace_header;
pub use yaml_tree::yaml_document;
