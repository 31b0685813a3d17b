//! What fills a container beside the JVM.

use super::Scenario;

/// All of the family.
pub(super) const ALL: &[Scenario] = &[];
