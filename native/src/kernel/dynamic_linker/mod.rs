//! What the dynamic linker knows: loaded objects, what they export and import, and where an address belongs.
//!
//! Its functions are called in `calls` and `object` only. No library is ever loaded here.

mod calls;
mod held_library;
mod imports;
mod object;
mod segments;
mod symbols;

pub use held_library::{HeldLibrary, LoadedLibrary, Proven};
pub use imports::Import;
pub use object::{Changes, Object, changes, for_each_object, wait_for_loader};
pub use segments::{object_at, segments};
pub use symbols::{base_of, exported, exported_anywhere, file_of, find, find_in, in_libc};
