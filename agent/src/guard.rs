//! The border to the JVM: nothing unwinds across it, and a panic switches the agent off.

use crate::log;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

static DISABLED: AtomicBool = AtomicBool::new(false);

/// Runs the body of a callback or a native method. `None` when the agent is switched off or panicked just now.
#[inline]
pub(crate) fn entry<T>(body: impl FnOnce() -> T) -> Option<T> {
    if is_disabled() {
        return None;
    }
    catch_unwind(AssertUnwindSafe(body))
        .map_err(|_| disable("it panicked"))
        .ok()
}

/// Switches the agent off for good and says so once. The JVM runs on as if it had not been there.
#[cold]
pub(crate) fn disable(reason: &str) {
    if !DISABLED.swap(true, Ordering::Relaxed) {
        log::error(format_args!(
            "the agent is switched off for the rest of this JVM's life: {reason}"
        ));
    }
}

/// Whether the agent is switched off.
#[inline]
pub(crate) fn is_disabled() -> bool {
    DISABLED.load(Ordering::Relaxed)
}

/// Keeps Rust's own panic message, with its backtrace, out of the host's stderr: one line of ours instead.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(location) => log::error(format_args!(
            "panic at {}:{}; please report it",
            location.file(),
            location.line()
        )),
        None => log::error(format_args!("panic; please report it")),
    }));
}
