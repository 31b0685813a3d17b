//! The address ranges of loaded libraries, with the memory behind their files' end that has no name in `smaps` (`.bss`).
//!
//! # Safety
//! `dl_iterate_phdr` calls back with structures that are valid for the call, and holds the loader's lock meanwhile.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ops::Range;

/// More segments than a process with hundreds of libraries has.
const MOST_SEGMENTS: usize = 8192;

/// The segments of every loaded object, in the order of addresses, to whole pages.
#[must_use]
pub fn segments(page_bytes: u64) -> Vec<Range<u64>> {
    let mut found = Found {
        segments: Vec::with_capacity(256),
        page_bytes: page_bytes.max(1),
    };
    // SAFETY: the callback has the declared type and does not unwind; `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut found).cast()) };
    found.segments.sort_by_key(|segment| segment.start);
    found.segments
}

/// Where the object that holds `address` lies, from its first to its last segment.
#[must_use]
pub fn object_at(segments: &[Range<u64>], address: u64) -> Option<Range<u64>> {
    let found = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    let base = base_of(address, found)?;
    let next_base = |segment: &&Range<u64>| {
        base_of(segment.start, std::mem::MaybeUninit::uninit()) == Some(base)
    };
    let own: Vec<_> = segments
        .iter()
        .filter(|segment| segment.start >= base)
        .take_while(next_base)
        .collect();
    Some(own.first()?.start..own.last()?.end)
}

fn base_of(address: u64, mut found: std::mem::MaybeUninit<libc::Dl_info>) -> Option<u64> {
    let pointer = usize::try_from(address).ok()? as *const c_void;
    // SAFETY: dladdr(3) accepts any address and fills the structure when it returns non-zero.
    unsafe {
        (libc::dladdr(pointer, found.as_mut_ptr()) != 0)
            .then(|| found.assume_init().dli_fbase.addr() as u64)
    }
}

struct Found {
    segments: Vec<Range<u64>>,
    page_bytes: u64,
}

unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: the loader lends `info` for this call; `found` is ours, see `segments`.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Found>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: the loader's table of program headers.
    let headers =
        unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    for header in headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
    {
        let start = info.dlpi_addr.wrapping_add(header.p_vaddr);
        let end = start.saturating_add(header.p_memsz);
        let page = found.page_bytes;
        let segment = start / page * page..end.checked_next_multiple_of(page).unwrap_or(end);
        if found.segments.len() < MOST_SEGMENTS {
            found.segments.push(segment);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_zeroed_statics_of_this_test_lie_in_one_object() {
        static ZEROED: [std::sync::atomic::AtomicU64; 4096] =
            [const { std::sync::atomic::AtomicU64::new(0) }; 4096];
        let segments = segments(4096);
        let code =
            (code_and_zeroed_statics_of_this_test_lie_in_one_object as *const ()).addr() as u64;
        let object = object_at(&segments, code).unwrap();
        assert!(object.contains(&code));
        assert!(object.contains(&(ZEROED.as_ptr().addr() as u64)));
        let foreign = (libc::malloc as *const ()).addr() as u64;
        assert!(!object.contains(&foreign));
        assert!(segments.iter().any(|segment| segment.contains(&foreign)));
    }
}
