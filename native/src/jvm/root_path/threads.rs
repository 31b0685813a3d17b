//! Whether a thread runs code of a loader.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::jvmti::delete_local;
use jni::sys::{JNIEnv, jclass, jfieldID, jobject};
use jvmti_bindings::env::Jvmti as Bindings;
use std::ffi::CStr;

/// Frames of a thread that are looked at.
const FRAMES: i32 = 64;

/// The code of a loader.
pub(super) struct CodeOf<'a> {
    pub(super) env: *mut JNIEnv,
    pub(super) bindings: &'a Bindings,
    /// The loader, as a local reference of the calling thread; null where the target is none.
    pub(super) loader: jobject,
}

impl CodeOf<'_> {
    /// Whether the thread's class, its `Runnable` or a method on its stack is of the loader.
    ///
    /// # Safety
    /// `thread` is a `Thread` and `class` its class, as references of the calling thread, whose environment this is.
    pub(super) unsafe fn runs_in(&self, thread: jobject, class: jclass) -> bool {
        if self.loader.is_null() {
            return false;
        }
        // SAFETY: the caller's promise; all references are deleted.
        unsafe {
            if self.has_defined(class) {
                return true;
            }
            let task = self.task(thread, class);
            if !task.is_null() {
                let task_class = ((**self.env).v1_1.GetObjectClass)(self.env, task);
                let is_of_loader = self.has_defined(task_class);
                delete_local(self.env, task_class);
                delete_local(self.env, task);
                if is_of_loader {
                    return true;
                }
            }
            let frames = self
                .bindings
                .get_stack_trace(thread.cast(), 0, FRAMES)
                .unwrap_or_default();
            frames.iter().any(|frame| {
                let class = self.bindings.get_method_declaring_class(frame.method);
                class.is_ok_and(|class| {
                    let is_of_loader = self.has_defined(class.cast());
                    delete_local(self.env, class.cast());
                    is_of_loader
                })
            })
        }
    }

    /// Whether the loader has defined `class`.
    ///
    /// # Safety
    /// `class` is a class that the calling thread may use.
    pub(super) unsafe fn has_defined(&self, class: jclass) -> bool {
        // SAFETY: the caller's promise; the reference is deleted.
        unsafe {
            let Ok(loader) = self.bindings.get_class_loader(class.cast()) else {
                return false;
            };
            let loader: jobject = loader.cast();
            let is_it = !loader.is_null()
                && ((**self.env).v1_1.IsSameObject)(self.env, loader, self.loader);
            delete_local(self.env, loader);
            is_it
        }
    }

    /// The `Runnable` of a thread: its field `target`, or since JDK 19 the field `task` of its `holder`.
    ///
    /// # Safety
    /// As [`runs_in`](Self::runs_in).
    unsafe fn task(&self, thread: jobject, class: jclass) -> jobject {
        const RUNNABLE: &CStr = c"Ljava/lang/Runnable;";
        // SAFETY: the caller's promise; fields are looked up in the class of the object that they are read from.
        unsafe {
            if let Some(target) = self.field(class, c"target", RUNNABLE) {
                return ((**self.env).v1_1.GetObjectField)(self.env, thread, target);
            }
            let Some(holder) = self.field(class, c"holder", c"Ljava/lang/Thread$FieldHolder;")
            else {
                return std::ptr::null_mut();
            };
            let holder = ((**self.env).v1_1.GetObjectField)(self.env, thread, holder);
            if holder.is_null() {
                return holder;
            }
            let holder_class = ((**self.env).v1_1.GetObjectClass)(self.env, holder);
            let task = self.field(holder_class, c"task", RUNNABLE);
            let task = task.map(|task| ((**self.env).v1_1.GetObjectField)(self.env, holder, task));
            delete_local(self.env, holder_class);
            delete_local(self.env, holder);
            task.unwrap_or(std::ptr::null_mut())
        }
    }

    /// # Safety
    /// `class` is an initialised class that the calling thread may use.
    unsafe fn field(&self, class: jclass, name: &CStr, signature: &CStr) -> Option<jfieldID> {
        // SAFETY: the caller's promise; the error of a missing field is cleared.
        unsafe {
            let field =
                ((**self.env).v1_1.GetFieldID)(self.env, class, name.as_ptr(), signature.as_ptr());
            if field.is_null() {
                ((**self.env).v1_1.ExceptionClear)(self.env);
                return None;
            }
            Some(field)
        }
    }
}
