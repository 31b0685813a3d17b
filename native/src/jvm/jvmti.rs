//! The JVMTI environment: capabilities, events, properties, the agent's thread.
//!
//! # Safety
//! See the module above. `jvmti-bindings` checks every table slot before it calls it.
#![allow(unsafe_code)]

use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jni::JavaVM;
use jvmti_bindings::sys::jvmti::{
    JVMTI_EVENT_GARBAGE_COLLECTION_FINISH, JVMTI_EVENT_GARBAGE_COLLECTION_START,
    JVMTI_EVENT_NATIVE_METHOD_BIND, JVMTI_EVENT_RESOURCE_EXHAUSTED, JVMTI_EVENT_VM_DEATH,
    JVMTI_EVENT_VM_INIT, jvmtiEnv, jvmtiEventCallbacks,
};
use std::ffi::c_void;

/// A JVM function failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JvmError {
    /// JVMTI refused; the code is that of `jvmtiError`.
    #[error("JVMTI {function} failed with error {code}")]
    Jvmti {
        /// Function that failed.
        function: &'static str,
        /// `jvmtiError`.
        code: i32,
    },
    /// A JNI call failed or threw.
    #[error("JNI failed: {0}")]
    Jni(&'static str),
}

/// A JVMTI environment of our own. Usable from every attached thread.
#[derive(Debug, Clone, Copy)]
pub struct Jvmti(*mut jvmtiEnv);

// SAFETY: JVMTI environments may be used from any thread (JVMTI specification, "Environments").
unsafe impl Send for Jvmti {}
// SAFETY: as above; the functions are thread-safe.
unsafe impl Sync for Jvmti {}

impl Jvmti {
    /// A new environment in the JVM.
    ///
    /// # Errors
    /// When the JVM does not offer JVMTI 1.2.
    ///
    /// # Safety
    /// `vm` is the JVM's invocation table, as given to `Agent_OnLoad`.
    pub unsafe fn new(vm: *mut JavaVM) -> Result<Self, JvmError> {
        // SAFETY: the caller's promise.
        let bindings = unsafe { Bindings::from_java_vm_raw(vm) };
        bindings
            .map(|bindings| Self(bindings.raw()))
            .map_err(|code| JvmError::Jvmti {
                function: "GetEnv",
                code,
            })
    }

    pub(super) fn bindings(self) -> Bindings {
        // SAFETY: the pointer came from `Bindings::from_java_vm_raw` and environments are never disposed of.
        unsafe { Bindings::from_raw(self.0) }
    }

    pub(super) fn raw(self) -> *mut jvmtiEnv {
        self.0
    }

    /// Asks for what the agent needs and costs nothing while idle: the binding of native methods from the earliest
    /// phase on (else `Unsafe`'s bindings are missed), and the start and finish of collections. `live`: the JVM runs
    /// already, and the earliest phase is over.
    ///
    /// # Errors
    /// When the JVM refuses, for example because it is not HotSpot.
    pub fn add_capabilities(self, live: bool) -> Result<(), JvmError> {
        self.bindings()
            .add_capabilities_with(|capabilities| {
                capabilities.set_can_generate_native_method_bind_events(true);
                capabilities.set_can_generate_early_vmstart(!live);
                capabilities.set_can_generate_garbage_collection_events(true);
                capabilities.set_can_generate_resource_exhaustion_heap_events(true);
                capabilities.set_can_generate_resource_exhaustion_threads_events(true);
                capabilities.set_can_get_line_numbers(true);
            })
            .map(|_| ())
            .map_err(|code| error("AddCapabilities", code))
    }

    /// Installs `callbacks` and turns on the events that they handle.
    ///
    /// # Errors
    /// When the JVM refuses one of them.
    pub fn enable(self, callbacks: jvmtiEventCallbacks) -> Result<(), JvmError> {
        self.bindings()
            .set_event_callbacks(callbacks)
            .map_err(|code| error("SetEventCallbacks", code))?;
        let events = [
            JVMTI_EVENT_VM_INIT,
            JVMTI_EVENT_VM_DEATH,
            JVMTI_EVENT_NATIVE_METHOD_BIND,
            JVMTI_EVENT_RESOURCE_EXHAUSTED,
            JVMTI_EVENT_GARBAGE_COLLECTION_START,
            JVMTI_EVENT_GARBAGE_COLLECTION_FINISH,
        ];
        self.bindings()
            .enable_events_global(&events)
            .map_err(|code| error("SetEventNotificationMode", code))
    }

