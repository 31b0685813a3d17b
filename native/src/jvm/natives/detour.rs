//! Another function table for one thread.
//!
//! # Safety
//! As the module above: only the calling thread's `JNIEnv` is changed, and changed back when the detour ends.
#![allow(unsafe_code)]

use crate::jvm::JvmError;
use jni::sys::{JNIEnv, jint};
use std::cell::Cell;

// Places in the function table (JNI specification, "Interface Function Table").
pub(super) const GET_STRING_LENGTH: usize = 164;
pub(super) const GET_STRING_UTF_LENGTH: usize = 168;
pub(super) const REGISTER_NATIVES: usize = 215;
pub(super) const GET_STRING_UTF_REGION: usize = 221;

thread_local! {
    /// The JVM's own table while ours is in its place.
    pub(super) static ORIGINAL: Cell<JNIEnv> = const { Cell::new(std::ptr::null()) };
}

/// While it lives, the calling thread's `JNIEnv` leads to a copy of its table with some functions replaced.
pub(super) struct Detour {
    env: *mut JNIEnv,
    original: JNIEnv,
    _table: Vec<usize>,
}

impl Detour {
    /// # Safety
    /// `env` is the calling thread's; the functions have the types of those that they replace.
    pub(super) unsafe fn begin(
        env: *mut JNIEnv,
        functions: &[(usize, usize)],
    ) -> Result<Self, JvmError> {
        // SAFETY: the caller's promise; the table of a JVM of that version has so many entries.
        let (original, mut table) = unsafe {
            let original = *env;
            let entries = entries(((*original).v1_1.GetVersion)(env));
            let table = std::slice::from_raw_parts(original.cast::<usize>(), entries).to_vec();
            (original, table)
        };
        // SAFETY: as above.
        let known = unsafe {
            [
                (REGISTER_NATIVES, (*original).v1_1.RegisterNatives as usize),
                (GET_STRING_LENGTH, (*original).v1_1.GetStringLength as usize),
                (
                    GET_STRING_UTF_LENGTH,
                    (*original).v1_1.GetStringUTFLength as usize,
                ),
                (
                    GET_STRING_UTF_REGION,
                    (*original).v1_2.GetStringUTFRegion as usize,
                ),
            ]
        };
        let is_as_expected = known
            .iter()
            .all(|(index, function)| table.get(*index) == Some(function));
        if !is_as_expected {
            return Err(JvmError::Jni("the function table is not JNI's"));
        }
        for (index, function) in functions {
            if let Some(entry) = table.get_mut(*index) {
                *entry = *function;
            }
        }
        ORIGINAL.set(original);
        // SAFETY: the thread's own `JNIEnv`; the copy lives as long as the detour.
        unsafe { env.write(table.as_ptr().cast()) };
        Ok(Self {
            env,
            original,
            _table: table,
        })
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        // SAFETY: the thread's own `JNIEnv`, which is given its own table back.
        unsafe { self.env.write(self.original) };
    }
}

/// Entries of the function table of a JNI version.
fn entries(version: jint) -> usize {
    match version {
        jni::sys::JNI_VERSION_24.. => 236,
        jni::sys::JNI_VERSION_19.. => 235,
        jni::sys::JNI_VERSION_9.. => 234,
        _ => 233,
    }
}
