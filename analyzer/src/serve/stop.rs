//! The wish to end, which sleeping threads hear at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tells threads to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Tells all who wait, and all who ask later.
    pub(super) fn now(&self) {
        *self.state() = true;
        self.0.1.notify_all();
    }

    /// Whether it was told.
    pub(super) fn is_set(&self) -> bool {
        *self.state()
    }

    /// Sleeps until then or until it is told; whether it was.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut stopped = self.state();
        while !*stopped {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.0.1.wait_timeout(stopped, left);
            stopped = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        *stopped
    }

    fn state(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_hears_it_at_once() {
        let stop = Stop::default();
        let asleep = stop.clone();
        let sleeper = std::thread::spawn(move || asleep.wait(Duration::from_secs(3600)));
        stop.now();
        assert!(sleeper.join().unwrap());
        assert!(stop.is_set());
    }

    #[test]
    fn without_it_the_time_passes() {
        assert!(!Stop::default().wait(Duration::from_millis(5)));
    }
}
