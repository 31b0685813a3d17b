//! Memory outside the JVM's own limits: the container, the allocator, and native libraries.

use super::{Facts, Verdict};

/// Asks the rules of this family.
pub(super) fn judge(_facts: Facts<'_>, _verdict: &mut Verdict) {}
