//! Names for the frames of a stack.
//!
//! # Safety
//! A `jmethodID` of an unloaded class is refused by JVMTI with `INVALID_METHODID`, not followed: HotSpot keeps the
//! memory behind the ids.
#![allow(unsafe_code)]

use super::java_class::loader_class;
use super::jvmti::delete_local;
use super::{Jvmti, RawFrame};
use jni::sys::JNIEnv;

/// A frame with its names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MethodFrame {
    /// Class, with dots.
    pub class: String,
    /// Method.
    pub method: String,
    /// Source line.
    pub line: Option<u32>,
    /// Class of the class loader, unless it is one of the JVM's own three.
    pub loader: Option<String>,
}

/// Names of `frame`, or `None` when its class is gone.
///
/// # Safety
/// `env` is the calling thread's `JNIEnv`; `frame` came from [`Jvmti::current_stack`].
#[must_use]
pub unsafe fn describe_frame(
    jvmti: Jvmti,
    env: *mut JNIEnv,
    frame: RawFrame,
) -> Option<MethodFrame> {
    let bindings = jvmti.bindings();
    let method = frame.method as *mut std::ffi::c_void;
    // SAFETY: the caller's promises; every local reference is deleted.
    unsafe {
        let (name, _, _) = bindings.get_method_name(method).ok()?;
        let class = bindings.get_method_declaring_class(method).ok()?;
        let signature = bindings.get_class_signature(class).ok();
        let loader = loader_class(&bindings, env, class);
        delete_local(env, class.cast());
        let line = line_of(jvmti, frame);
        Some(MethodFrame {
            class: dotted(&signature?.0),
            method: name,
            line,
            loader,
        })
    }
}

/// # Safety
/// As [`describe_frame`], which calls it.
unsafe fn line_of(jvmti: Jvmti, frame: RawFrame) -> Option<u32> {
    // SAFETY: the caller's promises; native methods and classes without line numbers are refused.
    let table = unsafe {
        jvmti
            .bindings()
            .get_line_number_table(frame.method as *mut std::ffi::c_void)
    }
    .ok()?;
    let before = table
        .iter()
        .filter(|entry| entry.start_location <= frame.location);
    let entry = before.max_by_key(|entry| entry.start_location)?;
    u32::try_from(entry.line_number).ok()
}

/// `Ljava/nio/Bits;` as `java.nio.Bits`.
pub(super) fn dotted(signature: &str) -> String {
    let inside = signature.strip_prefix('L').unwrap_or(signature);
    let inside = inside.strip_suffix(';').unwrap_or(inside);
    inside.replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn a_signature_becomes_a_class_name() {
        assert_eq!(
            dotted("Lorg/apache/flink/util/ChildFirstClassLoader;"),
            "org.apache.flink.util.ChildFirstClassLoader"
        );
        assert_eq!(dotted("LLeakyJob;"), "LeakyJob");
    }
}
