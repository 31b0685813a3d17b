//! Pages that had to come from a disk.

use serde::{Deserialize, Serialize};

/// Major faults of the process and swapping of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Paging {
    /// Faults of the process so far that had to wait for a disk (`majflt`): mapped files and swap.
    pub major_faults: u64,
    /// Bytes that the host read back from swap so far (`pswpin`); not in every sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_swapped_in_bytes: Option<u64>,
    /// Bytes that the host wrote to swap so far (`pswpout`); not in every sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_swapped_out_bytes: Option<u64>,
}
