//! Pauses and what else keeps a process from answering.

use super::{Facts, Verdict};

/// Asks the rules of this family.
pub(super) fn judge(_facts: Facts<'_>, _verdict: &mut Verdict) {}
