//! Threads by name pattern.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Threads by name pattern.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ThreadCensus {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
}
