//! A JVMTI environment of its own for a walk over the heap.
//!
//! Tagging objects is a capability that HotSpot grants at any time and that does not change how code is compiled. It is
//! asked for when a walk begins and given back with the environment when the walk ends, tags included, so that a process
//! that is never walked pays nothing.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::env::ALL_CLASSES;
use super::jvmti::{JvmError, error};
use jni::Env;
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jni::jclass;

/// An environment that may tag objects. Disposed of, with all its tags, when dropped.
pub struct TaggingEnv(Option<Bindings>);

impl TaggingEnv {
    /// A new environment in the JVM of `env`.
    ///
    /// # Errors
    /// When the JVM does not offer JVMTI or refuses the capability.
    pub fn new(env: &Env<'_>) -> Result<Self, JvmError> {
        let vm = env
            .get_java_vm()
            .map_err(|_| JvmError::Jni("the JVM has no invocation table"))?;
        // SAFETY: the invocation table of the JVM that we run in.
        let bindings = unsafe { Bindings::from_java_vm_raw(vm.get_raw().cast()) };
        let bindings = bindings.map_err(|code| JvmError::Jvmti {
            function: "GetEnv",
            code,
        })?;
        let tagging = Self(Some(bindings));
        tagging
            .bindings()
            .ok_or(JvmError::Jni("the environment is gone"))?
            .add_capabilities_with(|capabilities| capabilities.set_can_tag_objects(true))
            .map_err(|code| error("AddCapabilities", code))?;
        Ok(tagging)
    }

    /// Runs `body` with all loaded classes, each tagged with its place in the list, from 1. A class that cannot be tagged is
    /// walked over as one without a tag. Java objects are not made for it; the references to the classes are given back.
    pub(super) fn with_tagged_classes<T>(
        &self,
        env: &mut Env<'_>,
        body: impl FnOnce(&mut Env<'_>, &Bindings, &[jclass]) -> Result<T, JvmError>,
    ) -> Result<T, JvmError> {
        let bindings = self
            .bindings()
            .ok_or(JvmError::Jni("the environment is gone"))?;
        let mut result = Err(JvmError::Jni("no room for local references"));
        let framed = env.with_local_frame(ALL_CLASSES, |env| {
            result = bindings
                .get_loaded_classes()
                .map_err(|code| error("GetLoadedClasses", code))
                .and_then(|classes| {
                    for (tag, class) in (1..).zip(&classes) {
                        // SAFETY: a local reference of this frame.
                        let _ = unsafe { bindings.set_tag(class.cast(), tag) };
                    }
                    body(env, bindings, &classes)
                });
            Ok::<_, jni::errors::Error>(())
        });
        framed.map_err(|_| JvmError::Jni("no room for local references"))?;
        result
    }

    pub(super) fn bindings(&self) -> Option<&Bindings> {
        self.0.as_ref()
    }
}

impl Drop for TaggingEnv {
    fn drop(&mut self) {
        if let Some(bindings) = self.0.take() {
            // SAFETY: nobody else has this environment, and no walk of it is under way.
            let _ = unsafe { bindings.dispose_environment() };
        }
    }
}
