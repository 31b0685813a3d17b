//! Functions by name, and the files that addresses lie in.

use super::calls::{Handle, place_of, symbol};
use super::object::for_each_object;
use std::ffi::{CStr, CString};

/// Address of the function that the process calls by that name.
#[must_use]
pub fn find(name: &CStr) -> Option<usize> {
    symbol(name)
}

/// Address of that function in a library that only some others may see, where the whole process has none. The library must be loaded
/// already, and then stays so.
#[must_use]
pub fn find_in(library: &CStr, name: &CStr) -> Option<usize> {
    find(name).or_else(|| {
        let library = Handle::of_loaded(library)?;
        let address = library.symbol(name);
        library.keep();
        address
    })
}

/// Address of a function that `library` exports, by its soname or path; `None` when it is not loaded or has none such.
///
/// Libraries that a JVM loads are not in the global scope, so [`find`] does not find what they export.
#[must_use]
pub fn exported(library: &CStr, name: &CStr) -> Option<usize> {
    // The library stays without our reference, for whoever loaded it holds it.
    Handle::of_loaded(library)?.symbol(name)
}

/// Addresses of a function in every loaded library that exports it, each once.
#[must_use]
pub fn exported_anywhere(name: &CStr) -> Vec<usize> {
    let mut found = Vec::new();
    for path in paths() {
        if let Some(address) = exported(&path, name).filter(|address| !found.contains(address)) {
            found.push(address);
        }
    }
    found
}

/// An address in the C library.
#[must_use]
pub fn in_libc() -> Option<usize> {
    find(c"__libc_start_main")
}

/// The file that `address` was loaded from.
#[must_use]
pub fn file_of(address: usize) -> Option<String> {
    let file = place_of(address)?.file?;
    Some(file.to_string_lossy().into_owned())
}

/// Where the object that holds `address` is loaded.
#[must_use]
pub fn base_of(address: usize) -> Option<usize> {
    Some(place_of(address)?.base)
}

/// Paths of the loaded libraries, as the linker knows them. The executable has none.
fn paths() -> Vec<CString> {
    let mut paths = Vec::new();
    for_each_object(|object| {
        if !object.path.is_empty() {
            paths.push(object.path.to_owned());
        }
        true
    });
    paths
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
