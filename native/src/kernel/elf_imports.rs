//! The loaded objects of this process, what they import, and the slots through which they call it.
//!
//! An object (the executable or a library) calls an imported function through a word of its own that the loader has
//! filled in. Replacing that word is how calls of one object are stood before without touching any code.
//!
//! Layout: `dl_iterate_phdr` lends each object with its program headers; `PT_DYNAMIC` names the relocations
//! (`DT_JMPREL`, `DT_RELA`), symbols and strings. Every address is checked to lie in a readable segment of the object
//! before it is read, so a damaged table ends the walk, not the process.
//!
//! # Safety
//! An [`Object`] lives only inside the loader's callback: glibc holds the lock that unmapping takes, so its segments
//! stay mapped. Slots are written with an atomic exchange, for other threads call through them meanwhile.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// More segments than any object has.
const SEGMENTS: usize = 16;

/// How often objects were loaded and unloaded since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Objects loaded.
    pub adds: u64,
    /// Objects unloaded.
    pub subs: u64,
}

/// Loads and unloads so far.
#[must_use]
pub fn changes() -> Changes {
    let mut changes = Changes::default();
    for_each_object(|object| {
        changes = object.changes;
        false
    });
    changes
}

/// Waits until no other thread is loading or unloading an object: what is listed then is relocated and initialised.
pub fn wait_for_loader() {
    // SAFETY: dlsym(3) with a NUL-terminated name; it takes the loader's lock, which is held while objects are loaded.
    let _ = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) };
}

