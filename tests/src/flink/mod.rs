//! A real Flink: JobManager, TaskManager and client on this machine, on free ports, with small memory.
//!
//! There are no start scripts: the processes are started as the scripts would start them, the TaskManager's memory derived
//! by Flink's own `BashJavaUtils`. One cluster at a time per test process unless
//! [`clusters_at_once`] says otherwise, for a machine of two cores.

mod cluster;
mod configuration;
mod home;
mod launch;
mod rest;
mod turn;

pub use cluster::{Cluster, ClusterBuilder};
pub(crate) use configuration::free_port;
pub use home::Home;
pub use launch::Role;
pub use rest::{JobId, Rest};
pub use turn::clusters_at_once;

/// The version that tests use where they do not say another.
pub const DEFAULT_VERSION: &str = "1.20.5";
