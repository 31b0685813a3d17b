//! The tags that a walk needs before its first pass: threads, classes that are never unloaded, classes of references that do
//! not keep what they refer to, and the target.
//!
//! # Safety
//! See the module above. Local references are made in the walk's frame; those made in loops are deleted.
#![allow(unsafe_code)]

use super::super::JvmError;
use super::super::class_loaders::LoaderKind;
use super::super::jvmti::{delete_local, error};
use super::super::method::dotted;
use super::tag::{OWN_THREAD, Tag};
use super::walk::Walk;
use super::{WalkLimits, fields};
use jni::sys::{JNIEnv, jobject};
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jvmti::JVMTI_HEAP_REFERENCE_CLASS_LOADER;
use std::time::Instant;

/// A walk whose first level is tagged, and the names of the threads.
///
/// # Safety
/// `env` is the calling thread's and `target` a local reference of it.
pub(super) unsafe fn prepare(
    env: *mut JNIEnv,
    bindings: &Bindings,
    target: jobject,
    is_loader: bool,
    limits: WalkLimits,
    began: Instant,
) -> Result<(Walk, Vec<String>), JvmError> {
    let mut walk = Walk::new(limits, began);
    // SAFETY: the caller's promise.
    unsafe {
        let threads = tag_threads(env, bindings)?;
        let own = bindings
            .get_tag(target.cast())
            .map_err(|code| error("GetTag", code))?;
        let tag = walk.reach(Tag(own), 0, 0, -1).unwrap_or_default();
        set_tag(bindings, target, tag)?;
        tag_classes(env, bindings, is_loader.then_some(target), &mut walk)?;
        Ok((walk, threads))
    }
}

/// # Safety
/// `object` is a reference that this thread may use.
unsafe fn set_tag(bindings: &Bindings, object: jobject, tag: Tag) -> Result<(), JvmError> {
    // SAFETY: the caller's promise.
    unsafe { bindings.set_tag(object.cast(), tag.0) }.map_err(|code| error("SetTag", code))
}

/// # Safety
/// `env` is the calling thread's.
unsafe fn tag_threads(env: *mut JNIEnv, bindings: &Bindings) -> Result<Vec<String>, JvmError> {
    let mut names = Vec::new();
    // SAFETY: references that the JVM gives to us; all are deleted.
    unsafe {
        for thread in bindings
            .get_all_threads()
            .map_err(|code| error("GetAllThreads", code))?
        {
            names.push(fields::thread_name(env, bindings, thread.cast()).unwrap_or_default());
            set_tag(bindings, thread.cast(), Tag::thread(names.len() - 1))?;
            delete_local(env, thread.cast());
        }
        let own = bindings
            .get_current_thread()
            .map_err(|code| error("GetCurrentThread", code))?;
        set_tag(bindings, own.cast(), Tag::thread(OWN_THREAD))?;
        delete_local(env, own.cast());
    }
    Ok(names)
}

/// # Safety
/// `env` is the calling thread's; `target` a reference of it.
unsafe fn tag_classes(
    env: *mut JNIEnv,
    bindings: &Bindings,
    target: Option<jobject>,
    walk: &mut Walk,
) -> Result<(), JvmError> {
    // SAFETY: references that the JVM gives to us; all are deleted but one, which the frame holds.
    unsafe {
        let reference = ((**env).v1_1.FindClass)(env, c"java/lang/ref/Reference".as_ptr());
        let mut last = LastLoader {
            loader: std::ptr::null_mut(),
            is_permanent: true,
        };
        for class in bindings
            .get_loaded_classes()
            .map_err(|code| error("GetLoadedClasses", code))?
        {
            let class: jobject = class.cast();
            let loader = bindings
                .get_class_loader(class.cast())
                .unwrap_or(std::ptr::null_mut());
            let loader = last.change(env, bindings, loader.cast());
            let mut tag = Tag::default();
            if last.is_permanent && !is_hidden(bindings, class) {
                tag = tag.with(Tag::permanent());
            }
            if !reference.is_null() && ((**env).v1_1.IsAssignableFrom)(env, class, reference) {
                tag = tag.with(Tag::reference_class(fields::first_index(
                    env, bindings, class,
                )));
            }
            if target.is_some_and(|target| {
                !loader.is_null() && ((**env).v1_1.IsSameObject)(env, loader, target)
            }) {
                let of_target = walk.reach(tag, 1, JVMTI_HEAP_REFERENCE_CLASS_LOADER, -1);
                tag = of_target.unwrap_or(tag);
            }
            if tag != Tag::default() {
                // The target itself may be a class.
                let before = Tag(bindings.get_tag(class.cast()).unwrap_or(0));
                set_tag(bindings, class, before.with(tag))?;
            }
            delete_local(env, class);
        }
    }
    Ok(())
}

/// The loader of the class before: classes come grouped by loader.
struct LastLoader {
    loader: jobject,
    is_permanent: bool,
}

impl LastLoader {
    /// Takes the loader of the next class over, and gives a reference to it that lives until the next one comes.
    ///
    /// # Safety
    /// `loader` is null or a local reference of the calling thread, handed over.
    unsafe fn change(&mut self, env: *mut JNIEnv, bindings: &Bindings, loader: jobject) -> jobject {
        // SAFETY: the caller's promise.
        unsafe {
            if ((**env).v1_1.IsSameObject)(env, self.loader, loader) {
                delete_local(env, loader);
                return self.loader;
            }
            delete_local(env, self.loader);
            self.loader = loader;
            self.is_permanent = loader.is_null() || is_permanent(env, bindings, loader);
        }
        loader
    }
}

/// # Safety
/// `loader` is a reference that this thread may use, not null.
unsafe fn is_permanent(env: *mut JNIEnv, bindings: &Bindings, loader: jobject) -> bool {
    // SAFETY: the caller's promise; the class is deleted.
    let signature = unsafe {
        let class = ((**env).v1_1.GetObjectClass)(env, loader);
        let signature = bindings.get_class_signature(class.cast());
        delete_local(env, class);
        signature
    };
    signature.is_ok_and(|(signature, _)| {
        matches!(
            LoaderKind::of(&dotted(&signature)),
            LoaderKind::Platform | LoaderKind::App
        )
    })
}

/// Whether it is a hidden class or, before JDK 15, an anonymous one: these are unloaded alone.
///
/// # Safety
/// `class` is a reference that this thread may use.
unsafe fn is_hidden(bindings: &Bindings, class: jobject) -> bool {
    // SAFETY: the caller's promise.
    let signature = unsafe { bindings.get_class_signature(class.cast()) };
    signature.is_ok_and(|(name, _)| {
        name.contains("$$") || name.contains("0x") || name.contains("LambdaForm$")
    })
}