/// Visits the loaded objects in the loader's order, while it can unload none of them, until `visit` says false.
///
/// `visit` must not load, unload or look up symbols: the loader is locked.
pub fn for_each_object(mut visit: impl FnMut(&Object<'_>) -> bool) {
    type Visit<'a> = &'a mut dyn FnMut(&Object<'_>) -> bool;

    unsafe extern "C" fn callback(
        info: *mut libc::dl_phdr_info,
        _: usize,
        data: *mut c_void,
    ) -> c_int {
        let go_on = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the loader's structure, valid during this call, and our own closure.
            let (info, visit) = unsafe { (&*info, &mut *data.cast::<Visit<'_>>()) };
            visit(&Object::new(info))
        }));
        c_int::from(!go_on.unwrap_or(false))
    }

    let mut visit: Visit<'_> = &mut visit;
    // SAFETY: the callback has the declared signature, and the closure outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(callback), (&raw mut visit).cast()) };
}

/// A loaded object, lent by the loader.
#[derive(Debug)]
pub struct Object<'a> {
    /// As the loader knows it; empty for the executable.
    pub path: &'a CStr,
    /// Loads and unloads so far.
    pub changes: Changes,
    base: usize,
    segments: [Segment; SEGMENTS],
    dynamic: Dynamic,
    /// Pages that the loader made read-only after it had filled them in.
    read_only: Range<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Segment {
    start: usize,
    end: usize,
    readable: bool,
    executable: bool,
}

/// What `PT_DYNAMIC` names, as addresses.
#[derive(Debug, Clone, Copy, Default)]
struct Dynamic {
    relocations: [Table; 2],
    symbols: usize,
    strings: usize,
    strings_bytes: usize,
    soname: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Table {
    start: usize,
    bytes: usize,
}

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

const DT_PLTRELSZ: i64 = 2;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_RELA: i64 = 7;
const DT_RELASZ: i64 = 8;
const DT_STRSZ: i64 = 10;
const DT_SONAME: i64 = 14;
const DT_PLTREL: i64 = 20;
const DT_JMPREL: i64 = 23;

const R_X86_64_64: u64 = 1;
const R_X86_64_GLOB_DAT: u64 = 6;
const R_X86_64_JUMP_SLOT: u64 = 7;

impl<'a> Object<'a> {
    fn new(info: &'a libc::dl_phdr_info) -> Self {
        // SAFETY: the loader's name and program headers, valid as long as `info`.
        let (path, headers) = unsafe {
            let path = if info.dlpi_name.is_null() {
                c""
            } else {
                CStr::from_ptr(info.dlpi_name)
            };
            let headers = if info.dlpi_phdr.is_null() {
                &[][..]
            } else {
                std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum))
            };
            (path, headers)
        };
        let base = address(info.dlpi_addr);
        let mut object = Self {
            path,
            changes: Changes {
                adds: info.dlpi_adds,
                subs: info.dlpi_subs,
            },
            base,
            segments: segments(base, headers),
            dynamic: Dynamic::default(),
            read_only: read_only(base, headers),
        };
        let range_of = |kind| {
            let header = headers.iter().find(|header| header.p_type == kind)?;
            let start = base.wrapping_add(address(header.p_vaddr));
            Some((start, address(header.p_memsz)))
        };
        if let Some((start, bytes)) = range_of(libc::PT_DYNAMIC) {
            object.dynamic = object.read_dynamic(start, bytes);
        }
        object
    }

    /// Whether `address` lies in one of its segments.
    #[must_use]
    pub fn contains(&self, address: usize) -> bool {
        let holds = |segment: &Segment| (segment.start..segment.end).contains(&address);
        self.segments.iter().any(holds)
    }

    /// The name that it was linked under, where it has one.
    #[must_use]
    pub fn soname(&self) -> Option<&[u8]> {
        self.string(self.dynamic.soname?)
    }

    /// Whether it defines a symbol of that name for others; `None` when its symbols cannot be counted.
    #[must_use]
    pub fn defines(&self, name: &[u8]) -> Option<bool> {
        // The number of symbols is not told, but linkers put the strings behind them.
        let bytes = self.dynamic.strings.checked_sub(self.dynamic.symbols)?;
        for index in 0..bytes / size_of::<Symbol>() {
            let place = self.dynamic.symbols + index * size_of::<Symbol>();
            let symbol = self.read::<Symbol>(place)?;
            let is_defined = symbol.section != 0;
            if is_defined && self.string(usize::try_from(symbol.name).ok()?) == Some(name) {
                return Some(true);
            }
        }
        Some(false)
    }

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

    fn read_dynamic(&self, start: usize, bytes: usize) -> Dynamic {
        let mut dynamic = Dynamic::default();
        let mut plt_is_rela = false;
        for index in 0..bytes / size_of::<Entry>() {
            let place = start.wrapping_add(index * size_of::<Entry>());
            let Some(entry) = self.read::<Entry>(place).filter(|entry| entry.tag != 0) else {
                break;
            };
            let value = address(entry.value);
            match entry.tag {
                DT_JMPREL => dynamic.relocations[0].start = self.absolute(value),
                DT_PLTRELSZ => dynamic.relocations[0].bytes = value,
                DT_RELA => dynamic.relocations[1].start = self.absolute(value),
                DT_RELASZ => dynamic.relocations[1].bytes = value,
                DT_SYMTAB => dynamic.symbols = self.absolute(value),
                DT_STRTAB => dynamic.strings = self.absolute(value),
                DT_STRSZ => dynamic.strings_bytes = value,
                DT_SONAME => dynamic.soname = Some(value),
                DT_PLTREL => plt_is_rela = i64::try_from(entry.value) == Ok(DT_RELA),
                _ => {}
            }
        }
        if !plt_is_rela {
            dynamic.relocations[0].bytes = 0;
        }
        dynamic
    }

    /// glibc has added the base to the addresses in the dynamic section; musl and the kernel's own object have not.
    fn absolute(&self, value: usize) -> usize {
        if self.contains(value) {
            value
        } else {
            self.base.wrapping_add(value)
        }
    }

    fn string(&self, offset: usize) -> Option<&[u8]> {
        if offset >= self.dynamic.strings_bytes {
            return None;
        }
        let start = self.dynamic.strings.checked_add(offset)?;
        let most = (self.dynamic.strings_bytes - offset).min(4096);
        let segment = self.readable(start, 1)?;
        let length = most.min(segment.end - start);
        // SAFETY: inside a readable, mapped segment of the object, which outlives `self`.
        let bytes = unsafe { std::slice::from_raw_parts(start as *const u8, length) };
        let end = bytes.iter().position(|&byte| byte == 0)?;
        bytes.get(..end)
    }

    fn read<T: Copy>(&self, start: usize) -> Option<T> {
        self.readable(start, size_of::<T>())?;
        // SAFETY: inside a readable, mapped segment of the object; `T` is one of the plain structures below or a word.
        Some(unsafe { (start as *const T).read_unaligned() })
    }

    fn readable(&self, start: usize, bytes: usize) -> Option<&Segment> {
        let end = start.checked_add(bytes)?;
        let holds =
            |segment: &&Segment| segment.readable && segment.start <= start && end <= segment.end;
        self.segments.iter().find(holds)
    }
}

