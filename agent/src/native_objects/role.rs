//! What is done around the call of a wrapped native.
//!
//! # Safety
//! The environment is that of the call; a result of kind [`Returns::Longs`] is null or a `long[]`.
#![allow(unsafe_code)]

use super::groups::{self, Group};
use super::handles::{self, Kind};
use super::live;
use super::signature::Returns;
use crate::agent::{self, Coming};
use crate::guard;
use flinkmem_native::jvm::raw::{JNIEnv, jobject};
use flinkmem_native::jvm::{exception_is_pending, for_each_long};

/// What a wrapped method does, with everything that its calls need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// One object. The library can be asked about it, where it is of a kind.
    Creates {
        group: u16,
        returns: Returns,
        asked: Option<Asked>,
    },
    /// An object for each element of the result; the first one is of the first group, the others of the second.
    CreatesEach {
        first: u16,
        further: u16,
        asked: Option<Asked>,
    },
    /// The object whose handle is the argument of that index; without one, `this`.
    Disposes {
        group: u16,
        handle: Option<Handle>,
        asked: Option<Asked>,
    },
    /// The object whose handle is the first argument must not be asked any more. It lives on.
    Closes { asked: Asked },
}

/// What the library can be asked about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    /// Index of the library.
    pub(super) library: u8,
}

/// An argument that is a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    /// 0 or 1.
    pub(super) index: u8,
    /// It is an `int`: what else the register holds is no part of it.
    pub(super) is_int: bool,
}

const INT: usize = 0xFFFF_FFFF;

impl Role {
    /// Before the call, with its first two arguments.
    #[inline]
    pub(super) fn before(self, a: usize, b: usize) {
        match self {
            Self::Disposes {
                group,
                handle,
                asked,
            } => {
                // Not within the guard, which does nothing once the agent is switched off: see `handles`.
                if let Some(asked) = asked {
                    handles::forget(asked.kind, a);
                }
                guard::entry(|| disposed(group, handle, a, b));
            }
            Self::Closes { asked } => handles::forget(asked.kind, a),
            Self::Creates { .. } | Self::CreatesEach { .. } => {}
        }
    }

    /// After the call, with its result and its first argument.
    ///
    /// # Safety
    /// See the module.
    #[inline]
    pub(super) unsafe fn after(self, env: *mut JNIEnv, result: usize, a: usize) {
        match self {
            Self::Disposes { .. } | Self::Closes { .. } => {}
            Self::Creates {
                group,
                returns,
                asked,
            } => {
                guard::entry(|| {
                    // SAFETY: the caller's promise.
                    unsafe { created(env, group, returns, result) };
                    learn(asked, result, a);
                });
            }
            Self::CreatesEach {
                first,
                further,
                asked,
            } => {
                guard::entry(|| {
                    // SAFETY: the caller's promise.
                    let handle = unsafe { created_each(env, first, further, result) };
                    learn(asked, handle, a);
                });
            }
        }
    }
}

#[inline]
fn disposed(group: u16, handle: Option<Handle>, a: usize, b: usize) {
    let Some(group) = indexed(group) else { return };
    let Some(handle) = handle else {
        return group.1.disposed();
    };
    let value = if handle.index == 0 { a } else { b };
    let value = if handle.is_int { value & INT } else { value };
    if value != 0 {
        live::disposed(group, value as u64);
        group.1.disposed();
    }
}

/// Remembers an object that can be asked, with the size that it was created with.
#[inline]
fn learn(asked: Option<Asked>, handle: usize, size: usize) {
    // What came late may have missed a method that disposes, of a library that is loaded twice for instance, and must not ask
    // about an object that may be gone.
    let sees_every_end = agent::get().is_some_and(|agent| agent.coming == Coming::WithTheJvm);
    if let Some(asked) = asked.filter(|_| handle != 0 && sees_every_end) {
        handles::learn(handles::Handle {
            kind: asked.kind,
            value: handle,
            bytes: u64::try_from(size.cast_signed()).unwrap_or(0),
            library: usize::from(asked.library),
        });
    }
}

#[inline]
fn indexed(group: u16) -> Option<(usize, &'static Group)> {
    let index = usize::from(group);
    Some((index, groups::get(index)?))
}

/// # Safety
/// See the module.
#[inline]
unsafe fn created(env: *mut JNIEnv, group: u16, returns: Returns, result: usize) {
    let Some(group) = indexed(group) else { return };
    let (exists, handle) = match returns {
        Returns::Long => (result != 0, Some(result)),
        Returns::Int => (result & INT != 0, Some(result & INT)),
        Returns::Boolean => (result & 0xFF != 0, None),
        Returns::Object | Returns::Longs => (result != 0, None),
        // SAFETY: the caller's promise.
        Returns::Void => (unsafe { !exception_is_pending(env) }, None),
    };
    if exists {
        let ordinal = group.1.created(1);
        if let Some(handle) = handle {
            live::created(group, handle as u64, ordinal);
        }
    }
}

/// Returns the first handle, 0 for none.
///
/// # Safety
/// See the module.
#[cold]
unsafe fn created_each(env: *mut JNIEnv, first: u16, further: u16, result: usize) -> usize {
    let mut first_handle = None;
    let (Some(first), Some(further)) = (indexed(first), indexed(further)) else {
        return 0;
    };
    let mut group = first;
    // SAFETY: the caller's promise.
    unsafe {
        for_each_long(env, result as jobject, |handle| {
            let handle = handle.cast_unsigned();
            if handle != 0 {
                let ordinal = group.1.created(1);
                live::created(group, handle, ordinal);
            }
            group = further;
            first_handle.get_or_insert(handle);
        });
    }
    first_handle.map_or(0, |handle| usize::try_from(handle).unwrap_or(0))
}
