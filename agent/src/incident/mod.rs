//! Moments at which a limit is met, seen by the thread that meets it.
//!
//! The thread only notes who it is and what it asked for, hands the note to the agent's thread over the [`desk`], and
//! waits until the record is on disk, at most [`desk::PATIENCE`]. It is in native code meanwhile and holds up nobody but
//! itself. Repeated incidents of a kind are counted, not written ([`limiter`]).

pub(crate) mod desk;
mod limiter;

use crate::agent::{Moment, jvmti};
use crate::{fault, gc_clock, off_heap};
use desk::{Incident, Work};
use flinkmem_native::jvm::raw::{JNIEnv, jclass, jobject};
use flinkmem_native::jvm::{HeldThrowable, StackBuffer, is_instance_of};
use flinkmem_trace::IncidentKind;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Class of `OutOfMemoryError`; null until the agent's thread has found it.
static OUT_OF_MEMORY_ERROR: AtomicPtr<flinkmem_native::jvm::raw::Object> =
    AtomicPtr::new(std::ptr::null_mut());

/// `jmethodID` of `Bits.reserveMemory`; 0 until the agent's thread has found it.
static RESERVE_MEMORY: AtomicUsize = AtomicUsize::new(0);

/// How far below `Runtime.gc` `Bits.reserveMemory` may stand: `System.gc` is between them.
const RESERVE_MEMORY_DEPTH: usize = 4;

/// Tells what to look for; before this is called no incident of these two kinds is seen.
pub(crate) fn watch(out_of_memory_error: jclass, reserve_memory: Option<usize>) {
    OUT_OF_MEMORY_ERROR.store(out_of_memory_error, Ordering::Release);
    RESERVE_MEMORY.store(reserve_memory.unwrap_or(0), Ordering::Release);
}

/// `Runtime.gc` is about to run: an incident when a direct-memory reservation asked for it.
pub(crate) fn runtime_gc() {
    fault::point("gc");
    let reserve_memory = RESERVE_MEMORY.load(Ordering::Acquire);
    let Some(jvmti) = jvmti().filter(|_| reserve_memory != 0) else {
        return;
    };
    let stack = jvmti.current_stack();
    let from_reservation = stack
        .frames()
        .iter()
        .take(RESERVE_MEMORY_DEPTH)
        .any(|frame| frame.method == reserve_memory);
    if from_reservation {
        let incident = Incident {
            stack,
            ..Incident::new(IncidentKind::DirectSlowPath)
        };
        off_heap::set_slow_path(desk::submit(incident));
    }
}

/// The reservation that took the slow path has succeeded, for the memory itself is being allocated now.
pub(crate) fn slow_path_succeeded(incident: u32, bytes: u64) {
    off_heap::set_slow_path(0);
    desk::tell(Work::SlowPathSucceeded {
        incident,
        bytes,
        moment: Moment::now(),
    });
}

/// A throwable was made: an incident when it is an `OutOfMemoryError`. Its message is not set yet.
///
/// # Safety
/// `env` is the calling thread's and `throwable` a reference that it may use.
#[allow(unsafe_code)]
pub(crate) unsafe fn throwable_made(env: *mut JNIEnv, throwable: jobject) {
    let class = OUT_OF_MEMORY_ERROR.load(Ordering::Acquire);
    // SAFETY: the caller's promise; the class is a global reference.
    let is_error = !class.is_null() && unsafe { is_instance_of(env, throwable, class) };
    let Some(jvmti) = jvmti().filter(|_| is_error) else {
        return;
    };
    fault::point("error");
    // The reservation of this thread, if it had one, has failed.
    off_heap::set_slow_path(0);
    // SAFETY: the caller's promise.
    let (error_class, held) = unsafe {
        (
            jvmti.class_name(env, throwable),
            HeldThrowable::new(env, throwable),
        )
    };
    let incident = Incident {
        stack: jvmti.current_stack(),
        error_class,
        throwable: held,
        ..Incident::new(IncidentKind::OutOfMemoryError)
    };
    desk::submit(incident);
}

/// The JVM reports an exhausted resource.
pub(crate) fn resource_exhausted(flags: u32, description: Option<String>) {
    fault::point("exhausted");
    // Our own thread met the limit while it asked the JVM something. That is no storm: going deaf now would miss the
    // application's own error, which is near.
    if desk::is_staff() {
        return;
    }
    let stack = jvmti().map_or_else(StackBuffer::default, |jvmti| jvmti.current_stack());
    let incident = Incident {
        stack,
        flags: Some(flags),
        message: description,
        ..Incident::new(IncidentKind::ResourceExhausted)
    };
    if desk::submit(incident) == 0 {
        stop_listening();
    }
}

/// When listening to exhausted resources was stopped, on the agent's clock; 0 while it goes on.
static DEAF_SINCE_US: AtomicU64 = AtomicU64::new(0);

/// How long it is stopped.
const DEAF_US: u64 = 10_000_000;

/// HotSpot prints a line on the application's stdout for each event that somebody listens to. In a storm, whose incidents
/// are not written any more, nobody listens.
fn stop_listening() {
    if let Some(jvmti) = jvmti() {
        DEAF_SINCE_US.store(gc_clock::now_us().max(1), Ordering::Relaxed);
        jvmti.listen_to_exhaustion(false);
    }
}

/// Called by the agent's thread at its base interval.
pub(crate) fn listen_again() {
    let since = DEAF_SINCE_US.load(Ordering::Relaxed);
    let long_enough = since > 0 && gc_clock::now_us().saturating_sub(since) > DEAF_US;
    if let Some(jvmti) = jvmti().filter(|_| long_enough) {
        DEAF_SINCE_US.store(0, Ordering::Relaxed);
        jvmti.listen_to_exhaustion(true);
    }
}
