//! The JVM's own arguments, with those of `JAVA_TOOL_OPTIONS`, `JDK_JAVA_OPTIONS` and `@argfiles`.
//!
//! # Safety
//! `JVM_GetVmArguments` is exported as `jobjectArray JVM_GetVmArguments(JNIEnv*)` (src/hotspot/share/include/jvm.h).
#![allow(unsafe_code)]

use super::management::jvm_symbol;
use jni::Env;
use jni::objects::{JObjectArray, JString};
use jni::sys::{JNIEnv, jobjectArray};

/// The arguments in order, or `None` when this JVM does not tell.
#[must_use]
pub fn vm_arguments(env: &mut Env<'_>) -> Option<Vec<String>> {
    type GetVmArguments = unsafe extern "C" fn(*mut JNIEnv) -> jobjectArray;
    let symbol = jvm_symbol(c"JVM_GetVmArguments")?;
    // SAFETY: the type is the header's; the environment is the calling thread's; the result is a String[].
    let array = unsafe {
        let function =
            std::mem::transmute::<*mut std::ffi::c_void, GetVmArguments>(symbol.as_ptr());
        let raw = function(env.get_raw());
        if raw.is_null() {
            return None;
        }
        JObjectArray::<JString>::from_raw(env, raw)
    };
    let mut arguments = Vec::new();
    for index in 0..array.len(env).ok()? {
        let argument = array.get_element(env, index).ok()?;
        arguments.push(argument.try_to_string(env).ok()?);
        env.delete_local_ref(argument);
    }
    Some(arguments)
}
