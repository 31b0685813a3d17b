//! Live bytes of malloc by library.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Live bytes of malloc by library, estimated from sampled blocks.
///
/// Counted is what libraries asked for since the agent was loaded, in the bytes they asked for; what the allocator adds is not in
/// it. Memory of `Unsafe` comes through `libjvm.so`, so the samples' `off_heap` is part of that library's figure.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Libraries {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// One block in about this many allocated bytes is sampled now.
    pub sampling_bytes: u64,
    /// Sampled blocks that found no room since the agent was loaded: they are missing in the live bytes.
    pub dropped_samples: u64,
    /// Libraries, those with the most live bytes first. `other` stands for those beyond the 255 that are told apart.
    pub libraries: Vec<LibraryUse>,
    /// Java stacks under which libraries allocated, those with the most live bytes first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<LibrarySite>,
    /// Libraries that allocate but are not counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedLibrary>,
}

/// What one library holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LibraryUse {
    /// The name that it was linked under, else its file's, without a path; runs of digits in a file's name are folded to `*`.
    pub name: String,
    /// Estimate of the live bytes, unbiased.
    pub live_bytes: u64,
    /// Estimate of the live blocks.
    pub live_count: u64,
    /// Estimate of the live bytes that have outlived the last three collections.
    pub old_bytes: u64,
    /// Sampled blocks behind the live figures; the relative error is about one over the square root.
    pub samples: u32,
    /// Estimate of what it has allocated since the agent was loaded, freed or not.
    pub allocated_bytes: u64,
    /// Sampled blocks behind that.
    pub allocated_samples: u64,
    /// Loaded objects of that name; 0 when it was unloaded.
    pub objects: u32,
    /// Slots of their import tables that lead to the agent.
    pub slots: u32,
}

/// What one library holds that it allocated under one Java stack.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LibrarySite {
    /// The library's name.
    pub library: String,
    /// The stack's site.
    pub id: u32,
    /// Estimate of the live bytes, unbiased.
    pub live_bytes: u64,
    /// Estimate of the live blocks.
    pub live_count: u64,
    /// Estimate of the live bytes that have outlived the last three collections.
    pub old_bytes: u64,
    /// Sampled blocks behind these figures.
    pub samples: u32,
}

/// A library that allocates but is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SkippedLibrary {
    /// Its name, as in [`LibraryUse`].
    pub name: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a library is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// It is the C library, the loader or the allocator: what they need for themselves is theirs.
    #[default]
    Allocator,
    /// It is the agent.
    Agent,
    /// Its import table cannot be made writable.
    Protected,
    /// Its import table leads to somebody else's functions.
    Foreign,
}
