//! Flink's own pools: network buffers and managed memory.

use super::{Facts, Verdict};

/// Asks the rules of this family.
pub(super) fn judge(_facts: Facts<'_>, _verdict: &mut Verdict) {}
