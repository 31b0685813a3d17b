//! Where the Java objects that survive were allocated.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Call sites of Java objects that have survived a collection, estimated from sampled allocations. Only what was allocated
/// while the heap was near its limit is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HeapSites {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Mean distance between samples now, bytes.
    pub sampling_bytes: u64,
    /// Allocations sampled so far.
    pub samples: u64,
    /// Of them, those that found no room.
    pub dropped: u64,
    /// Sites with the most live bytes, most first. Empty when the sampling has just begun.
    pub sites: Vec<HeapSite>,
}

/// Surviving objects of one call site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HeapSite {
    /// The site's [`id`](crate::Site::id).
    pub id: u32,
    /// Class of one of the objects, as in Java's source; absent when it is gone by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Class loader's class, as in [`ClassCount::loader`](crate::ClassCount::loader).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
    /// Bytes live now, of objects that have survived a collection.
    pub live_bytes: u64,
    /// Objects.
    pub live_count: u64,
    /// Of the live bytes, those that were there before the last [`OLD_COLLECTIONS`](Self::OLD_COLLECTIONS) collections.
    pub old_bytes: u64,
    /// Sampled objects behind the figures: fewer samples, wider error.
    pub samples: u32,
}

impl HeapSite {
    /// An object is old when it was there before this many collections.
    pub const OLD_COLLECTIONS: u64 = 3;
}
