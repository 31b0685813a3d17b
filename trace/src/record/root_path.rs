//! The references that keep an object alive, from a GC root on.

use super::Taken;
use serde::{Deserialize, Serialize};

/// The references that keep an object alive, from a GC root on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RootPath {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
}