    /// Turns the event of exhausted resources on or off. While it is on, HotSpot prints a line of its own on stdout for
    /// each of them.
    pub fn listen_to_exhaustion(self, listen: bool) {
        let bindings = self.bindings();
        let event = [JVMTI_EVENT_RESOURCE_EXHAUSTED];
        // A refusal leaves the event as it was, which costs lines or incidents, nothing else.
        let _ = if listen {
            bindings.enable_events_global(&event)
        } else {
            bindings.disable_events_global(&event)
        };
    }

    /// A system property such as `java.version`.
    #[must_use]
    pub fn system_property(self, name: &str) -> Option<String> {
        self.bindings().get_system_property(name).ok()
    }

    /// Name of the calling thread.
    #[must_use]
    pub fn current_thread_name(self) -> Option<String> {
        // SAFETY: a null thread is the calling one. The local references that come back are freed when the native
        // method or the callback that we are in returns.
        unsafe { self.bindings().get_thread_info(std::ptr::null_mut()) }
            .ok()?
            .name
    }

    /// Starts `body` on a daemon thread that Java code does not see.
    ///
    /// # Errors
    /// When the thread object cannot be made or the JVM refuses to start it.
    ///
    /// # Safety
    /// `env` is the calling thread's `JNIEnv` in the live phase, with no exception pending.
    pub unsafe fn run_agent_thread(
        self,
        env: *mut jni::sys::JNIEnv,
        name: &str,
        body: unsafe extern "system" fn(
            *mut jvmtiEnv,
            *mut jvmti_bindings::sys::jni::JNIEnv,
            *mut c_void,
        ),
    ) -> Result<(), JvmError> {
        /// `JVMTI_THREAD_NORM_PRIORITY`.
        const NORMAL_PRIORITY: i32 = 5;
        // SAFETY: the caller's promise.
        let started = unsafe {
            super::with_env(env, |env| {
                let name = env.new_string(name)?;
                let arguments = [(&name).into()];
                let thread = env.new_object(
                    jni::jni_str!("java/lang/Thread"),
                    jni::jni_sig!("(Ljava/lang/String;)V"),
                    &arguments,
                )?;
                // SAFETY: a fresh, unstarted thread object; `body` is a function and lives as long as the library.
                Ok(self.bindings().run_agent_thread(
                    thread.as_raw().cast(),
                    body,
                    std::ptr::null(),
                    NORMAL_PRIORITY,
                ))
            })
        };
        started
            .ok_or(JvmError::Jni("cannot make the agent's thread object"))?
            .map_err(|code| error("RunAgentThread", code))
    }

    /// Class, name and signature of a method whose name `is_wanted`, as (`Ljava/lang/Runtime;`, `gc`, `()V`).
    ///
    /// # Safety
    /// `method` is a method id that the JVM lent for this call; `env` the calling thread's `JNIEnv` or null.
    #[must_use]
    pub unsafe fn native_method(
        self,
        env: *mut jni::sys::JNIEnv,
        method: *mut c_void,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Option<(String, String, String)> {
        let bindings = self.bindings();
        // SAFETY: the caller's promise; the class comes from the JVM and is a local reference that we delete.
        unsafe {
            let (name, signature, _) = bindings.get_method_name(method).ok()?;
            if !is_wanted(&name) {
                return None;
            }
            let class = bindings.get_method_declaring_class(method).ok()?;
            let found = bindings.get_class_signature(class).ok();
            delete_local(env, class.cast());
            Some((found?.0, name, signature))
        }
    }

    /// Class of `object`, with dots.
    ///
    /// # Safety
    /// `env` is the calling thread's and `object` a reference that it may use, not null.
    #[must_use]
    pub unsafe fn class_name(
        self,
        env: *mut jni::sys::JNIEnv,
        object: jni::sys::jobject,
    ) -> Option<String> {
        // SAFETY: the caller's promise; the class is a local reference that we delete.
        unsafe {
            let class = ((**env).v1_1.GetObjectClass)(env, object);
            let signature = self.bindings().get_class_signature(class.cast()).ok();
            delete_local(env, class);
            Some(super::method::dotted(&signature?.0))
        }
    }
}

/// Deletes a local reference.
///
/// # Safety
/// `env` is the calling thread's and `reference` a local reference of it, not used afterwards.
pub(super) unsafe fn delete_local(env: *mut jni::sys::JNIEnv, reference: jni::sys::jobject) {
    if env.is_null() || reference.is_null() {
        return;
    }
    // SAFETY: the caller's promise; DeleteLocalRef is in every JNI version.
    unsafe { ((**env).v1_1.DeleteLocalRef)(env, reference) };
}

pub(super) fn error(
    function: &'static str,
    code: jvmti_bindings::sys::jvmti::jvmtiError,
) -> JvmError {
    JvmError::Jvmti {
        function,
        code: code.raw(),
    }
}
