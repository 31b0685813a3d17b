//! Saying that a test could not run here.

use std::io::Write;

/// Says on the process's own stderr, past the test harness's capture, that a part of a test did not run, and why.
pub fn skipped(test: &str, why: impl std::fmt::Display) {
    // Nothing is left to do when even stderr is gone.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}
