//! Every resident byte with its owner.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Every resident byte with its owner.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Ledger {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
}
