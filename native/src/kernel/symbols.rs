//! Functions of the process by name, and the files that addresses lie in.
//!
//! # Safety
//! `dlsym` and `dladdr` with NUL-terminated names and any addresses; nothing that is found is called or read here.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;

/// Address of the function that the process calls by that name.
#[must_use]
pub fn find(name: &CStr) -> Option<usize> {
    // SAFETY: a NUL-terminated name; a missing symbol gives null.
    address(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

/// Address of that function in a library that only some others may see, where the whole process has none. The library must be loaded
/// already, and then stays so.
#[must_use]
pub fn find_in(library: &CStr, name: &CStr) -> Option<usize> {
    find(name).or_else(|| {
        // SAFETY: NUL-terminated names; nothing is loaded, and the reference keeps what is from being unloaded.
        unsafe {
            let handle = libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
            if handle.is_null() {
                return None;
            }
            address(libc::dlsym(handle, name.as_ptr()))
        }
    })
}

/// An address in the C library.
#[must_use]
pub fn in_libc() -> Option<usize> {
    find(c"__libc_start_main")
}

/// The file that `address` was loaded from.
#[must_use]
pub fn file_of(address: usize) -> Option<String> {
    let info = info(address)?;
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's name of an object that is loaded; copied at once.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(name.to_string_lossy().into_owned())
}

/// Where the object that holds `address` is loaded.
#[must_use]
pub fn base_of(address: usize) -> Option<usize> {
    Some(info(address)?.dli_fbase as usize).filter(|&base| base != 0)
}

fn info(address: usize) -> Option<libc::Dl_info> {
    let mut found = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: dladdr(3) fills the structure when it returns non-zero, and accepts any address.
    unsafe {
        let is_found =
            address != 0 && libc::dladdr(address as *const c_void, found.as_mut_ptr()) != 0;
        is_found.then(|| found.assume_init())
    }
}

fn address(pointer: *mut c_void) -> Option<usize> {
    Some(pointer as usize).filter(|&address| address != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_the_c_library_is_found_with_its_file() {
        let malloc = find(c"malloc").unwrap();
        assert_eq!(base_of(malloc), base_of(in_libc().unwrap()));
        assert!(file_of(malloc).unwrap().contains("libc"));
        assert_eq!(find(c"no such function"), None);
        assert_eq!((file_of(0), base_of(1)), (None, None));
    }
}
