//! Results of native methods, looked at in the thread that called them.
//!
//! # Safety
//! `GetArrayLength`, `GetLongArrayRegion` and `ExceptionCheck` make no Java call. The first two are called with no exception
//! pending and within the array's bounds, so they throw none.
#![allow(unsafe_code)]

use jni::sys::{JNIEnv, jlong, jobject};

/// Whether the calling thread has an exception pending.
///
/// # Safety
/// `env` is the calling thread's `JNIEnv`.
#[must_use]
pub unsafe fn exception_is_pending(env: *mut JNIEnv) -> bool {
    // SAFETY: the caller's promise.
    unsafe { ((**env).v1_2.ExceptionCheck)(env) }
}

/// Visits the elements of a `long[]`, in small portions on the stack. Nothing is visited when it is null or an exception is
/// pending.
///
/// # Safety
/// `env` is the calling thread's `JNIEnv`; `array` is null or a reference to a `long[]` that it may use.
pub unsafe fn for_each_long(env: *mut JNIEnv, array: jobject, mut visit: impl FnMut(jlong)) {
    const PORTION: usize = 32;
    // SAFETY: the caller's promise; see the module.
    unsafe {
        if array.is_null() || exception_is_pending(env) {
            return;
        }
        let length = ((**env).v1_1.GetArrayLength)(env, array);
        let mut portion = [0; PORTION];
        let mut start = 0;
        while start < length {
            let count = usize::try_from(length - start).unwrap_or(0).min(PORTION);
            let Ok(step) = i32::try_from(count) else {
                return;
            };
            ((**env).v1_1.GetLongArrayRegion)(env, array, start, step, portion.as_mut_ptr());
            portion.iter().take(count).for_each(|&value| visit(value));
            start += step;
        }
    }
}
