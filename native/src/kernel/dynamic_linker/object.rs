//! The loaded objects of this process, as the loader lends them.
//!
//! Layout: `dl_iterate_phdr` lends each object (the executable or a library) with its program headers; `PT_DYNAMIC` names the
//! relocations (`DT_JMPREL`, `DT_RELA`), symbols and strings. Every address is checked to lie in a readable segment of the object
//! before it is read, so a damaged table ends the walk, not the process.
//!
//! # Safety
//! An [`Object`] lives only inside the loader's callback: glibc holds the lock that unmapping takes, so its segments
//! stay mapped.
#![allow(unsafe_code)]

use super::calls::symbol;
use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    // Looking a symbol up takes the loader's lock, which is held while objects are loaded.
    let _ = symbol(c"malloc");
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
    pub(super) base: usize,
    pub(super) segments: [Segment; SEGMENTS],
    pub(super) dynamic: Dynamic,
    /// Pages that the loader made read-only after it had filled them in.
    pub(super) read_only: Range<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Segment {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) readable: bool,
    pub(super) executable: bool,
}

/// What `PT_DYNAMIC` names, as addresses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dynamic {
    pub(super) relocations: [Table; 2],
    pub(super) symbols: usize,
    pub(super) strings: usize,
    pub(super) strings_bytes: usize,
    pub(super) soname: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Table {
    pub(super) start: usize,
    pub(super) bytes: usize,
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

    /// Where it is loaded.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Range<usize>> {
        let loaded = self
            .segments
            .iter()
            .filter(|segment| segment.end > segment.start);
        loaded.map(|segment| segment.start..segment.end)
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

    pub(super) fn string(&self, offset: usize) -> Option<&[u8]> {
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

    pub(super) fn read<T: Copy>(&self, start: usize) -> Option<T> {
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

/// `Elf64_Sym`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol {
    pub(super) name: u32,
    pub(super) info: u8,
    pub(super) other: u8,
    pub(super) section: u16,
    pub(super) value: u64,
    pub(super) size: u64,
}

const _: () = assert!(size_of::<Entry>() == 16 && size_of::<Symbol>() == 24);

/// Addresses and sizes are words of this machine.
pub(super) fn address(value: u64) -> usize {
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
    let page = crate::kernel::host::page_size_bytes().and_then(|bytes| usize::try_from(bytes).ok());
    let (Some(header), Some(page)) = (header, page) else {
        return 0..0;
    };
    let start = base.wrapping_add(address(header.p_vaddr));
    let end = start.saturating_add(address(header.p_memsz));
    start / page * page..end / page * page
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Imports `malloc`, as every C library does.
    pub(in super::super) fn the_test_itself<T>(mut look: impl FnMut(&Object<'_>) -> T) -> T {
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
