//! Coming late: the agent is loaded into a JVM that has run for a while (`flinkmem attach`).
//!
//! What is different from a start with the JVM:
//! * The native methods are bound already, so the events that tell their originals are over. The originals are learnt and
//!   the wrappers put in place by [`flinkmem_native::jvm::replace_natives`], which the JVM takes without a word.
//! * Blocks that were allocated before have no history. Only blocks whose allocation was seen are accounted for, so that a
//!   free of an early one is not held against those: sizes are kept in the table for good ([`crate::off_heap`]), and the
//!   account is that of the time since. The JVM's own counters of direct memory know the rest.

use crate::agent::Agent;
use crate::incident::desk;
use crate::{callbacks, classes, guard, log, malloc, native_objects, natives};
use flinkmem_native::jvm::raw::JNIEnv;
use flinkmem_native::jvm::{
    Jvmti, LoadedNative, exported_names, registered_natives, replace_loaded_natives,
    replace_natives, with_env,
};
use flinkmem_native::kernel::dynamic_linker;
use flinkmem_trace::control::AttachAnswer;
use std::ffi::{CStr, CString, c_void};

/// The library that holds the natives of `java.lang`, under its soname.
const JAVA_LIBRARY: &CStr = c"libjava.so";

/// The JVM itself.
const JVM_LIBRARY: &CStr = c"libjvm.so";

/// What a loaded copy of this library answers to [`flinkmem_is_at_work`].
const AT_WORK: u32 = 1;

/// Whether the agent in this copy of the library is at work. A library that was copied into a container and loaded beside
/// the one that is there is another copy, with an account of its own; the second must find the first and stay away.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub(crate) extern "C" fn flinkmem_is_at_work() -> u32 {
    u32::from(crate::agent::get().is_some())
}

/// Whether an agent is at work already, be it from this file or from a copy of it.
#[allow(unsafe_code)]
pub(crate) fn somebody_is_at_work() -> bool {
    let asks = dynamic_linker::exported_anywhere(c"flinkmem_is_at_work");
    asks.into_iter().any(|address| {
        // SAFETY: a function of that name is ours, in this or another version: no arguments, an integer.
        let ask: extern "C" fn() -> u32 = unsafe { std::mem::transmute(address) };
        ask() == AT_WORK
    })
}

/// Takes up the work in a JVM that runs, in the thread that loads the agent.
///
/// # Safety
/// `env` is the calling thread's in the live phase, without a pending exception.
#[allow(unsafe_code)]
pub(crate) unsafe fn begin(agent: &'static Agent, env: *mut JNIEnv) -> AttachAnswer {
    // SAFETY: the caller's promise.
    unsafe {
        with_env(env, classes::find);
        with_env(env, malloc::begin_stacks);
        take_places(env);
        take_places_of_native_objects(agent.jvmti, env);
        desk::open();
        let started = agent
            .jvmti
            .run_agent_thread(env, "flinkmem", callbacks::reporter_thread);
        if let Err(error) = started {
            desk::close();
            guard::disable(&format!("its thread cannot be started: {error}"));
            return AttachAnswer::Refused;
        }
    }
    AttachAnswer::Begun
}

/// Learns the originals, then stands before them.
///
/// # Safety
/// As [`begin`].
#[allow(unsafe_code)]
unsafe fn take_places(env: *mut JNIEnv) {
    // SAFETY: the caller's promise.
    match unsafe { registered_natives(env, natives::UNSAFE_CLASS) } {
        Ok(registered) => {
            for native in registered {
                natives::learn_registered(&native.name, &native.signature, native.function);
            }
        }
        Err(error) => log::warn(format_args!(
            "off-heap memory is not accounted for: the JDK's own functions cannot be learnt: {error}"
        )),
    }
    natives::learn_exported(|symbol| {
        dynamic_linker::exported(JAVA_LIBRARY, symbol)
            .or_else(|| dynamic_linker::exported(JVM_LIBRARY, symbol))
            .map(|address| address as *mut c_void)
    });
    let replacements = natives::replacements();
    // SAFETY: the caller's promise; each wrapper has its method's signature and knows its original.
    match unsafe { replace_natives(env, &replacements) } {
        Ok(replaced) if replaced.methods < replacements.len() => log::warn(format_args!(
            "only {} of {} native methods could be replaced",
            replaced.methods,
            replacements.len()
        )),
        Ok(replaced) if !replaced.quietly => log::info(format_args!(
            "the JVM's jni,resolve warnings are about this agent"
        )),
        Ok(_) => {}
        Err(error) => log::warn(format_args!(
            "native methods could not be replaced: {error}"
        )),
    }
}

/// Stands before the natives that create and dispose of objects with native memory, of classes that are loaded. Those of
/// classes that come later are seen when they are bound.
///
/// # Safety
/// As [`begin`].
#[allow(unsafe_code)]
unsafe fn take_places_of_native_objects(jvmti: Jvmti, env: *mut JNIEnv) {
    let wrapper = |native: &LoadedNative<'_>| {
        if !native_objects::is_candidate(native.name) {
            return None;
        }
        let address = exported_once(native)?;
        let (class, name, signature) = (native.class, native.name, native.signature);
        native_objects::wrap(class, name, signature, native.method, address)
    };
    // SAFETY: the caller's promise; a wrapper has its method's signature and knows its original.
    let replaced =
        unsafe { replace_loaded_natives(jvmti, env, native_objects::is_candidate_class, wrapper) };
    if let Err(error) = replaced {
        log::warn(format_args!(
            "objects that hold native memory are not counted, but for classes that are loaded later: {error}"
        ));
    }
}

/// The function that a loaded library exports for a method. When several do, as after a library was loaded for one class
/// loader after the other, it is not known which is whose.
fn exported_once(native: &LoadedNative<'_>) -> Option<*mut c_void> {
    let class = native.class.trim_start_matches('L').trim_end_matches(';');
    exported_names(class, native.name, native.signature)
        .into_iter()
        .find_map(|name| {
            let found = dynamic_linker::exported_anywhere(&CString::new(name).ok()?);
            match found.as_slice() {
                [address] => Some(*address as *mut c_void),
                _ => None,
            }
        })
}
