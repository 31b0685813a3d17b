//! Throwables: what kind one is, and its message.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use jni::ids::JFieldID;
use jni::objects::{JClass, JObject, JString};
use jni::refs::Global;
use jni::signature::JavaType;
use jni::sys::{JNIEnv, jclass, jobject};
use jni::{Env, jni_sig, jni_str};

/// Whether `object` is an instance of `class`. Some tens of nanoseconds, no allocation.
///
/// # Safety
/// `env` is the calling thread's; `object` and `class` are references that it may use.
#[must_use]
#[inline]
pub unsafe fn is_instance_of(env: *mut JNIEnv, object: jobject, class: jclass) -> bool {
    // SAFETY: the caller's promise; IsInstanceOf throws nothing and may be called with an exception pending or not.
    unsafe { ((**env).v1_1.IsInstanceOf)(env, object, class) }
}

/// Reads throwables without calling their methods: user code may override `getMessage`.
pub struct ThrowableReader {
    out_of_memory_error: Global<JClass<'static>>,
    detail_message: JFieldID,
}

impl ThrowableReader {
    /// Looks the class and the field up.
    ///
    /// # Errors
    /// When the JDK has no such class or field.
    pub fn find(env: &mut Env<'_>) -> jni::errors::Result<Self> {
        let throwable = env.find_class(jni_str!("java/lang/Throwable"))?;
        let detail_message = env.get_field_id(
            &throwable,
            jni_str!("detailMessage"),
            jni_sig!("Ljava/lang/String;"),
        )?;
        let error = env.find_class(jni_str!("java/lang/OutOfMemoryError"))?;
        Ok(Self {
            detail_message,
            out_of_memory_error: env.new_global_ref(error)?,
        })
    }

    /// `java.lang.OutOfMemoryError`, valid for ever.
    #[must_use]
    pub fn out_of_memory_error(&self) -> jclass {
        self.out_of_memory_error.as_raw()
    }

    /// `detailMessage`, or `None` while it is not set: it is set after `fillInStackTrace` ran.
    ///
    /// # Errors
    /// When the JVM has no memory left for a copy of the string. No exception is left pending.
    pub fn message(
        &self,
        env: &mut Env<'_>,
        throwable: &JObject<'_>,
    ) -> jni::errors::Result<Option<String>> {
        let message = env.with_local_frame(4, |env| self.read_message(env, throwable));
        if env.exception_check() {
            env.exception_clear();
        }
        message
    }

    fn read_message(
        &self,
        env: &mut Env<'_>,
        throwable: &JObject<'_>,
    ) -> jni::errors::Result<Option<String>> {
        // SAFETY: the field is Throwable's, and the object a throwable.
        let message =
            unsafe { env.get_field_unchecked(throwable, self.detail_message, JavaType::Object) }?
                .l()?;
        if message.is_null() {
            return Ok(None);
        }
        let message = env.cast_local::<JString>(message)?;
        message.try_to_string(env).map(Some)
    }
}

/// A throwable kept alive until its message can be read.
pub struct HeldThrowable(Global<JObject<'static>>);

impl HeldThrowable {
    /// Holds `throwable`; `None` when the JVM has no room for a reference.
    ///
    /// # Safety
    /// `env` is the calling thread's, `throwable` a reference that it may use, and no exception is pending.
    #[must_use]
    pub unsafe fn new(env: *mut JNIEnv, throwable: jobject) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            super::with_env(env, |env| {
                let throwable = JObject::from_raw(env, throwable);
                env.new_global_ref(throwable).map(Self)
            })
        }
    }

    /// The throwable.
    #[must_use]
    pub fn object(&self) -> &JObject<'static> {
        &self.0
    }
}
