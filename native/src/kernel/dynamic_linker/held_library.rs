//! Shared libraries that somebody else has loaded and may unload: one is only looked into while a [`HeldLibrary`] keeps it loaded.

use super::calls::{Handle, place_of};
use std::ffi::{CStr, CString};

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
        let place = place_of(address)?;
        Some(Self {
            base: place.base,
            path: place.file?,
        })
    }

    /// Keeps the library loaded, if it still is and at the same place. Loads nothing.
    #[must_use]
    pub fn hold(&self) -> Option<HeldLibrary<'_>> {
        Some(HeldLibrary {
            handle: Handle::of_loaded(&self.path)?,
            library: self,
        })
    }
}

/// A library that stays loaded until this is dropped.
#[derive(Debug)]
pub struct HeldLibrary<'a> {
    handle: Handle,
    library: &'a LoadedLibrary,
}

impl HeldLibrary<'_> {
    /// Address of an exported function of this very library; `None` too when another one has taken its name. `proven` spares
    /// the proof of what was proven before: glibc goes over all symbols of the library for it, 130 µs for RocksDB's.
    #[must_use]
    pub fn function(&self, name: &CStr, proven: &mut Proven) -> Option<usize> {
        let address = self.handle.symbol(name)?;
        let found = (self.library.base, address);
        if proven.0.contains(&found) {
            return Some(address);
        }
        let is_its_own = place_of(address).is_some_and(|place| place.base == self.library.base);
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
