//! Live objects of the Java heap by class.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Live objects of the Java heap by class.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Histogram {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
}
