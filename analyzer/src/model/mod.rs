//! Flink's memory model: from options to every pool, in bytes.
//!
//! [`derive()`] is the one entry. It is a pure function: a version, a kind of process and its options in; every pool with
//! its origin out, or Flink's own refusal. [`changes`] has what each Flink version changed, [`options`] the keys and
//! defaults. How options get out of files and command lines is [`crate::configuration`]'s business.

pub mod changes;
pub mod options;

mod answer_json;
mod container_request;
mod cpu;
mod decimal;
mod java_number;
mod jobmanager;
mod legacy;
mod legacy_heap;
mod local;
mod memory_size;
mod note;
mod origin;
mod process;
mod question;
mod range;
mod reader;
mod refusal;
mod rocksdb;
mod segment;
mod settings;
mod shares;
mod taskmanager;
mod version;
mod weights;

pub use answer_json::{refusal_json, to_json};
pub use container_request::ContainerRequest;
pub use cpu::{CpuCores, SlotCount};
pub use jobmanager::JobManagerModel;
pub use legacy::{ContainerModel, ShellModel};
pub use local::LocalModel;
pub use memory_size::MemorySize;
pub use note::{Level, Note};
pub use origin::{Derived, Origin};
pub use question::{Answer, Deployment, Environment, Model, Process, Question, Refused, derive};
pub use refusal::{Cause, Refusal};
pub use rocksdb::{RocksDbShare, RocksDbSource};
pub use settings::{Setting, Settings, Source, Value};
pub use shares::{NetworkBuffers, Shares, SlotShare};
pub use taskmanager::TaskManagerModel;
pub use version::{FlinkVersion, NotAVersion};
pub use weights::Weights;
