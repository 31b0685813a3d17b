//! Threads.

use super::Scenario;

/// All of the family.
pub(super) const ALL: &[Scenario] = &[];
