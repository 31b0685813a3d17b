//! Waiting for a condition.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(25);

/// How long a JVM may take for anything a test asks of it. Generous: the machine may be busy, and a test that passes
/// never waits that long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until `look` finds something.
///
/// # Errors
/// `look`'s own, or that `deadline` passed, naming `what` was waited for.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > deadline {
            bail!("gave up after {deadline:?} waiting for {what}");
        }
        std::thread::sleep(PAUSE);
    }
}
