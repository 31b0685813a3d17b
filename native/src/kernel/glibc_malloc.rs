//! GNU libc's `malloc`: what it says of itself, and how its memory is recognised in the address space.
//!
//! | memory | told by |
//! | --- | --- |
//! | the main arena | `[heap]` |
//! | another arena's heap | begins at a multiple of 64 MiB with its `heap_info`: arena, previous heap, size |
//! | a large block | mapped on its own, its second word is its size with bit 1 set; neighbours are merged by the kernel |
//!
//! The layouts are those of glibc's `arena.c` and `malloc.c` since 2.10, and each finding proves itself: a heap by the heap
//! that its arena lies in, large blocks by the sum that `mallinfo2` gives.
//!
//! # Safety
//! `mallinfo2` is looked up by name and called as `<malloc.h>` declares it.
#![allow(unsafe_code)]

use super::own_memory::OwnMemory;
use std::collections::BTreeMap;
use std::ops::Range;

/// Size and alignment of an arena's heap (`HEAP_MAX_SIZE` on 64 bit).
pub const HEAP_BYTES: u64 = 64 << 20;

/// Flag in a block's size: it is mapped on its own (`IS_MMAPPED`).
const IS_MMAPPED: u64 = 2;

/// The low bits of a block's size are flags.
const FLAGS: u64 = 7;

/// Heaps of one arena, a chain whose length nothing else bounds.
const LONGEST_CHAIN: usize = 1024;

/// `struct mallinfo2` of `<malloc.h>`, in the names of mallinfo(3).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mallinfo2 {
    /// Bytes of all arenas.
    pub arena: usize,
    /// Free blocks.
    pub ordblks: usize,
    /// Free fastbin blocks.
    pub smblks: usize,
    /// Blocks mapped on their own.
    pub hblks: usize,
    /// Bytes mapped on their own.
    pub hblkhd: usize,
    /// Unused.
    pub usmblks: usize,
    /// Bytes in fastbins.
    pub fsmblks: usize,
    /// Bytes in use in arenas. Blocks that threads keep at hand for themselves (tcache) count as in use.
    pub uordblks: usize,
    /// Bytes free in arenas.
    pub fordblks: usize,
    /// Of them at the top of the main arena.
    pub keepcost: usize,
}

const _: () = assert!(size_of::<Mallinfo2>() == 80);

impl Mallinfo2 {
    /// Asks the C library, since glibc 2.33; each arena is locked for a moment. `None` where there is no such function.
    #[must_use]
    pub fn read() -> Option<Self> {
        let function = super::allocator::symbol(c"mallinfo2");
        if function.is_null() {
            return None;
        }
        // SAFETY: declared as `struct mallinfo2 mallinfo2(void)`.
        Some(unsafe {
            std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn() -> Self>(function)()
        })
    }
}

/// What the environment sets of glibc's parameters (mallopt(3), `GLIBC_TUNABLES`), by the names of the tunables. Nothing
/// else of the environment is looked at.
#[must_use]
pub fn settings() -> BTreeMap<&'static str, u64> {
    const VARIABLES: [(&str, &str); 4] = [
        ("arena_max", "MALLOC_ARENA_MAX"),
        ("mmap_threshold", "MALLOC_MMAP_THRESHOLD_"),
        ("top_pad", "MALLOC_TOP_PAD_"),
        ("trim_threshold", "MALLOC_TRIM_THRESHOLD_"),
    ];
    let tunables = std::env::var("GLIBC_TUNABLES").unwrap_or_default();
    let value = |(tunable, variable): (&'static str, &str)| {
        let text = tunable_value(&tunables, tunable).map(str::to_owned);
        let number = text
            .or_else(|| std::env::var(variable).ok())?
            .parse()
            .ok()?;
        Some((tunable, number))
    };
    VARIABLES.into_iter().filter_map(value).collect()
}

/// The value of `glibc.malloc.<name>` in `GLIBC_TUNABLES`: `name=value` joined by colons.
fn tunable_value<'t>(tunables: &'t str, name: &str) -> Option<&'t str> {
    tunables.split(':').find_map(|tunable| {
        tunable
            .strip_prefix("glibc.malloc.")?
            .strip_prefix(name)?
            .strip_prefix('=')
    })
}

