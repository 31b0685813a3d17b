//! What is outside the JVM: children, other processes, host.

use super::Taken;
use serde::{Deserialize, Serialize};

/// What is outside the JVM: children, other processes, host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Surroundings {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
}
