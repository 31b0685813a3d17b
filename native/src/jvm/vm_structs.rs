//! `gHotSpotVMStructs`: where HotSpot says that fields of its own classes are, for debuggers.
//!
//! Private to the JDK, so it is an optional source: a field that is not there is absent, and what is found by it must prove
//! itself where it is used.
//!
//! # Safety
//! The table and its strings are static data of libjvm; its layout is told by further symbols.
#![allow(unsafe_code)]

use super::management::jvm_symbol;
use std::ffi::{CStr, c_char};

/// HotSpot has some 800 entries.
const MOST_ENTRIES: u64 = 8192;

/// Where a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VmField {
    /// At this distance from the beginning of its object.
    Instance(u64),
    /// At this address.
    Static(u64),
}

/// The table.
#[derive(Debug, Clone, Copy)]
pub(super) struct VmStructs {
    first: *const u8,
    layout: Layout,
}

/// Distances within an entry.
#[derive(Debug, Clone, Copy)]
struct Layout {
    type_name: u64,
    field_name: u64,
    is_static: u64,
    offset: u64,
    address: u64,
    stride: u64,
}

impl VmStructs {
    /// Finds it; `None` in a JVM without.
    pub(super) fn find() -> Option<Self> {
        // SAFETY: exported as `VMStructEntry*` and `uint64_t`s.
        let word = |name| Some(unsafe { jvm_symbol(name)?.cast::<u64>().as_ptr().read() });
        let layout = Layout {
            type_name: word(c"gHotSpotVMStructEntryTypeNameOffset")?,
            field_name: word(c"gHotSpotVMStructEntryFieldNameOffset")?,
            is_static: word(c"gHotSpotVMStructEntryIsStaticOffset")?,
            offset: word(c"gHotSpotVMStructEntryOffsetOffset")?,
            address: word(c"gHotSpotVMStructEntryAddressOffset")?,
            stride: word(c"gHotSpotVMStructEntryArrayStride")?,
        };
        // SAFETY: as above.
        let first = unsafe {
            jvm_symbol(c"gHotSpotVMStructs")?
                .cast::<*const u8>()
                .as_ptr()
                .read()
        };
        let fits = |distance: u64| distance < layout.stride;
        let is_plausible = !first.is_null()
            && (1..=256).contains(&layout.stride)
            && [
                layout.type_name,
                layout.field_name,
                layout.is_static,
                layout.offset,
                layout.address,
            ]
            .into_iter()
            .all(fits);
        is_plausible.then_some(Self { first, layout })
    }

    /// The field of that class.
    pub(super) fn field(&self, class: &CStr, field: &CStr) -> Option<VmField> {
        for index in 0..MOST_ENTRIES {
            let entry = index.checked_mul(self.layout.stride)?;
            let class_here = self.text(entry, self.layout.type_name)?;
            if class_here == class && self.text(entry, self.layout.field_name) == Some(field) {
                return Some(self.place(entry));
            }
        }
        None
    }

    /// An instance field's distance.
    pub(super) fn offset(&self, class: &CStr, field: &CStr) -> Option<u64> {
        match self.field(class, field)? {
            VmField::Instance(offset) => Some(offset),
            VmField::Static(_) => None,
        }
    }

    /// A static field's address.
    pub(super) fn address(&self, class: &CStr, field: &CStr) -> Option<u64> {
        match self.field(class, field)? {
            VmField::Static(address) => Some(address).filter(|&address| address != 0),
            VmField::Instance(_) => None,
        }
    }

    fn place(&self, entry: u64) -> VmField {
        // SAFETY: `isStatic` is an `int32_t` of an entry of the table.
        let is_static = unsafe { self.at::<i32>(entry, self.layout.is_static) } != 0;
        // SAFETY: `offset` is a `uint64_t` and `address` a pointer of an entry of the table.
        unsafe {
            if is_static {
                VmField::Static(self.at(entry, self.layout.address))
            } else {
                VmField::Instance(self.at(entry, self.layout.offset))
            }
        }
    }

    /// A name in an entry; `None` at the table's end, which has null for a class.
    fn text(&self, entry: u64, distance: u64) -> Option<&'static CStr> {
        // SAFETY: a `const char*` of an entry of the table, static text.
        unsafe {
            let text: *const c_char = self.at(entry, distance);
            (!text.is_null()).then(|| CStr::from_ptr(text))
        }
    }

    /// # Safety
    /// `entry` is the distance of an entry that is not behind the table's end, and `T` what is at `distance` in it.
    unsafe fn at<T>(&self, entry: u64, distance: u64) -> T {
        let distance = usize::try_from(entry.saturating_add(distance)).unwrap_or(0);
        // SAFETY: the caller's promise.
        unsafe { self.first.add(distance).cast::<T>().read_unaligned() }
    }
}
