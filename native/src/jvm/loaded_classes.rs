//! Classes that the application has loaded, found without loading or initialising any, and their static fields.
//!
//! # Safety
//! See the module above. A static field is looked up in an initialised class only, for a look-up initialises.
#![allow(unsafe_code)]

use super::Jvmti;
use super::env::ALL_CLASSES;
use super::jvmti::{JvmError, error};
use jni::Env;
use jni::ids::JStaticFieldID;
use jni::objects::{JClass, JObject};
use jni::refs::{Reference, Weak};
use jni::signature::{JavaType, Primitive, RuntimeFieldSignature};
use jni::strings::JNIString;
use jvmti_bindings::sys::jvmti::JVMTI_CLASS_STATUS_INITIALIZED;

/// A class that is loaded, or was: it is held weakly.
pub struct LoadedClass {
    /// Signature, such as `Ljava/lang/Runtime;`.
    pub signature: String,
    class: Weak<JClass<'static>>,
}

impl Jvmti {
    /// The loaded classes whose signature `is_wanted`. Takes some milliseconds with ten thousand classes; while the JVM
    /// lists them, no class loader can be made.
    ///
    /// # Errors
    /// When the JVM has no memory for the list.
    pub fn loaded_classes(
        self,
        env: &mut Env<'_>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<LoadedClass>, JvmError> {
        let list = |env: &mut Env<'_>| {
            let classes = self
                .bindings()
                .get_loaded_classes()
                .map_err(|code| error("GetLoadedClasses", code));
            let mut found = Vec::new();
            for class in classes.unwrap_or_default() {
                // SAFETY: a local reference to a class, from the JVM, which goes with the frame.
                let signature = unsafe { self.bindings().get_class_signature(class) };
                let signature = signature.ok().map(|(signature, _)| signature);
                if let Some(signature) = signature.filter(|signature| is_wanted(signature)) {
                    // SAFETY: as above.
                    let class = unsafe { JClass::from_raw(env, class.cast()) };
                    let class = env.new_weak_ref(class)?;
                    found.push(LoadedClass { signature, class });
                }
            }
            Ok::<_, jni::errors::Error>(found)
        };
        env.with_local_frame(ALL_CLASSES, list)
            .map_err(|_| JvmError::Jni("cannot list the loaded classes"))
    }
}

impl LoadedClass {
    /// A local reference, or `None` when the class is unloaded.
    pub fn upgrade<'local>(&self, env: &mut Env<'local>) -> Option<JClass<'local>> {
        self.class.upgrade_local(env).ok().flatten()
    }

    /// Whether it is this class.
    #[must_use]
    pub fn is(&self, env: &Env<'_>, other: &Self) -> bool {
        env.is_same_object(&self.class, &other.class)
            .unwrap_or(false)
    }

    /// Whether it is still loaded.
    #[must_use]
    pub fn is_loaded(&self, env: &Env<'_>) -> bool {
        !env.is_same_object(&self.class, JObject::null())
            .unwrap_or(false)
    }

    /// Whether its static initialiser has run to its end.
    pub fn is_initialized(&self, jvmti: Jvmti, env: &mut Env<'_>) -> bool {
        let Some(class) = self.upgrade(env) else {
            return false;
        };
        // SAFETY: a class of the calling thread's.
        let status = unsafe { jvmti.bindings().get_class_status(class.as_raw().cast()) };
        status.is_ok_and(|status| status & JVMTI_CLASS_STATUS_INITIALIZED != 0)
    }

    /// Class of its class loader, with dots; `None` for the JVM's own three, or when it is unloaded.
    pub fn loader(&self, jvmti: Jvmti, env: &mut Env<'_>) -> Option<String> {
        let class = self.upgrade(env)?;
        // SAFETY: a class of the calling thread's; the loader is a local reference of ours.
        unsafe {
            let loader = jvmti
                .bindings()
                .get_class_loader(class.as_raw().cast())
                .ok()?;
            let loader = JObject::from_raw(env, loader.cast());
            if loader.is_null() {
                return None;
            }
            let name = jvmti.class_name(env.get_raw(), loader.as_raw());
            name.filter(|name| !name.starts_with("jdk.internal.loader."))
        }
    }

    /// A static field, or `None` when the class is not initialised yet, is unloaded or has no such field.
    pub fn static_field(
        &self,
        jvmti: Jvmti,
        env: &mut Env<'_>,
        name: &str,
        signature: &str,
    ) -> Option<JStaticFieldID> {
        if !self.is_initialized(jvmti, env) {
            return None;
        }
        let class = self.upgrade(env)?;
        let signature = RuntimeFieldSignature::from_str(signature).ok()?;
        let id = env
            .get_static_field_id(class, JNIString::new(name), signature.field_signature())
            .ok();
        if env.exception_check() {
            env.exception_clear();
        }
        id
    }

    /// The object in a static field.
    ///
    /// # Safety
    /// `id` came from [`Self::static_field`] of this class, and is a reference's.
    pub unsafe fn static_object<'local>(
        &self,
        env: &mut Env<'local>,
        id: JStaticFieldID,
    ) -> Option<JObject<'local>> {
        let class = self.upgrade(env)?;
        // SAFETY: the caller's promise.
        let value = unsafe { env.get_static_field_unchecked(class, id, JavaType::Object) };
        value.ok()?.l().ok().filter(|object| !object.is_null())
    }

    /// The number in a static field.
    ///
    /// # Safety
    /// `id` came from [`Self::static_field`] of this class, and is a `long`'s.
    pub unsafe fn static_long(&self, env: &mut Env<'_>, id: JStaticFieldID) -> Option<i64> {
        let class = self.upgrade(env)?;
        let long = JavaType::Primitive(Primitive::Long);
        // SAFETY: the caller's promise.
        let value = unsafe { env.get_static_field_unchecked(class, id, long) };
        value.ok()?.j().ok()
    }
}
