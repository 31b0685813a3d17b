//! What the JVM calls: each entry is one guarded line.
//!
//! # Safety
//! The functions have the signatures of their JVMTI events, and are called by the JVM with what those promise: the
//! environment of the calling thread, and pointers that live as long as the call.
#![allow(unsafe_code)]

use crate::agent::jvmti;
use crate::incident::{self, desk};
use crate::{classes, gc_clock, guard, log, malloc, native_objects, natives, reporter, survivors};
use flinkmem_native::jvm::raw::{
    CallbackEnv, jint, jlong, jmethodID, jthread, jvmtiEnv, jvmtiEventCallbacks,
};
use flinkmem_native::jvm::with_env;
use std::ffi::{CStr, c_char, c_void};

/// The callbacks for the events that [`flinkmem_native::jvm::Jvmti::enable`] turns on.
pub(crate) fn table() -> jvmtiEventCallbacks {
    let mut table = jvmtiEventCallbacks::default();
    table.VMInit = Some(vm_init);
    table.VMDeath = Some(vm_death);
    table.NativeMethodBind = Some(native_method_bind);
    table.ResourceExhausted = Some(resource_exhausted);
    table.GarbageCollectionStart = Some(garbage_collection_start);
    table.GarbageCollectionFinish = Some(garbage_collection_finish);
    table.SampledObjectAlloc = Some(sampled_object_alloc);
    table
}

unsafe extern "system" fn vm_init(_: *mut jvmtiEnv, env: *mut CallbackEnv, _: jthread) {
    guard::entry(|| {
        let Some(jvmti) = jvmti() else { return };
        // SAFETY: the environment of this call; no exception is pending at VMInit.
        unsafe {
            with_env(env.cast(), classes::find);
            with_env(env.cast(), malloc::begin_stacks);
        }
        desk::open();
        // SAFETY: the environment of this call, in the live phase.
        let started = unsafe { jvmti.run_agent_thread(env.cast(), "flinkmem", reporter_thread) };
        if let Err(error) = started {
            desk::close();
            guard::disable(&format!("its thread cannot be started: {error}"));
        }
    });
}

/// The agent's thread.
pub(crate) unsafe extern "system" fn reporter_thread(
    _: *mut jvmtiEnv,
    env: *mut CallbackEnv,
    _: *mut c_void,
) {
    // SAFETY: the environment of this thread, valid until it returns.
    guard::entry(|| unsafe { reporter::run(env.cast()) });
    desk::close();
}

unsafe extern "system" fn vm_death(_: *mut jvmtiEnv, _: *mut CallbackEnv) {
    guard::entry(|| {
        malloc::end_stacks();
        desk::announce_death();
    });
}

unsafe extern "system" fn native_method_bind(
    _: *mut jvmtiEnv,
    env: *mut CallbackEnv,
    _: jthread,
    method: jmethodID,
    address: *mut c_void,
    new_address: *mut *mut c_void,
) {
    guard::entry(|| {
        // SAFETY: the method and the environment of this call.
        let identity = unsafe {
            jvmti().and_then(|jvmti| jvmti.native_method(env.cast(), method, is_candidate))
        };
        let wrapper = identity.and_then(|(class, name, signature)| {
            natives::wrap(&class, &name, &signature, address)
                .or_else(|| native_objects::wrap(&class, &name, &signature, method.cast(), address))
        });
        if let Some(wrapper) = wrapper.filter(|_| !new_address.is_null()) {
            // SAFETY: the JVM reads the new address when we return; the wrapper has the method's signature.
            unsafe { new_address.write(wrapper) };
        }
    });
}

/// Whether a native method of this name may be one that somebody stands before.
fn is_candidate(name: &str) -> bool {
    natives::is_candidate(name) || native_objects::is_candidate(name)
}

unsafe extern "system" fn resource_exhausted(
    _: *mut jvmtiEnv,
    _: *mut CallbackEnv,
    flags: jint,
    _: *const c_void,
    description: *const c_char,
) {
    guard::entry(|| {
        // SAFETY: null or a NUL-terminated string of the JVM's.
        let description = unsafe {
            (!description.is_null())
                .then(|| CStr::from_ptr(description).to_string_lossy().into_owned())
        };
        incident::resource_exhausted(u32::try_from(flags).unwrap_or(0), description);
    });
}

unsafe extern "system" fn garbage_collection_start(_: *mut jvmtiEnv) {
    guard::entry(gc_clock::begin);
}

unsafe extern "system" fn garbage_collection_finish(_: *mut jvmtiEnv) {
    guard::entry(gc_clock::end);
}

unsafe extern "system" fn sampled_object_alloc(
    _: *mut jvmtiEnv,
    env: *mut CallbackEnv,
    _: jthread,
    object: *mut c_void,
    _: *mut c_void,
    size: jlong,
) {
    // SAFETY: the environment and the object of this call.
    guard::entry(|| unsafe {
        survivors::sampled(env.cast(), object.cast(), u64::try_from(size).unwrap_or(0));
    });
}

/// Says which of the natives the JVM has not bound; called a moment after the start.
pub(crate) fn warn_of_unbound() {
    let missing: Vec<_> = natives::unbound()
        .into_iter()
        .filter(|name| name.ends_with("Memory0"))
        .collect();
    if !missing.is_empty() {
        log::warn(format_args!(
            "this JVM has not bound {}: off-heap memory is not accounted for",
            missing.join(", ")
        ));
    }
}
