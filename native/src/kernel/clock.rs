//! Clocks: wall, monotonic, and CPU time of the process and the calling thread.

use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall clock, milliseconds since the epoch; negative before 1970.
#[must_use]
pub fn wall_ms() -> i64 {
    let now = SystemTime::now();
    match now.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// User and system time of all threads of this process so far.
#[must_use]
pub fn process_cpu() -> Option<Duration> {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// User and system time of the calling thread so far.
#[must_use]
pub fn thread_cpu() -> Option<Duration> {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: ClockId) -> Option<Duration> {
    clock_gettime(clock).ok().map(Duration::from)
}
