//! Addresses of HotSpot's own static fields, from the table that it exports for debuggers.
//!
//! `gHotSpotVMStructs` is an array of entries whose layout is told by further exported variables, so nothing about it is
//! guessed. Which fields are in it is up to the release: whoever asks must do without, and prove what it finds.
//!
//! # Safety
//! The symbols are data of libjvm, written when it was loaded. The array ends with an entry without a type name.
#![allow(unsafe_code)]

use super::management::jvm_symbol;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

/// More entries than any release has (about 3,000 in JDK 8).
const MOST_ENTRIES: usize = 20_000;

/// Address of the static field `field` of `type_name`, whose C++ type is `of`.
pub(super) fn static_field(type_name: &CStr, field: &CStr, of: &CStr) -> Option<NonNull<c_void>> {
    let array: *const u8 = word(c"gHotSpotVMStructs")?;
    let offset = |name| word::<u64>(name).and_then(|offset| usize::try_from(offset).ok());
    let stride = offset(c"gHotSpotVMStructEntryArrayStride").filter(|&stride| stride > 0)?;
    let type_at = offset(c"gHotSpotVMStructEntryTypeNameOffset")?;
    let field_at = offset(c"gHotSpotVMStructEntryFieldNameOffset")?;
    let of_at = offset(c"gHotSpotVMStructEntryTypeStringOffset")?;
    let address_at = offset(c"gHotSpotVMStructEntryAddressOffset")?;
    if array.is_null() {
        return None;
    }
    for index in 0..MOST_ENTRIES {
        // SAFETY: within the array, which is not at its end yet; offsets and stride are the JVM's own.
        unsafe {
            let entry = array.add(index * stride);
            let text = |at: usize| entry.add(at).cast::<*const c_char>().read();
            if text(type_at).is_null() {
                return None;
            }
            let is = |at, wanted| {
                let text = text(at);
                !text.is_null() && CStr::from_ptr(text) == wanted
            };
            if is(type_at, type_name) && is(field_at, field) && is(of_at, of) {
                return NonNull::new(entry.add(address_at).cast::<*mut c_void>().read());
            }
        }
    }
    None
}

/// Value of an exported variable.
fn word<T>(name: &CStr) -> Option<T> {
    let symbol = jvm_symbol(name)?;
    // SAFETY: exported as a pointer or a `uint64_t`, which is what this module asks for.
    Some(unsafe { symbol.cast::<T>().as_ptr().read() })
}
