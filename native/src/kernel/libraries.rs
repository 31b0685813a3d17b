//! Libraries that are loaded into this process, and what they export.
//!
//! # Safety
//! The dynamic linker's functions are called as their manual pages have it. No library is loaded: `RTLD_NOLOAD`.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int, c_void};

/// Address of a function that `library` exports, by its soname or path; `None` when it is not loaded or has none such.
///
/// Libraries that a JVM loads are not in the global scope, so `dlsym` alone does not find what they export.
#[must_use]
pub fn exported(library: &CStr, name: &CStr) -> Option<*mut c_void> {
    // SAFETY: dlopen(3) with a NUL-terminated name; RTLD_NOLOAD only counts a reference to what is loaded already. The
    // handle is given back; the library stays, for whoever loaded it holds it.
    unsafe {
        let handle = libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() {
            return None;
        }
        let address = libc::dlsym(handle, name.as_ptr());
        libc::dlclose(handle);
        (!address.is_null()).then_some(address)
    }
}

/// Addresses of a function in every loaded library that exports it, each once.
#[must_use]
pub fn exported_anywhere(name: &CStr) -> Vec<*mut c_void> {
    let mut found = Vec::new();
    for path in paths() {
        if let Some(address) = exported(&path, name).filter(|address| !found.contains(address)) {
            found.push(address);
        }
    }
    found
}

/// Paths of the loaded libraries, as the linker knows them.
fn paths() -> Vec<CString> {
    let mut paths: Vec<CString> = Vec::new();
    // SAFETY: dl_iterate_phdr(3) calls back before it returns, with the pointer that we give.
    unsafe { libc::dl_iterate_phdr(Some(add_path), (&raw mut paths).cast()) };
    paths
}

unsafe extern "C" fn add_path(
    info: *mut libc::dl_phdr_info,
    _: usize,
    paths: *mut c_void,
) -> c_int {
    // SAFETY: the linker's structure with a NUL-terminated name or null, and the vector of `paths`.
    unsafe {
        let name = (*info).dlpi_name;
        if !name.is_null() && *name != 0 {
            (*paths.cast::<Vec<CString>>()).push(CStr::from_ptr(name).to_owned());
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_loaded_library_exports_is_found_and_what_is_not_loaded_is_not() {
        assert!(exported(c"libc.so.6", c"malloc").is_some());
        assert_eq!(exported(c"libc.so.6", c"no_such_function"), None);
        assert_eq!(exported(c"libflinkmem-is-not-here.so", c"malloc"), None);
        let everywhere = exported_anywhere(c"malloc");
        assert!(!everywhere.is_empty());
        assert!(exported_anywhere(c"no_such_function").is_empty());
    }
}
