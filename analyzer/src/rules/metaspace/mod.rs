//! Metaspace: classes, their loaders, and what keeps loaders of ended jobs.

use super::{Facts, Verdict};

/// Asks the rules of this family.
pub(super) fn judge(_facts: Facts<'_>, _verdict: &mut Verdict) {}
