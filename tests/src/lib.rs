//! The fault lab: real JVMs, real Flink, real faults.
//!
//! What the end-to-end tests (`tests/main.rs`) and the demo are made of: Java runtimes, Java programs compiled from
//! `java/`, JVMs with the agent, a Flink cluster, memory cgroups; and on the other end traces and verdicts. It uses the
//! built library, the built command line and trace files, as a user does, and none of the other crates' insides.
//!
//! Whatever is started here ends with the test that started it, also when the test is killed ([`process`]).

pub mod artefacts;
pub mod bench;
pub mod browser;
pub mod cgroup;
pub mod crowd;
pub mod documents;
pub mod flink;
pub mod javac;
pub mod jdk;
pub mod jvm;
pub mod ledger_table;
pub mod mount;
pub mod native_library;
pub mod process;
pub mod prometheus;
pub mod scenario;
pub mod serve;
pub mod skip;
pub mod soak;
pub mod terminal;
pub mod trace;
pub mod verdict;
pub mod wait;

pub use browser::Browser;
pub use cgroup::Cgroup;
pub use flink::{Cluster, ClusterBuilder};
pub use jdk::{Jdk, on_every_jdk};
pub use jvm::{Finished, Jvm, Running, Step};
pub use mount::Tmpfs;
pub use scenario::Scenario;
pub use trace::Trace;
pub use verdict::Verdict;
