//! Which `malloc` the process uses, and what it says of a block.
//!
//! # Safety
//! The symbols are looked up by the names that the allocators' public headers declare, and called with those types.
#![allow(unsafe_code)]

use super::dynamic_linker;
use std::ffi::{CStr, c_char, c_int, c_void};

/// The allocator behind `malloc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocator {
    /// GNU libc.
    Glibc,
    /// jemalloc, as the official Flink images preload it.
    Jemalloc,
    /// gperftools or Google's tcmalloc.
    Tcmalloc,
    /// mimalloc.
    Mimalloc,
    /// Anything else.
    Unknown,
}

impl Allocator {
    /// The allocator in use, told by the functions that only it exports. A preloaded one hides glibc's.
    #[must_use]
    pub fn detect() -> Self {
        let exports = |name: &CStr| !symbol(name).is_null();
        if exports(c"mallctl") {
            Self::Jemalloc
        } else if exports(c"tc_version") || exports(c"MallocExtension_Internal_GetNumericProperty")
        {
            Self::Tcmalloc
        } else if exports(c"mi_version") {
            Self::Mimalloc
        } else if exports(c"gnu_get_libc_version") {
            Self::Glibc
        } else {
            Self::Unknown
        }
    }

    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Glibc => "glibc",
            Self::Jemalloc => "jemalloc",
            Self::Tcmalloc => "tcmalloc",
            Self::Mimalloc => "mimalloc",
            Self::Unknown => "unknown",
        }
    }

    /// Its version, where it tells.
    #[must_use]
    pub fn version(self) -> Option<String> {
        match self {
            Self::Glibc => glibc_version(),
            Self::Jemalloc => jemalloc_version(),
            _ => None,
        }
    }
}

/// Bytes that the block at `address` really offers: at least what was asked for, the same until it is freed.
///
/// # Safety
/// `address` is null or was returned by `malloc` of this process and not freed.
#[must_use]
#[inline]
pub unsafe fn usable_size(address: *mut c_void) -> usize {
    // SAFETY: the caller's promise is malloc_usable_size(3)'s. The symbol binds to a preloaded allocator's own.
    unsafe { libc::malloc_usable_size(address) }
}

/// Whether [`usable_size`] speaks of the blocks that `malloc` gives out. A preloaded library may bring a `malloc` of its own,
/// with a header before each block, and leave `malloc_usable_size` to the C library, which would then read nonsense.
#[must_use]
pub fn usable_size_is_mallocs_own() -> bool {
    let library = |name: &CStr| dynamic_linker::base_of(dynamic_linker::find(name)?);
    let malloc = library(c"malloc");
    malloc.is_some() && malloc == library(c"malloc_usable_size")
}

pub(super) fn symbol(name: &CStr) -> *mut c_void {
    dynamic_linker::find(name).map_or(std::ptr::null_mut(), |address| address as *mut c_void)
}

fn glibc_version() -> Option<String> {
    let function = symbol(c"gnu_get_libc_version");
    if function.is_null() {
        return None;
    }
    // SAFETY: declared in <gnu/libc-version.h> as `const char *gnu_get_libc_version(void)`; a static string.
    unsafe {
        let version: extern "C" fn() -> *const c_char = std::mem::transmute(function);
        CStr::from_ptr(version()).to_str().ok().map(str::to_owned)
    }
}

fn jemalloc_version() -> Option<String> {
    type Mallctl =
        unsafe extern "C" fn(*const c_char, *mut c_void, *mut usize, *mut c_void, usize) -> c_int;
    let function = symbol(c"mallctl");
    if function.is_null() {
        return None;
    }
    let mut version: *const c_char = std::ptr::null();
    let mut length = size_of::<*const c_char>();
    // SAFETY: declared in <jemalloc/jemalloc.h>; "version" yields a `const char *` into static memory.
    unsafe {
        let mallctl: Mallctl = std::mem::transmute(function);
        let failed = mallctl(
            c"version".as_ptr(),
            (&raw mut version).cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        );
        if failed != 0 || version.is_null() {
            return None;
        }
        CStr::from_ptr(version).to_str().ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocator_of_the_test_is_known_and_tells_its_version() {
        let allocator = Allocator::detect();
        assert_ne!(allocator, Allocator::Unknown);
        assert!(
            allocator
                .version()
                .is_some_and(|version| version.contains('.')),
            "{allocator:?}"
        );
    }

    #[test]
    fn the_usable_size_of_the_test_is_its_mallocs() {
        assert!(usable_size_is_mallocs_own());
    }

    #[test]
    fn the_usable_size_is_at_least_what_was_asked_for() {
        for size in [1, 64, 4096, 1 << 20] {
            // SAFETY: the block is live between malloc and free.
            unsafe {
                let block = libc::malloc(size);
                assert!(usable_size(block) >= size);
                libc::free(block);
            }
        }
    }
}