/// The heap of an arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArenaHeap {
    /// The arena that it belongs to.
    pub arena: u64,
    /// The part that can be written to.
    pub range: Range<u64>,
}

/// The heap at `start`, which is a multiple of [`HEAP_BYTES`], if there is one.
#[must_use]
pub fn arena_heap(memory: &OwnMemory, start: u64) -> Option<ArenaHeap> {
    let heap = heap_info(memory, start)?;
    let mut first = start;
    let mut info = heap;
    // Only an arena's first heap has none before it, and the arena itself lies in it.
    for _ in 0..LONGEST_CHAIN {
        if info.previous == 0 {
            let is_proven = (first..first.saturating_add(4096)).contains(&heap.arena);
            let range = start..start.saturating_add(heap.size_bytes);
            return is_proven.then_some(ArenaHeap {
                arena: heap.arena,
                range,
            });
        }
        first = info.previous;
        info = heap_info(memory, first).filter(|info| info.arena == heap.arena)?;
    }
    None
}

#[derive(Debug, Clone, Copy)]
struct HeapInfo {
    arena: u64,
    previous: u64,
    size_bytes: u64,
}

fn heap_info(memory: &OwnMemory, start: u64) -> Option<HeapInfo> {
    let [arena, previous, size_bytes] = memory.words(start)?;
    let is_plausible = start.is_multiple_of(HEAP_BYTES)
        && previous.is_multiple_of(HEAP_BYTES)
        && previous != start
        && arena > 0
        && (1..=HEAP_BYTES).contains(&size_bytes)
        && size_bytes.is_multiple_of(4096);
    is_plausible.then_some(HeapInfo {
        arena,
        previous,
        size_bytes,
    })
}

/// Size of the large block whose mapping begins at `start` and ends at `end` at the latest, if there is one.
#[must_use]
pub fn large_block_bytes(memory: &OwnMemory, start: u64, end: u64, page_bytes: u64) -> Option<u64> {
    let [before, size] = memory.words(start)?;
    let bytes = size & !FLAGS;
    let room = end.checked_sub(start)?;
    let is_block = size & FLAGS == IS_MMAPPED
        && before == 0
        && bytes >= page_bytes
        && bytes.is_multiple_of(page_bytes.max(1))
        && bytes <= room;
    is_block.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::smaps::{Smaps, SmapsFile};

    #[test]
    fn a_block_of_another_threads_arena_lies_in_a_heap_that_proves_itself() {
        let memory = OwnMemory::open();
        let find = move || {
            let block = vec![1_u8; 1000];
            let address = block.as_ptr().addr() as u64;
            (
                arena_heap(&memory, address / HEAP_BYTES * HEAP_BYTES),
                address,
            )
        };
        let (heap, address) = std::thread::spawn(find).join().unwrap();
        let heap = heap.unwrap();
        assert!(heap.range.contains(&address), "{heap:?} {address:x}");
    }

    #[test]
    fn tunables_are_found_by_their_whole_name() {
        let text = "glibc.malloc.arena_max=2:glibc.malloc.top_pad=131072";
        assert_eq!(tunable_value(text, "arena_max"), Some("2"));
        assert_eq!(tunable_value(text, "top_pad"), Some("131072"));
        assert_eq!(tunable_value(text, "arena"), None);
        assert_eq!(tunable_value("", "arena_max"), None);
    }

    #[test]
    fn a_large_block_is_recognised_and_counted() {
        const BYTES: usize = 100 << 20;
        let before = Mallinfo2::read().unwrap();
        let block = vec![1_u8; BYTES];
        let address = block.as_ptr().addr() as u64;
        let mut smaps = Smaps::default();
        SmapsFile::open().unwrap().read(&mut smaps).unwrap();
        let mapping = smaps.at(address).unwrap();
        let memory = OwnMemory::open();
        let header = address - 16;
        let found = large_block_bytes(&memory, header, mapping.range.end, 4096).unwrap();
        assert!(found >= BYTES as u64 && found < (BYTES + 8192) as u64);
        assert!(Mallinfo2::read().unwrap().hblkhd >= before.hblkhd + BYTES);
        for no_block in [mapping.range.end - 4096, header + 4096] {
            let other = large_block_bytes(&memory, no_block, mapping.range.end, 4096);
            assert_eq!(other, None);
        }
    }
}
