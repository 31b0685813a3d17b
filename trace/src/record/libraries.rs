//! Live bytes of malloc by library.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Live bytes of malloc by library.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Libraries {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
}
