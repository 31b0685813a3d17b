//! `dlopen`, `dlsym`, `dladdr` and `dlclose`, each called here alone.
//!
//! # Safety
//! Names are NUL-terminated by their type; `RTLD_NOLOAD` only finds what is loaded already; nothing that is found is called or read.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_void};
use std::mem::MaybeUninit;

/// A reference to a loaded library, which keeps it loaded until this is dropped.
#[derive(Debug)]
pub(super) struct Handle(*mut c_void);

impl Handle {
    /// The library of that soname or path, if it is loaded.
    pub(super) fn of_loaded(library: &CStr) -> Option<Self> {
        // SAFETY: dlopen(3) with a NUL-terminated name.
        let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        // Made only when it is open: closing nothing is a segmentation fault.
        (!handle.is_null()).then(|| Self(handle))
    }

    /// Address of what it, or a library that it needs, exports by that name.
    pub(super) fn symbol(&self, name: &CStr) -> Option<usize> {
        // SAFETY: the handle is open; a missing symbol gives null.
        non_zero(unsafe { libc::dlsym(self.0, name.as_ptr()) })
    }

    /// Never gives the reference back, so that the library stays.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: opened by `of_loaded`, closed once.
        unsafe { libc::dlclose(self.0) };
    }
}

/// Address of what the process calls by that name. Takes the linker's lock.
pub(super) fn symbol(name: &CStr) -> Option<usize> {
    // SAFETY: a NUL-terminated name; a missing symbol gives null.
    non_zero(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

/// Where an object is loaded, and from which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) base: usize,
    pub(super) file: Option<CString>,
}

/// The object that holds `address`.
pub(super) fn place_of(address: usize) -> Option<Place> {
    let mut found = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: dladdr(3) accepts any address and fills the structure when it returns non-zero.
    let info = unsafe {
        let is_found =
            address != 0 && libc::dladdr(address as *const c_void, found.as_mut_ptr()) != 0;
        is_found.then(|| found.assume_init())
    }?;
    let file = if info.dli_fname.is_null() {
        None
    } else {
        // SAFETY: the linker's name of an object that is loaded; copied at once.
        Some(unsafe { CStr::from_ptr(info.dli_fname) }.to_owned())
    };
    let base = non_zero(info.dli_fbase)?;
    Some(Place { base, file })
}

fn non_zero(pointer: *mut c_void) -> Option<usize> {
    Some(pointer as usize).filter(|&address| address != 0)
}
