//! Shared libraries that somebody else has loaded and may unload.
//!
//! # Safety
//! A library is only looked into while a [`HeldLibrary`] keeps it loaded.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_void};

/// A library that was loaded when it was looked up. It may be gone by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedLibrary {
    base: usize,
    path: CString,
}

impl LoadedLibrary {
    /// The library that holds `address`.
    #[must_use]
    pub fn holding(address: usize) -> Option<Self> {
        let mut found = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: dladdr(3) fills the structure when it returns non-zero, and accepts any address; the name is a string of
        // the loader's, which the caller's use of a function in the library keeps there.
        unsafe {
            if libc::dladdr(address as *const c_void, found.as_mut_ptr()) == 0 {
                return None;
            }
            let found = found.assume_init();
            if found.dli_fname.is_null() || found.dli_fbase.is_null() {
                return None;
            }
            Some(Self {
                base: found.dli_fbase as usize,
                path: CStr::from_ptr(found.dli_fname).to_owned(),
            })
        }
    }

    /// Keeps the library loaded, if it still is and at the same place. Loads nothing.
    #[must_use]
    pub fn hold(&self) -> Option<HeldLibrary<'_>> {
        // SAFETY: dlopen(3) with RTLD_NOLOAD only finds what is loaded, by its name.
        let handle =
            unsafe { libc::dlopen(self.path.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_LAZY) };
        // Made only when it is open: one that is dropped would be closed, and closing nothing is a segmentation fault.
        if handle.is_null() {
            return None;
        }
        Some(HeldLibrary {
            handle,
            library: self,
        })
    }
}

/// A library that stays loaded until this is dropped.
#[derive(Debug)]
pub struct HeldLibrary<'a> {
    handle: *mut c_void,
    library: &'a LoadedLibrary,
}

impl HeldLibrary<'_> {
    /// Address of an exported function of this very library; `None` too when another one has taken its name. `proven` spares
    /// the proof of what was proven before: glibc goes over all symbols of the library for it, 130 µs for RocksDB's.
    #[must_use]
    pub fn function(&self, name: &CStr, proven: &mut Proven) -> Option<usize> {
        // SAFETY: the handle is open.
        let address = unsafe { libc::dlsym(self.handle, name.as_ptr()) } as usize;
        let found = (self.library.base, address);
        if proven.0.contains(&found) {
            return Some(address);
        }
        let is_its_own = address != 0
            && LoadedLibrary::holding(address)
                .is_some_and(|holder| holder.base == self.library.base);
        if is_its_own && proven.0.len() < MOST_PROVEN {
            proven.0.push(found);
        }
        is_its_own.then_some(address)
    }
}

/// Functions that are remembered.
const MOST_PROVEN: usize = 64;

/// Functions that were proven to be a library's own: its base and their address.
#[derive(Debug, Default)]
pub struct Proven(Vec<(usize, usize)>);

impl Drop for HeldLibrary<'_> {
    fn drop(&mut self) {
        // SAFETY: opened by `hold`, closed once.
        unsafe { libc::dlclose(self.handle) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_by_one_of_its_functions() {
        let library = LoadedLibrary::holding(libc::malloc as *const () as usize).unwrap();
        let held = library.hold().unwrap();
        let mut proven = Proven::default();
        let found = held.function(c"malloc_usable_size", &mut proven);
        assert!(found.is_some());
        assert_eq!(proven.0.len(), 1);
        assert_eq!(held.function(c"malloc_usable_size", &mut proven), found);
        assert_eq!(held.function(c"no_such_function", &mut proven), None);
    }

    #[test]
    fn a_library_that_is_gone_or_elsewhere_is_not_held() {
        assert_eq!(LoadedLibrary::holding(16), None);
        let gone = LoadedLibrary {
            base: 4096,
            path: c"/nowhere/librocksdbjni.so".to_owned(),
        };
        assert!(gone.hold().is_none());
        let libc = LoadedLibrary::holding(libc::malloc as *const () as usize).unwrap();
        let elsewhere = LoadedLibrary {
            base: 4096,
            ..libc.clone()
        };
        let held = elsewhere.hold().unwrap();
        let mut proven = Proven::default();
        let own = libc.hold().unwrap();
        assert!(own.function(c"malloc", &mut proven).is_some());
        assert_eq!(held.function(c"malloc", &mut proven), None);
    }
}
