//! What the agent's evidence costs in a large process: by signal, as a share of the time at its routine pace, and as
//! pauses of the application; what a tick costs there; what the survivors' sampling costs those who allocate.
//!
//! The agent itself tells what each reading took (`cost_us`, `pause_us` … in the [trace](flinkmem_trace)): what is measured
//! here is what every process in the field tells.

mod allocation;
mod large;
mod routine;
mod takings;

use super::{Effort, Row};
use crate::Jdk;
use anyhow::Result;
use std::time::Duration;

/// Share of the wall time that a signal may take as a matter of routine.
const MOST_PERCENT: f64 = 0.1;

/// What the application may stand still for something that nobody asked for.
const MOST_ROUTINE_PAUSE_MS: f64 = 100.0;

/// Measures all of it.
///
/// # Errors
/// When a JVM cannot be started or ends, or the agent takes nothing.
pub fn measure(jdk: &Jdk, effort: &Effort, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    let mut rows = large::measure(jdk, effort, progress)?;
    rows.extend(routine::measure(jdk, effort, progress)?);
    rows.extend(allocation::measure(jdk, effort, progress)?);
    Ok(rows)
}

/// How often a signal is taken as a matter of routine, far from every limit: `interval` in `agent/src/evidence`, which
/// nothing outside the agent can ask for.
#[derive(Debug, Clone, Copy)]
struct Cadence {
    every: Duration,
    /// The rest is at least that many times what the last reading took.
    rest: u32,
}

impl Cadence {
    const fn seconds(seconds: u64) -> Self {
        Self {
            every: Duration::from_secs(seconds),
            rest: 0,
        }
    }

    const fn resting(seconds: u64, rest: u32) -> Self {
        Self {
            every: Duration::from_secs(seconds),
            rest,
        }
    }

    /// Share of the wall time in percent, when a reading takes that long.
    fn percent(self, cost_ms: f64) -> f64 {
        let every_ms = self.every.as_secs_f64() * 1e3;
        100.0 * cost_ms / every_ms.max(cost_ms * f64::from(self.rest))
    }

    fn words(self) -> String {
        let stretched = if self.rest > 0 {
            format!(" or {} × its cost", self.rest)
        } else {
            String::new()
        };
        format!("every {} s{stretched}", self.every.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::Cadence;

    #[test]
    fn a_cost_is_a_share_of_the_time_between_two_readings() {
        let fixed = Cadence::seconds(10);
        assert!((fixed.percent(5.0) - 0.05).abs() < 1e-9);
        assert!((fixed.percent(50.0) - 0.5).abs() < 1e-9);
        let stretched = Cadence::resting(10, 1000);
        assert!((stretched.percent(5.0) - 0.05).abs() < 1e-9);
        assert!((stretched.percent(50.0) - 0.1).abs() < 1e-9);
        assert_eq!(stretched.words(), "every 10 s or 1000 × its cost");
    }
}
