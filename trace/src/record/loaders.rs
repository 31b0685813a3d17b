//! Class loaders with their classes and metaspace.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Class loaders with their classes and metaspace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Loaders {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Classes of all loaders, arrays and hidden classes included.
    pub classes: u32,
    /// Live loaders that are not the JDK's own, so of jobs, plugins and generated code. Only those that define a class.
    pub user_loaders: u32,
    /// The most live loaders that define a class of one name. 1: no class was loaded anew while the old one stayed.
    pub generations: u32,
    /// A class of which there are that many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generations_of: Option<String>,
    /// Threads whose context class loader is one of Flink's wrappers for user code that was closed: its job has ended.
    pub threads_of_closed_wrappers: u32,
    /// All loaders, summed up by their class, most classes first; at most 32.
    pub by_class: Vec<LoaderClass>,
    /// Live loaders that are not the JDK's own, oldest first. At most 32: closed ones go before others, then those whose
    /// classes another loader defined anew, then those with most classes.
    pub loaders: Vec<Loader>,
}

/// All loaders of one class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LoaderClass {
    /// Class of the loaders; `boot` for the JVM's own.
    pub class: String,
    /// Live loaders.
    pub loaders: u32,
    /// Classes that they defined.
    pub classes: u32,
    /// Metaspace of these classes in use; absent where the JVM was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metaspace_used_bytes: Option<u64>,
    /// Metaspace set aside for these loaders; absent where the JVM was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metaspace_reserved_bytes: Option<u64>,
}

/// One live loader.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Loader {
    /// Number within the trace, from 1, rising with age: of two loaders the younger has the higher one. Absent where there
    /// are more loaders than the agent tells apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Its class.
    pub class: String,
    /// `ClassLoader.getName()`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When a census first saw it, milliseconds since the agent started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_up_ms: Option<u64>,
    /// Classes that it defined.
    pub classes: u32,
    /// Class of its parent; `boot` for the JVM's own.
    pub parent_class: String,
    /// The parent's number, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// Whether `URLClassLoader.close()` was called on it, so whether its job has ended. Absent for other loaders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// Live threads that have it, or Flink's wrapper around it, as their context class loader.
    pub context_of_threads: u32,
    /// Live loaders, this one included, that define [`shared_class`](Self::shared_class). 1: it shares none.
    pub generations: u32,
    /// Of them, those younger than this one.
    pub newer_generations: u32,
    /// The class that it shares with most others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_class: Option<String>,
}
