//! What a loader says of itself, by JNI field reads: no method of user code runs.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::jvmti::delete_local;
use super::super::method::dotted;
use jni::sys::{JNIEnv, jclass, jfieldID, jobject};
use jni::{Env, jni_sig, jni_str};
use jvmti_bindings::env::Jvmti as Bindings;
use std::ffi::CStr;

/// Fields of `java.lang.ClassLoader`, the same in JDK 11 to 25.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoaderFields {
    parent: jfieldID,
    name: jfieldID,
}

impl LoaderFields {
    pub(super) fn find(env: &mut Env<'_>) -> Option<Self> {
        let found = env.with_local_frame(4, |env| {
            let class = env.find_class(jni_str!("java/lang/ClassLoader"))?;
            Ok::<_, jni::errors::Error>(Self {
                parent: env
                    .get_field_id(
                        &class,
                        jni_str!("parent"),
                        jni_sig!("Ljava/lang/ClassLoader;"),
                    )?
                    .into_raw(),
                name: env
                    .get_field_id(&class, jni_str!("name"), jni_sig!("Ljava/lang/String;"))?
                    .into_raw(),
            })
        });
        if env.exception_check() {
            env.exception_clear();
        }
        found.ok()
    }

    /// # Safety
    /// `loader` is a `ClassLoader` that this thread may use.
    pub(super) unsafe fn parent(self, env: *mut JNIEnv, loader: jobject) -> jobject {
        // SAFETY: the caller's promise.
        unsafe { ((**env).v1_1.GetObjectField)(env, loader, self.parent) }
    }

    /// # Safety
    /// `loader` is a `ClassLoader` that this thread may use.
    pub(super) unsafe fn name(self, env: *mut JNIEnv, loader: jobject) -> Option<String> {
        // SAFETY: the caller's promise; the characters are given back, the reference is deleted.
        unsafe {
            let name = ((**env).v1_1.GetObjectField)(env, loader, self.name);
            if name.is_null() {
                return None;
            }
            let characters = ((**env).v1_1.GetStringUTFChars)(env, name, std::ptr::null_mut());
            let text = (!characters.is_null()).then(|| {
                let text = CStr::from_ptr(characters).to_string_lossy().into_owned();
                ((**env).v1_1.ReleaseStringUTFChars)(env, name, characters);
                text
            });
            delete_local(env, name);
            text
        }
    }
}

/// Class of a loader, and whether it is a `URLClassLoader`.
///
/// # Safety
/// `loader` is a reference that this thread may use, not null.
pub(super) unsafe fn identity(
    env: *mut JNIEnv,
    bindings: &Bindings,
    loader: jobject,
) -> Option<(String, bool)> {
    // SAFETY: the caller's promise.
    let class = unsafe { class_of(env, bindings, loader)? };
    // SAFETY: as above.
    let url = unsafe {
        ancestor(env, bindings, loader, |name| {
            name == "java.net.URLClassLoader"
        })
    };
    // SAFETY: a local reference of ours.
    unsafe { delete_local(env, url.unwrap_or(std::ptr::null_mut())) };
    Some((class, url.is_some()))
}

/// Name of an object's class.
///
/// # Safety
/// `object` is a reference that this thread may use, not null.
pub(super) unsafe fn class_of(
    env: *mut JNIEnv,
    bindings: &Bindings,
    object: jobject,
) -> Option<String> {
    // SAFETY: the caller's promise; the class is deleted.
    unsafe {
        let class = ((**env).v1_1.GetObjectClass)(env, object);
        let signature = bindings.get_class_signature(class.cast()).ok();
        delete_local(env, class);
        Some(dotted(&signature?.0))
    }
}

/// Whether `URLClassLoader.close()` was called: `ucp.closed`.
///
/// # Safety
/// `loader` is a `URLClassLoader` that this thread may use.
pub(super) unsafe fn is_closed(
    env: *mut JNIEnv,
    bindings: &Bindings,
    loader: jobject,
) -> Option<bool> {
    // SAFETY: the caller's promise; fields are looked up in the class that has them; references are deleted.
    unsafe {
        let class = ancestor(env, bindings, loader, |name| {
            name == "java.net.URLClassLoader"
        })?;
        let ucp = field(env, class, c"ucp", c"Ljdk/internal/loader/URLClassPath;")
            .map(|field| ((**env).v1_1.GetObjectField)(env, loader, field));
        delete_local(env, class);
        let ucp = ucp.filter(|ucp| !ucp.is_null())?;
        let class = ((**env).v1_1.GetObjectClass)(env, ucp);
        let closed = field(env, class, c"closed", c"Z")
            .map(|field| ((**env).v1_1.GetBooleanField)(env, ucp, field));
        delete_local(env, class);
        delete_local(env, ucp);
        closed
    }
}

/// The loader inside one of Flink's safety-net wrappers, null when it was closed; `None` for any other loader. The caller
/// deletes it.
///
/// # Safety
/// `loader` is a reference that this thread may use, not null.
pub(super) unsafe fn inner(
    env: *mut JNIEnv,
    bindings: &Bindings,
    loader: jobject,
) -> Option<jobject> {
    const INNER: [&CStr; 2] = [
        c"Lorg/apache/flink/util/FlinkUserCodeClassLoader;",
        c"Ljava/lang/ClassLoader;",
    ];
    // SAFETY: the caller's promise; the field is looked up in the class that has it.
    unsafe {
        let class = ancestor(env, bindings, loader, |name| {
            name.ends_with("SafetyNetWrapperClassLoader")
        })?;
        let inner = INNER
            .iter()
            .find_map(|signature| field(env, class, c"inner", signature));
        delete_local(env, class);
        Some(((**env).v1_1.GetObjectField)(env, loader, inner?))
    }
}

/// The class of `object` or the nearest of its superclasses that `is_wanted`.
///
/// # Safety
/// `object` is a reference that this thread may use, not null.
unsafe fn ancestor(
    env: *mut JNIEnv,
    bindings: &Bindings,
    object: jobject,
    is_wanted: impl Fn(&str) -> bool,
) -> Option<jclass> {
    // SAFETY: the caller's promise; all classes but the one that is returned are deleted.
    unsafe {
        let mut class = ((**env).v1_1.GetObjectClass)(env, object);
        while !class.is_null() {
            let signature = bindings.get_class_signature(class.cast()).ok();
            if signature.is_some_and(|signature| is_wanted(&dotted(&signature.0))) {
                return Some(class);
            }
            let parent = ((**env).v1_1.GetSuperclass)(env, class);
            delete_local(env, class);
            class = parent;
        }
        None
    }
}

/// A field, or `None` when the class has none of that name and type. The class has an instance, so it is initialised and
/// this runs no Java code.
///
/// # Safety
/// `class` is a local reference of the calling thread.
unsafe fn field(
    env: *mut JNIEnv,
    class: jclass,
    name: &CStr,
    signature: &CStr,
) -> Option<jfieldID> {
    // SAFETY: the caller's promise.
    unsafe {
        let field = ((**env).v1_1.GetFieldID)(env, class, name.as_ptr(), signature.as_ptr());
        if field.is_null() {
            ((**env).v1_1.ExceptionClear)(env);
            return None;
        }
        Some(field)
    }
}
