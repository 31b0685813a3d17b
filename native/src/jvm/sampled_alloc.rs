//! Sampled allocations of Java objects: the JVM calls back for one in so many allocated bytes.
//!
//! The capability is asked for when it is needed and given back afterwards: while nobody has it, allocation is as fast as
//! without an agent. Only one agent of a process can have it at a time.
//!
//! # Safety
//! See the module above. Weak references are made and deleted with the environment of the calling thread, and each deleted
//! once.
#![allow(unsafe_code)]

use super::Jvmti;
use super::java_class::{ClassIdentity, identify};
use super::jvmti::{JvmError, delete_local, error};
use jni::sys::{JNIEnv, jobject};
use jvmti_bindings::sys::jvmti::{JVMTI_EVENT_SAMPLED_OBJECT_ALLOC, jvmtiCapabilities};

impl Jvmti {
    /// Begins to call the event `SampledObjectAlloc`, once in `interval_bytes` on average.
    ///
    /// # Errors
    /// When the JVM refuses, as when another agent samples.
    pub fn begin_sampling_allocations(self, interval_bytes: u32) -> Result<(), JvmError> {
        let bindings = self.bindings();
        bindings
            .add_capabilities_with(|capabilities| {
                capabilities.set_can_generate_sampled_object_alloc_events(true);
            })
            .map_err(|code| error("AddCapabilities", code))?;
        let begun = self.set_sampling_interval(interval_bytes).and_then(|()| {
            bindings
                .enable_events_global(&[JVMTI_EVENT_SAMPLED_OBJECT_ALLOC])
                .map_err(|code| error("SetEventNotificationMode", code))
        });
        if begun.is_err() {
            self.end_sampling_allocations();
        }
        begun
    }

    /// Changes the mean distance between samples.
    ///
    /// # Errors
    /// When the JVM refuses.
    pub fn set_sampling_interval(self, interval_bytes: u32) -> Result<(), JvmError> {
        let interval = i32::try_from(interval_bytes).unwrap_or(i32::MAX);
        self.bindings()
            .set_heap_sampling_interval(interval)
            .map_err(|code| error("SetHeapSamplingInterval", code))
    }

    /// Ends it and gives the capability back.
    pub fn end_sampling_allocations(self) {
        let bindings = self.bindings();
        let mut capabilities = jvmtiCapabilities::default();
        capabilities.set_can_generate_sampled_object_alloc_events(true);
        // A refusal leaves it on: samples cost, but do no harm.
        let _ = bindings.disable_events_global(&[JVMTI_EVENT_SAMPLED_OBJECT_ALLOC]);
        let _ = bindings.relinquish_capabilities(&capabilities);
    }

    /// Class of the object behind a weak reference; `None` when it is gone.
    ///
    /// # Safety
    /// `env` is the calling thread's, `weak` a weak reference that is not deleted.
    #[must_use]
    pub unsafe fn weakly_held_class(self, env: *mut JNIEnv, weak: usize) -> Option<ClassIdentity> {
        // SAFETY: the caller's promise; the local references are deleted.
        unsafe {
            let object = ((**env).v1_2.NewLocalRef)(env, weak as jobject);
            if object.is_null() {
                return None;
            }
            let class = ((**env).v1_1.GetObjectClass)(env, object);
            let identity = identify(&self.bindings(), env, class.cast());
            delete_local(env, class);
            delete_local(env, object);
            identity
        }
    }
}

/// A weak reference to `object`, which keeps nothing alive; 0 when the JVM has no room for one. No exception is left.
///
/// # Safety
/// `env` is the calling thread's and `object` a reference that it may use.
#[must_use]
pub unsafe fn weak_reference(env: *mut JNIEnv, object: jobject) -> usize {
    // SAFETY: the caller's promise. An exception that was there before is the application's, and nothing is asked then.
    unsafe {
        if ((**env).v1_2.ExceptionCheck)(env) {
            return 0;
        }
        let weak = ((**env).v1_2.NewWeakGlobalRef)(env, object);
        if ((**env).v1_2.ExceptionCheck)(env) {
            ((**env).v1_1.ExceptionClear)(env);
        }
        weak as usize
    }
}

/// Whether the object behind a weak reference is gone.
///
/// # Safety
/// `env` is the calling thread's, `weak` a weak reference that is not deleted.
#[must_use]
pub unsafe fn is_gone(env: *mut JNIEnv, weak: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { ((**env).v1_1.IsSameObject)(env, weak as jobject, std::ptr::null_mut()) }
}

/// Deletes a weak reference.
///
/// # Safety
/// `env` is the calling thread's; `weak` came from [`weak_reference`], is not 0 and not used afterwards.
pub unsafe fn delete_weak_reference(env: *mut JNIEnv, weak: usize) {
    // SAFETY: the caller's promise.
    unsafe { ((**env).v1_2.DeleteWeakGlobalRef)(env, weak as jobject) };
}
