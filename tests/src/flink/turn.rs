//! Taking turns: how many clusters may run at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// One at a time unless told otherwise: the machine may be small.
static FREE: Mutex<usize> = Mutex::new(1);
static RETURNED: Condvar = Condvar::new();

/// Lets `clusters` run at once. To be called before the first is started.
pub fn clusters_at_once(clusters: usize) {
    *free() = clusters.max(1);
}

/// Permission to run a cluster, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn(());

impl Turn {
    /// Waits for it.
    pub(super) fn take() -> Self {
        let waited = RETURNED.wait_while(free(), |free| *free == 0);
        *waited.unwrap_or_else(PoisonError::into_inner) -= 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *free() += 1;
        RETURNED.notify_one();
    }
}

fn free() -> MutexGuard<'static, usize> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}
