//! Whether the calling thread is a Java thread that runs native code, asked from anywhere: from `malloc`, say, which is
//! called in every state that a thread of the JVM can be in.
//!
//! Only in that state may JVMTI be asked for the thread's stack. HotSpot keeps the state in `JavaThread::_thread_state`
//! and tells its offset in `gHotSpotVMStructs`, the table that the serviceability agent reads (JDK 11 to 25). The
//! `JNIEnv` is part of the `JavaThread`, at an offset that a thread finds out by its own `java.lang.Thread.eetop`.
//!
//! # Safety
//! The offsets are believed only if the thread that looks them up, which is in native code, finds exactly that state
//! there. `GetEnv` changes no state and takes no lock. The table is read as the symbols beside it describe it.
#![allow(unsafe_code)]

use super::Jvmti;
use super::management::jvm_symbol;
use super::natives::current_env;
use jni::Env;
use jni::objects::JObject;
use jni::{jni_sig, jni_str};
use jvmti_bindings::sys::jvmti::jvmtiError;
use std::ffi::{CStr, c_char};

/// Where a thread's state is.
#[derive(Debug, Clone, Copy)]
pub struct NativeState {
    vm: *mut jvmti_bindings::sys::jni::JavaVM,
    /// From the `JNIEnv` to the state.
    offset: isize,
    in_native: i32,
}

// SAFETY: the invocation table is that of the whole process.
unsafe impl Send for NativeState {}
// SAFETY: as above.
unsafe impl Sync for NativeState {}

impl NativeState {
    /// Looks the places up and proves them on the calling thread; `None` when this JVM is laid out differently.
    #[must_use]
    pub fn prove(jvmti: Jvmti, env: &mut Env<'_>) -> Option<Self> {
        /// Far larger than a `JavaThread`.
        const LARGEST: isize = 64 << 10;
        let state = isize::try_from(field_offset(c"JavaThread", c"_thread_state")?).ok()?;
        let in_native = int_constant(c"_thread_in_native")?;
        let thread = java_thread(jvmti, env)?;
        let env_address = isize::try_from(env.get_raw() as usize).ok()?;
        let from_thread = env_address.checked_sub(thread)?;
        let is_inside = |offset: isize| (0..LARGEST).contains(&offset);
        let aligned = state % 4 == 0 && from_thread % 8 == 0;
        if !is_inside(state) || !is_inside(from_thread) || !aligned {
            return None;
        }
        let found = Self {
            vm: env.get_java_vm().ok()?.get_raw().cast(),
            offset: state - from_thread,
            in_native,
        };
        found.is_current().then_some(found)
    }

    /// Whether the calling thread is a Java thread in native code. Any thread may ask, in any state.
    #[must_use]
    #[inline]
    pub fn is_current(&self) -> bool {
        // SAFETY: GetEnv may be called by any thread. A Java thread's environment lies in its `JavaThread`, and the state
        // at the proven offset from it. Only the thread itself leaves the native state.
        unsafe {
            let Some(env) = current_env(self.vm) else {
                return false;
            };
            let state = env.cast::<u8>().offset(self.offset).cast::<i32>();
            state.read_volatile() == self.in_native
        }
    }
}

/// Address of the calling thread's `JavaThread`.
fn java_thread(jvmti: Jvmti, env: &mut Env<'_>) -> Option<isize> {
    let mut thread = std::ptr::null_mut();
    // SAFETY: the environment and its table are valid; the reference that comes back is the local frame's.
    let error = unsafe {
        let table = (*jvmti.raw()).functions;
        ((*table).GetCurrentThread?)(jvmti.raw(), &raw mut thread)
    };
    if error != jvmtiError::NONE || thread.is_null() {
        return None;
    }
    // SAFETY: a local reference to the calling thread's object.
    let thread = unsafe { JObject::from_raw(env, thread.cast()) };
    let eetop = env.get_field(&thread, jni_str!("eetop"), jni_sig!("J"));
    let address = eetop.ok()?.j().ok()?;
    isize::try_from(address)
        .ok()
        .filter(|&address| address != 0)
}

/// Offset of a field that is not static.
fn field_offset(class: &CStr, field: &CStr) -> Option<u64> {
    let entries = Entries {
        first: word(c"gHotSpotVMStructs")?.try_into().ok()?,
        stride: word(c"gHotSpotVMStructEntryArrayStride")?.try_into().ok()?,
    };
    let [type_name, field_name, is_static, offset] = [
        c"gHotSpotVMStructEntryTypeNameOffset",
        c"gHotSpotVMStructEntryFieldNameOffset",
        c"gHotSpotVMStructEntryIsStaticOffset",
        c"gHotSpotVMStructEntryOffsetOffset",
    ]
    .map(|name| word(name).and_then(|value| usize::try_from(value).ok()));
    let (type_name, field_name, is_static, offset) = (type_name?, field_name?, is_static?, offset?);
    // SAFETY: the table's own description of itself.
    unsafe {
        let entry = entries.find(type_name, |entry| {
            text(entry, type_name) == Some(class) && text(entry, field_name) == Some(field)
        })?;
        let is_static: i32 = at(entry, is_static);
        (is_static == 0).then(|| at(entry, offset))
    }
}

/// Value of a constant of the JVM's.
fn int_constant(name: &CStr) -> Option<i32> {
    let entries = Entries {
        first: word(c"gHotSpotVMIntConstants")?.try_into().ok()?,
        stride: word(c"gHotSpotVMIntConstantEntryArrayStride")?
            .try_into()
            .ok()?,
    };
    let name_offset = usize::try_from(word(c"gHotSpotVMIntConstantEntryNameOffset")?).ok()?;
    let value_offset = usize::try_from(word(c"gHotSpotVMIntConstantEntryValueOffset")?).ok()?;
    // SAFETY: the table's own description of itself.
    unsafe {
        let entry = entries.find(name_offset, |entry| text(entry, name_offset) == Some(name))?;
        Some(at(entry, value_offset))
    }
}

/// A table that ends with an entry without a name.
struct Entries {
    first: usize,
    stride: usize,
}

impl Entries {
    /// # Safety
    /// The table is as described, and `name` the offset of its entries' names.
    unsafe fn find(&self, name: usize, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        /// Several times as many as any JVM has.
        const MOST: usize = 20_000;
        if self.first == 0 || self.stride == 0 {
            return None;
        }
        for index in 0..MOST {
            let entry = self.first.checked_add(index.checked_mul(self.stride)?)?;
            // SAFETY: the caller's promise; the entries before had names, so the table has not ended.
            unsafe { text(entry, name) }?;
            if is_it(entry) {
                return Some(entry);
            }
        }
        None
    }
}

/// # Safety
/// `entry` has a pointer to a NUL-terminated string, or null, at `offset`.
unsafe fn text(entry: usize, offset: usize) -> Option<&'static CStr> {
    // SAFETY: the caller's promise; the strings are literals of the JVM's.
    unsafe {
        let text: *const c_char = at(entry, offset);
        (!text.is_null()).then(|| CStr::from_ptr(text))
    }
}

/// # Safety
/// `entry` has a `T` at `offset`.
unsafe fn at<T: Copy>(entry: usize, offset: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe { ((entry + offset) as *const T).read_unaligned() }
}

/// Value of an exported variable of 64 bits.
fn word(name: &CStr) -> Option<u64> {
    let address = jvm_symbol(name)?.cast::<u64>();
    // SAFETY: declared as `uint64_t` or as a pointer in src/hotspot/share/runtime/vmStructs.hpp.
    Some(unsafe { address.as_ptr().read() })
}
