//! Java objects that hold native memory, created less disposed.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Java objects that hold native memory: how many were created and disposed of, by class.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NativeObjects {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Classes of which an object was seen.
    pub classes: Vec<NativeObjectClass>,
    /// Native methods that create or dispose but are not watched, because there was no room. Their classes are marked.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped_methods: u64,
}

/// Objects of one class since the JVM started. Classes of the same name from several class loaders are one. Live ones are
/// the difference.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NativeObjectClass {
    /// Class that declares the disposing method, with dots, such as `org.rocksdb.RocksIterator`.
    pub class: String,
    /// Created, exact.
    pub created: u64,
    /// Disposed of, exact.
    pub disposed: u64,
    /// Not all methods that create or dispose of such objects are watched, or not from the start (`attached_late`): the counts
    /// are not whole, and more may have been disposed of than created.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// Where the live ones were created, most first; absent where the library does not tell which object it disposes of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<NativeObjectSite>,
}

/// Live objects that one call site created, estimated from samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NativeObjectSite {
    /// Site; 0 for stacks that found no room.
    pub id: u32,
    /// Live objects, estimated; exact while every object is sampled, that is while they are few.
    pub live: u64,
    /// Samples behind the estimate.
    pub samples: u32,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
