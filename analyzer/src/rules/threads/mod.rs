//! Threads: their number, who creates them, and the limits on them.

use super::{Facts, Verdict};

/// Asks the rules of this family.
pub(super) fn judge(_facts: Facts<'_>, _verdict: &mut Verdict) {}
