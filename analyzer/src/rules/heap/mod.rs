//! The Java heap: what is live after collections, who holds it, and what did not fit.

use super::{Facts, Verdict};

/// Asks the rules of this family.
pub(super) fn judge(_facts: Facts<'_>, _verdict: &mut Verdict) {}
