//! Using a `JNIEnv` that the JVM lent us.
//!
//! # Safety
//! See the module above: the pointer belongs to the calling thread for the length of the call.
#![allow(unsafe_code)]

use jni::sys::JNIEnv;
use jni::{Env, EnvUnowned, Outcome};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Capacity of a frame that takes references to all loaded classes. No memory is taken for it: it only tells `-Xcheck:jni`
/// that so many are meant. HotSpot accepts up to 65,536.
pub(super) const ALL_CLASSES: usize = 60_000;

/// Runs `body` with the environment of the calling thread, within a local reference frame of its own.
///
/// A panic or a Java exception inside is swallowed and gives `None`; an exception of ours is never left pending. One that
/// is pending already is the application's: it stays, `body` does not run, and the result is `None`.
///
/// # Safety
/// `env` is the calling thread's `JNIEnv`, valid for the length of the call.
pub unsafe fn with_env<T>(
    env: *mut JNIEnv,
    body: impl FnOnce(&mut Env<'_>) -> jni::errors::Result<T>,
) -> Option<T> {
    if env.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    let mut unowned = unsafe { EnvUnowned::from_raw(env) };
    let outcome = unowned.with_env(|env| -> jni::errors::Result<T> {
        if env.exception_check() {
            return Err(jni::errors::Error::JavaException);
        }
        let result = catch_unwind(AssertUnwindSafe(|| env.with_local_frame(16, body)));
        if env.exception_check() {
            env.exception_clear();
        }
        result.unwrap_or_else(|payload| resume_unwind(payload))
    });
    match outcome.into_outcome() {
        Outcome::Ok(value) => Some(value),
        Outcome::Err(_) | Outcome::Panic(_) => None,
    }
}
