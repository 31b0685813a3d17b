//! What a loaded object imports, and the slots through which it calls it.
//!
//! An object calls an imported function through a word of its own that the loader has filled in. Replacing that word is how calls of
//! one object are stood before without touching any code.
//!
//! # Safety
//! An object's segments stay mapped while it is lent (see [`super::object`]). Slots are written with an atomic exchange, for other
//! threads call through them meanwhile.
#![allow(unsafe_code)]

use super::object::{Object, Segment, Symbol, address};
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An imported function with the slot through which it is called.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The symbol, without its version.
    pub name: &'a [u8],
    /// What the slot holds: the function, or the object's own stub that looks it up at the first call.
    pub value: usize,
    /// The function is looked up at the first call, which has not been.
    pub unbound: bool,
    slot: usize,
}

const R_X86_64_64: u64 = 1;
const R_X86_64_GLOB_DAT: u64 = 6;
const R_X86_64_JUMP_SLOT: u64 = 7;

impl Object<'_> {
    /// Visits the imported functions. Symbols that the object defines itself are not among them.
    pub fn for_each_import(&self, mut visit: impl FnMut(Import<'_>)) {
        for table in self.dynamic.relocations {
            for index in 0..table.bytes / size_of::<Rela>() {
                let place = table.start.wrapping_add(index * size_of::<Rela>());
                let Some(rela) = self.read::<Rela>(place) else {
                    break;
                };
                if let Some(import) = self.import(&rela) {
                    visit(import);
                }
            }
        }
    }

    /// Makes the slots that the loader has made read-only writable while `body` runs. `None` when the kernel refuses.
    pub fn with_writable_slots<T>(&self, body: impl FnOnce() -> T) -> Option<T> {
        let protect = |protection| {
            let pages = self.read_only.start as *mut c_void;
            // SAFETY: whole pages of the object's GNU_RELRO segment, which the loader itself protects in this way.
            unsafe { libc::mprotect(pages, self.read_only.len(), protection) == 0 }
        };
        if self.read_only.is_empty() {
            return Some(body());
        }
        if !protect(libc::PROT_READ | libc::PROT_WRITE) {
            return None;
        }
        let result = body();
        protect(libc::PROT_READ);
        Some(result)
    }

    /// Puts `function` into the import's slot, unless it was changed meanwhile.
    ///
    /// # Safety
    /// `function` has the imported function's signature and lives for ever; inside [`Self::with_writable_slots`].
    pub unsafe fn replace(&self, import: &Import<'_>, function: usize) -> bool {
        // SAFETY: an aligned word of a mapped segment of this object (`import` was made by `Self::import`).
        let slot = unsafe { &*(import.slot as *const AtomicUsize) };
        slot.compare_exchange(import.value, function, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    fn import(&self, rela: &Rela) -> Option<Import<'_>> {
        let kind = rela.info & 0xFFFF_FFFF;
        let of_a_function = match kind {
            R_X86_64_JUMP_SLOT | R_X86_64_GLOB_DAT => true,
            R_X86_64_64 => rela.addend == 0,
            _ => false,
        };
        let symbol = address(rela.info >> 32);
        if !of_a_function || symbol == 0 {
            return None;
        }
        let place = self
            .dynamic
            .symbols
            .checked_add(symbol.checked_mul(size_of::<Symbol>())?)?;
        let symbol = self.read::<Symbol>(place)?;
        let is_imported = symbol.section == 0;
        let slot = self.base.wrapping_add(address(rela.offset));
        if !is_imported || !slot.is_multiple_of(align_of::<usize>()) {
            return None;
        }
        let name = self.string(usize::try_from(symbol.name).ok()?)?;
        let value = self.read::<usize>(slot)?;
        let in_own_code =
            |segment: &Segment| segment.executable && (segment.start..segment.end).contains(&value);
        Some(Import {
            name,
            value,
            unbound: kind == R_X86_64_JUMP_SLOT && self.segments.iter().any(in_own_code),
            slot,
        })
    }
}

/// `Elf64_Rela`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Rela {
    offset: u64,
    info: u64,
    addend: i64,
}

const _: () = assert!(size_of::<Rela>() == 24);

#[cfg(test)]
mod tests {
    use super::super::object::tests::the_test_itself;

    #[test]
    fn the_slot_of_an_import_holds_the_function() {
        let expected = libc::getpid as unsafe extern "C" fn() -> _ as usize;
        let found = the_test_itself(|object| {
            let mut found = Vec::new();
            object.for_each_import(|import| {
                if import.name == b"getpid" {
                    found.push((import.value, import.unbound));
                }
            });
            found
        });
        assert!(
            found
                .iter()
                .any(|&(value, unbound)| unbound || value == expected),
            "{found:x?} instead of {expected:x}"
        );
    }

    #[test]
    fn a_replaced_slot_is_called_and_read_only_pages_stay_so() {
        unsafe extern "C" fn replacement() -> libc::pid_t {
            -42
        }
        let function = replacement as unsafe extern "C" fn() -> _ as usize;
        let replaced = the_test_itself(|object| {
            let mut replaced = Vec::new();
            object.with_writable_slots(|| {
                object.for_each_import(|import| {
                    // SAFETY: the same signature.
                    if import.name == b"getppid" && unsafe { object.replace(&import, function) } {
                        replaced.push(import.value);
                    }
                });
            });
            (replaced, object.read_only.clone())
        });
        assert!(!replaced.0.is_empty());
        // SAFETY: getppid(2) has no preconditions.
        assert_eq!(unsafe { libc::getppid() }, -42);
        let maps = procfs::process::Process::myself().unwrap().maps().unwrap();
        let map = maps
            .into_iter()
            .find(|map| {
                map.address.0 <= replaced.1.start as u64 && map.address.1 > replaced.1.start as u64
            })
            .unwrap();
        assert!(!map.perms.contains(procfs::process::MMPermissions::WRITE));
    }
}
