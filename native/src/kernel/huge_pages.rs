//! Keeping large, sparsely used tables out of transparent huge pages.
//!
//! Where the kernel backs every large anonymous area with 2 MiB pages (`/sys/kernel/mm/transparent_hugepage/enabled` says
//! `always`), one touched entry of a sparse table costs 2 MiB instead of 4 KiB.
//!
//! # Safety
//! `madvise` with `MADV_NOHUGEPAGE` changes how memory is backed, never what it holds.
#![allow(unsafe_code)]

/// Asks the kernel for small pages behind `table`. Whole pages inside it only; a refusal costs memory, nothing else.
pub fn avoid<T>(table: &'static T) {
    let Some(page) = super::host::page_size_bytes().and_then(|bytes| usize::try_from(bytes).ok())
    else {
        return;
    };
    let start = std::ptr::from_ref(table) as usize;
    let end = start.saturating_add(size_of::<T>());
    let (first, last) = (start.next_multiple_of(page), end / page * page);
    if last > first {
        // SAFETY: whole pages of a static object of ours.
        unsafe {
            libc::madvise(
                first as *mut libc::c_void,
                last - first,
                libc::MADV_NOHUGEPAGE,
            )
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[test]
    fn a_table_keeps_what_it_holds_and_says_in_smaps_that_it_wants_no_huge_pages() {
        static TABLE: [AtomicU8; 4 << 20] = [const { AtomicU8::new(0) }; 4 << 20];
        TABLE[1 << 20].store(7, Ordering::Relaxed);
        avoid(&TABLE);
        assert_eq!(TABLE[1 << 20].load(Ordering::Relaxed), 7);
        let inside = u64::try_from(std::ptr::from_ref(&TABLE[1 << 20]) as usize).unwrap();
        let maps = procfs::process::Process::myself().unwrap().smaps().unwrap();
        let map = maps
            .into_iter()
            .find(|map| (map.address.0..map.address.1).contains(&inside))
            .unwrap();
        let flags = map.extension.vm_flags;
        assert!(flags.contains(procfs::process::VmFlags::NH), "{flags:?}");
    }
}