/// `Elf64_Dyn`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: i64,
    value: u64,
}

/// `Elf64_Rela`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Rela {
    offset: u64,
    info: u64,
    addend: i64,
}

/// `Elf64_Sym`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

const _: () =
    assert!(size_of::<Entry>() == 16 && size_of::<Rela>() == 24 && size_of::<Symbol>() == 24);

/// Addresses and sizes are words of this machine.
fn address(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn segments(base: usize, headers: &[libc::Elf64_Phdr]) -> [Segment; SEGMENTS] {
    let mut segments = [Segment::default(); SEGMENTS];
    let loaded = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD);
    for (segment, header) in segments.iter_mut().zip(loaded) {
        let start = base.wrapping_add(address(header.p_vaddr));
        *segment = Segment {
            start,
            end: start.saturating_add(address(header.p_memsz)),
            readable: header.p_flags & libc::PF_R != 0,
            executable: header.p_flags & libc::PF_X != 0,
        };
    }
    segments
}

/// The pages that lie wholly in `PT_GNU_RELRO`, rounded as the loader rounds.
fn read_only(base: usize, headers: &[libc::Elf64_Phdr]) -> Range<usize> {
    let header = headers
        .iter()
        .find(|header| header.p_type == libc::PT_GNU_RELRO);
    let page = super::host::page_size_bytes().and_then(|bytes| usize::try_from(bytes).ok());
    let (Some(header), Some(page)) = (header, page) else {
        return 0..0;
    };
    let start = base.wrapping_add(address(header.p_vaddr));
    let end = start.saturating_add(address(header.p_memsz));
    start / page * page..end / page * page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Imports `malloc`, as every C library does.
    fn the_test_itself<T>(mut look: impl FnMut(&Object<'_>) -> T) -> T {
        let mut result = None;
        for_each_object(|object| {
            if object.contains(changes as fn() -> _ as usize) {
                result = Some(look(object));
            }
            result.is_none()
        });
        result.unwrap()
    }

    #[test]
    fn the_process_has_objects_and_the_c_library_a_name() {
        let (mut count, mut names) = (0, Vec::new());
        for_each_object(|object| {
            count += 1;
            names.extend(object.soname().map(<[u8]>::to_vec));
            true
        });
        assert!(count > 2, "{count}");
        let is_libc = |name: &Vec<u8>| name.starts_with(b"libc.");
        assert!(names.iter().any(is_libc), "{names:?}");
        assert!(changes().adds > 0);
    }

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

    #[test]
    fn an_object_knows_what_it_defines() {
        let mut found = Vec::new();
        for_each_object(|object| {
            if object
                .soname()
                .is_some_and(|name| name.starts_with(b"libc."))
            {
                found.extend([object.defines(b"malloc"), object.defines(b"no such symbol")]);
            }
            true
        });
        assert_eq!(found, [Some(true), Some(false)]);
    }

    #[test]
    fn nothing_outside_of_a_segment_is_read() {
        the_test_itself(|object| {
            let end = object
                .segments
                .iter()
                .map(|segment| segment.end)
                .max()
                .unwrap();
            assert!(object.read::<u64>(end - 8).is_some());
            assert!(object.read::<u64>(end - 7).is_none());
            assert!(object.read::<u64>(0).is_none() && object.read::<u64>(usize::MAX).is_none());
            assert!(object.string(usize::MAX).is_none());
        });
    }
}
