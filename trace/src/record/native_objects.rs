//! Java objects that hold native memory, created less disposed.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Java objects that hold native memory, created less disposed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NativeObjects {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
}
