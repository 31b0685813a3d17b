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
}
