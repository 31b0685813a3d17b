//! The field behind the index that a heap walk reports.
//!
//! JVMTI numbers fields (`jvmtiHeapReferenceInfoField`): first those of all interfaces of the class and of its
//! superclasses, then those of the superclasses from `Object` down, then its own, each in the order of `GetClassFields`.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::jvmti::delete_local;
use jni::sys::JNIEnv;
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jni::jclass;

/// Superclasses and interfaces that are looked through at most.
const MOST_CLASSES: usize = 256;

/// Name of the field with that index. The references made here stay until the caller's local frame ends.
///
/// # Safety
/// `env` is the calling thread's and `class` a reference that it may use.
pub(super) unsafe fn field_name(
    bindings: &Bindings,
    env: *mut JNIEnv,
    class: jclass,
    index: usize,
) -> Option<String> {
    // SAFETY: the caller's promise, here and below.
    let (ancestry, interfaces) = unsafe { ancestry(bindings, env, class)? };
    let mut before = 0;
    for interface in interfaces {
        // SAFETY: as above.
        before += unsafe { bindings.get_class_fields(interface) }.ok()?.len();
    }
    for declaring in ancestry.into_iter().rev() {
        // SAFETY: as above.
        let fields = unsafe { bindings.get_class_fields(declaring) }.ok()?;
        if let Some(field) = index.checked_sub(before).and_then(|own| fields.get(own)) {
            // SAFETY: as above.
            let (name, ..) = unsafe { bindings.get_field_name(declaring, *field) }.ok()?;
            return Some(name);
        }
        before += fields.len();
    }
    None
}

/// The class with its superclasses, and all of their interfaces.
///
/// # Safety
/// As [`field_name`].
unsafe fn ancestry(
    bindings: &Bindings,
    env: *mut JNIEnv,
    class: jclass,
) -> Option<(Vec<jclass>, Vec<jclass>)> {
    let mut classes = vec![class];
    let mut interfaces: Vec<jclass> = Vec::new();
    let mut at = 0;
    while let Some(&class) = classes.get(at) {
        // SAFETY: the caller's promise.
        unsafe { add_interfaces(bindings, env, class, &mut interfaces)? };
        // SAFETY: as above; null for `Object`.
        let superclass = unsafe { ((**env).v1_1.GetSuperclass)(env, class.cast()) };
        if !superclass.is_null() {
            classes.push(superclass.cast());
        }
        at += 1;
        if at > MOST_CLASSES {
            return None;
        }
    }
    let mut at = 0;
    while let Some(&interface) = interfaces.get(at) {
        // SAFETY: the caller's promise.
        unsafe { add_interfaces(bindings, env, interface, &mut interfaces)? };
        at += 1;
        if at > MOST_CLASSES {
            return None;
        }
    }
    Some((classes, interfaces))
}

/// # Safety
/// As [`field_name`].
unsafe fn add_interfaces(
    bindings: &Bindings,
    env: *mut JNIEnv,
    class: jclass,
    known: &mut Vec<jclass>,
) -> Option<()> {
    // SAFETY: the caller's promise; a reference that is not kept is deleted.
    unsafe {
        for interface in bindings.get_implemented_interfaces(class).ok()? {
            let is_known = known
                .iter()
                .any(|&other| ((**env).v1_1.IsSameObject)(env, other.cast(), interface.cast()));
            if is_known {
                delete_local(env, interface.cast());
            } else {
                known.push(interface);
            }
        }
    }
    Some(())
}
