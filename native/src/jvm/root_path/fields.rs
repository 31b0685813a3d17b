//! Names for JVMTI's field indices.
//!
//! The index of a field counts, in this order: the fields of all interfaces of the class and of its superclasses, those of
//! `Object`, and so on down to the class itself, each in the order of GetClassFields (JVMTI specification, "Heap", field
//! index of `jvmtiHeapReferenceInfoField`).
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::jvmti::delete_local;
use jni::sys::{JNIEnv, jclass, jobject};
use jvmti_bindings::env::Jvmti as Bindings;

/// Index of the first field of `class` or its superclasses. `Object` has none, so in a subclass of `Reference` it is that of
/// `referent`.
///
/// # Safety
/// `class` is a reference that the calling thread may use.
pub(super) unsafe fn first_index(env: *mut JNIEnv, bindings: &Bindings, class: jclass) -> u32 {
    let mut interfaces = Vec::new();
    let mut count = 0;
    // SAFETY: the caller's promise; all references are deleted.
    unsafe {
        for class in lineage(env, class) {
            collect_interfaces(env, bindings, class, &mut interfaces);
            delete_local(env, class);
        }
        for interface in interfaces {
            count += bindings
                .get_class_fields(interface.cast())
                .map_or(0, |fields| fields.len());
            delete_local(env, interface);
        }
    }
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Name of the field with that index.
///
/// # Safety
/// `class` is a reference that the calling thread may use.
pub(super) unsafe fn name(
    env: *mut JNIEnv,
    bindings: &Bindings,
    class: jclass,
    index: i32,
) -> Option<String> {
    // SAFETY: the caller's promise; all references are deleted.
    unsafe {
        let mut rest = u32::try_from(index)
            .ok()?
            .checked_sub(first_index(env, bindings, class))? as usize;
        let mut found = None;
        for class in lineage(env, class).into_iter().rev() {
            let fields = bindings.get_class_fields(class.cast()).unwrap_or_default();
            if found.is_none() && rest < fields.len() {
                let name = fields
                    .get(rest)
                    .map(|field| bindings.get_field_name(class.cast(), *field));
                found = Some(name.and_then(Result::ok).map(|(name, _, _)| name));
            }
            rest = rest.saturating_sub(fields.len());
            delete_local(env, class);
        }
        found.flatten()
    }
}

/// Name of a thread; `None` when the object is no thread.
///
/// # Safety
/// `object` is a reference that the calling thread may use.
pub(super) unsafe fn thread_name(
    env: *mut JNIEnv,
    bindings: &Bindings,
    object: jobject,
) -> Option<String> {
    // SAFETY: the caller's promise; the references that come with the name are deleted.
    unsafe {
        let info = bindings.get_thread_info(object.cast()).ok()?;
        delete_local(env, info.thread_group.cast());
        delete_local(env, info.context_class_loader.cast());
        info.name
    }
}

/// The class and its superclasses, as fresh local references.
///
/// # Safety
/// `class` is a reference that the calling thread may use.
unsafe fn lineage(env: *mut JNIEnv, class: jclass) -> Vec<jclass> {
    let mut lineage = Vec::new();
    // SAFETY: the caller's promise.
    unsafe {
        let mut next = ((**env).v1_2.NewLocalRef)(env, class);
        while !next.is_null() {
            lineage.push(next);
            next = ((**env).v1_1.GetSuperclass)(env, next);
        }
    }
    lineage
}

/// Adds the interfaces of `class` and theirs, each once.
///
/// # Safety
/// As [`lineage`].
unsafe fn collect_interfaces(
    env: *mut JNIEnv,
    bindings: &Bindings,
    class: jclass,
    found: &mut Vec<jclass>,
) {
    // SAFETY: the caller's promise; what is not kept is deleted.
    unsafe {
        for interface in bindings
            .get_implemented_interfaces(class.cast())
            .unwrap_or_default()
        {
            let interface: jclass = interface.cast();
            let known = found
                .iter()
                .any(|known| ((**env).v1_1.IsSameObject)(env, *known, interface));
            if known {
                delete_local(env, interface);
            } else {
                found.push(interface);
                collect_interfaces(env, bindings, interface, found);
            }
        }
    }
}
