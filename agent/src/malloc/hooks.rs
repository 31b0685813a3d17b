//! What libraries call instead of the allocation functions.
//!
//! Each function has an entry for each library number: three instructions that put the number behind the arguments and jump to
//! the hook. So a hook knows its caller for nothing, also where a library calls `malloc` as the last thing it does.
//!
//! # Safety
//! A hook has the signature of the function that it stands before, with the library's number behind its arguments. It is only
//! installed when the real function is known. The C++ operators may throw: their hooks may be unwound through.
#![allow(unsafe_code)]

use super::account;
use super::functions::Name;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) const SUPPORTED: bool = true;

type Block = *mut c_void;

/// The real function, with its signature. It is known, or the hook would not be installed.
macro_rules! real {
    ($name:ident as $signature:ty) => {
        std::mem::transmute::<usize, $signature>(Name::$name.real())
    };
}

/// Entries of a hook, and their address by library number.
macro_rules! entries {
    ($($name:ident $entries:ident $register:literal $hook:ident,)*) => {
        $(
            std::arch::global_asm!(
                ".pushsection .text",
                ".p2align 4",
                concat!(".hidden ", stringify!($entries)),
                concat!(".globl ", stringify!($entries)),
                concat!(stringify!($entries), ":"),
                ".set flinkmem_library, 0",
                ".rept 256",
                ".p2align 4",
                "endbr64",
                concat!("movl $flinkmem_library, %", $register),
                "jmp {hook}",
                ".set flinkmem_library, flinkmem_library + 1",
                ".endr",
                ".popsection",
                hook = sym $hook,
                options(att_syntax)
            );
        )*

        unsafe extern "C" {
            $(static $entries: u8;)*
        }

        /// What `library` is to call instead of a function.
        pub(super) fn entry(name: Name, library: u8) -> usize {
            let first = match name {
                $(Name::$name => &raw const $entries as usize,)*
                Name::Free => return free as unsafe extern "C" fn(_) as usize,
                Name::Delete => return delete as unsafe extern "C" fn(_) as usize,
                Name::DeleteArray => return delete_array as unsafe extern "C" fn(_) as usize,
                Name::DeleteNothrow => return delete_nothrow as unsafe extern "C" fn(_, _) as usize,
                Name::DeleteArrayNothrow => return delete_array_nothrow as unsafe extern "C" fn(_, _) as usize,
                Name::DeleteSized => return delete_sized as unsafe extern "C" fn(_, _) as usize,
                Name::DeleteArraySized => return delete_array_sized as unsafe extern "C" fn(_, _) as usize,
                Name::DeleteAligned => return delete_aligned as unsafe extern "C" fn(_, _) as usize,
                Name::DeleteArrayAligned => return delete_array_aligned as unsafe extern "C" fn(_, _) as usize,
                Name::DeleteSizedAligned => return delete_sized_aligned as unsafe extern "C" fn(_, _, _) as usize,
                Name::DeleteArraySizedAligned => return delete_array_sized_aligned as unsafe extern "C" fn(_, _, _) as usize,
                Name::DeleteAlignedNothrow => return delete_aligned_nothrow as unsafe extern "C" fn(_, _, _) as usize,
                Name::DeleteArrayAlignedNothrow => return delete_array_aligned_nothrow as unsafe extern "C" fn(_, _, _) as usize,
            };
            first + usize::from(library) * ENTRY_BYTES
        }
    };
}

const ENTRY_BYTES: usize = 16;

entries! {
    Malloc flinkmem_malloc "esi" malloc,
    Calloc flinkmem_calloc "edx" calloc,
    Realloc flinkmem_realloc "edx" realloc,
    Reallocarray flinkmem_reallocarray "ecx" reallocarray,
    PosixMemalign flinkmem_posix_memalign "ecx" posix_memalign,
    AlignedAlloc flinkmem_aligned_alloc "edx" aligned_alloc,
    Memalign flinkmem_memalign "edx" memalign,
    Valloc flinkmem_valloc "esi" valloc,
    Pvalloc flinkmem_pvalloc "esi" pvalloc,
    New flinkmem_new "esi" new,
    NewArray flinkmem_new_array "esi" new_array,
    NewNothrow flinkmem_new_nothrow "edx" new_nothrow,
    NewArrayNothrow flinkmem_new_array_nothrow "edx" new_array_nothrow,
    NewAligned flinkmem_new_aligned "edx" new_aligned,
    NewArrayAligned flinkmem_new_array_aligned "edx" new_array_aligned,
    NewAlignedNothrow flinkmem_new_aligned_nothrow "ecx" new_aligned_nothrow,
    NewArrayAlignedNothrow flinkmem_new_array_aligned_nothrow "ecx" new_array_aligned_nothrow,
}

/// An address in this library.
pub(super) fn own_code() -> usize {
    own_code as fn() -> usize as usize
}

unsafe extern "C" fn malloc(size: usize, library: u32) -> Block {
    // SAFETY: the real function with its signature, and the caller's arguments, unchanged.
    let block = unsafe { real!(Malloc as unsafe extern "C" fn(usize) -> Block)(size) };
    account::allocated(block, size, library);
    block
}

unsafe extern "C" fn calloc(count: usize, size: usize, library: u32) -> Block {
    // SAFETY: the real function with its signature, and the caller's arguments, unchanged.
    let block =
        unsafe { real!(Calloc as unsafe extern "C" fn(usize, usize) -> Block)(count, size) };
    account::allocated(block, count.saturating_mul(size), library);
    block
}

unsafe extern "C" fn realloc(old: Block, size: usize, library: u32) -> Block {
    let before = account::freeing(old);
    // SAFETY: the real function with its signature, and the caller's arguments, unchanged.
    let block = unsafe { real!(Realloc as unsafe extern "C" fn(Block, usize) -> Block)(old, size) };
    reallocated(old, before, block, size, library);
    block
}

unsafe extern "C" fn reallocarray(old: Block, count: usize, size: usize, library: u32) -> Block {
    let before = account::freeing(old);
    // SAFETY: the real function with its signature, and the caller's arguments, unchanged.
    let block = unsafe {
        real!(Reallocarray as unsafe extern "C" fn(Block, usize, usize) -> Block)(old, count, size)
    };
    reallocated(old, before, block, count.saturating_mul(size), library);
    block
}

#[inline(always)]
fn reallocated(old: Block, before: Option<[u64; 3]>, block: Block, size: usize, library: u32) {
    if !block.is_null() {
        account::allocated(block, size, library);
    } else if let (Some(before), true) = (before, size > 0) {
        // Out of memory: the old block is untouched. Of size 0 it was freed.
        account::not_freed(old, before);
    }
}

unsafe extern "C" fn posix_memalign(
    out: *mut Block,
    alignment: usize,
    size: usize,
    library: u32,
) -> c_int {
    // SAFETY: the real function with its signature, and the caller's arguments, unchanged; on success `out` holds the block.
    unsafe {
        let real = real!(PosixMemalign as unsafe extern "C" fn(*mut Block, usize, usize) -> c_int);
        let error = real(out, alignment, size);
        if error == 0 {
            account::allocated(*out, size, library);
        }
        error
    }
}

/// Functions of an alignment and a size.
macro_rules! aligned {
    ($($hook:ident $name:ident,)*) => {$(
        unsafe extern "C" fn $hook(alignment: usize, size: usize, library: u32) -> Block {
            // SAFETY: the real function with its signature, and the caller's arguments, unchanged.
            let block = unsafe {
                real!($name as unsafe extern "C" fn(usize, usize) -> Block)(alignment, size)
            };
            account::allocated(block, size, library);
            block
        }
    )*};
}

aligned! {
    aligned_alloc AlignedAlloc,
    memalign Memalign,
}

/// Functions of a size.
macro_rules! sized {
    ($($hook:ident $name:ident,)*) => {$(
        unsafe extern "C" fn $hook(size: usize, library: u32) -> Block {
            // SAFETY: the real function with its signature, and the caller's arguments, unchanged.
            let block = unsafe { real!($name as unsafe extern "C" fn(usize) -> Block)(size) };
            account::allocated(block, size, library);
            block
        }
    )*};
}

sized! {
    valloc Valloc,
    pvalloc Pvalloc,
}

unsafe extern "C" fn free(block: Block) {
    account::freeing(block);
    // SAFETY: the caller's argument, unchanged.
    unsafe { real!(Free as unsafe extern "C" fn(Block))(block) }
}

/// Whether the real `new` is libstdc++'s, which is `malloc` as long as there is memory. Its own call of `malloc` passes
/// a hook too, so a block would be counted twice if `new` were called; it is only called when `malloc` fails.
static NEW_IS_MALLOC: AtomicBool = AtomicBool::new(false);

/// Says whose the real `new` is.
pub(super) fn set_new_is_malloc(is_malloc: bool) {
    NEW_IS_MALLOC.store(is_malloc, Ordering::Relaxed);
}

/// A block for `new`, from `malloc`; null when the real `new` is to be asked.
#[inline(always)]
fn plain(size: usize) -> Block {
    if !NEW_IS_MALLOC.load(Ordering::Relaxed) {
        return std::ptr::null_mut();
    }
    // SAFETY: malloc(3) has no preconditions.
    unsafe { real!(Malloc as unsafe extern "C" fn(usize) -> Block)(size.max(1)) }
}

/// As [`plain`], aligned.
#[inline(always)]
fn plain_aligned(size: usize, alignment: usize) -> Block {
    let multiple = size.max(1).checked_next_multiple_of(alignment.max(1));
    let is_sound = alignment.is_power_of_two() && alignment >= size_of::<usize>();
    let (Some(size), true) = (multiple, is_sound && Name::AlignedAlloc.real() != 0) else {
        return std::ptr::null_mut();
    };
    if !NEW_IS_MALLOC.load(Ordering::Relaxed) {
        return std::ptr::null_mut();
    }
    // SAFETY: a power of two and a multiple of it, as aligned_alloc(3) wants.
    unsafe { real!(AlignedAlloc as unsafe extern "C" fn(usize, usize) -> Block)(alignment, size) }
}

/// C++ operators: a block from `malloc` where that is what the real operator does, else from it.
macro_rules! operators {
    ($($hook:ident $name:ident ($($argument:ident),*) $plain:ident ($($plain_argument:ident),*),)*) => {$(
        unsafe extern "C-unwind" fn $hook(size: usize, $($argument: usize,)* library: u32) -> Block {
            let mut block = $plain(size, $($plain_argument)*);
            if block.is_null() {
                // SAFETY: the real function with its signature, and the caller's arguments, unchanged. May throw.
                block = unsafe {
                    real!($name as unsafe extern "C-unwind" fn(usize, $(operators!(@word $argument)),*) -> Block)(size, $($argument),*)
                };
            }
            account::allocated(block, size, library);
            block
        }
    )*};
    (@word $argument:ident) => { usize };
}

operators! {
    new New () plain (),
    new_array NewArray () plain (),
    new_nothrow NewNothrow (tag) plain (),
    new_array_nothrow NewArrayNothrow (tag) plain (),
    new_aligned NewAligned (alignment) plain_aligned (alignment),
    new_array_aligned NewArrayAligned (alignment) plain_aligned (alignment),
    new_aligned_nothrow NewAlignedNothrow (alignment, tag) plain_aligned (alignment),
    new_array_aligned_nothrow NewArrayAlignedNothrow (alignment, tag) plain_aligned (alignment),
}

/// C++ operators that free. Only stood before where they do not end in a `free` that is.
macro_rules! deletes {
    ($($hook:ident $name:ident ($($argument:ident),*),)*) => {$(
        unsafe extern "C" fn $hook(block: Block, $($argument: usize),*) {
            account::freeing(block);
            // SAFETY: the real function with its signature, and the caller's arguments, unchanged.
            unsafe {
                real!($name as unsafe extern "C" fn(Block, $(operators!(@word $argument)),*))(block, $($argument),*)
            }
        }
    )*};
}

deletes! {
    delete Delete (),
    delete_array DeleteArray (),
    delete_nothrow DeleteNothrow (tag),
    delete_array_nothrow DeleteArrayNothrow (tag),
    delete_sized DeleteSized (size),
    delete_array_sized DeleteArraySized (size),
    delete_aligned DeleteAligned (alignment),
    delete_array_aligned DeleteArrayAligned (alignment),
    delete_sized_aligned DeleteSizedAligned (size, alignment),
    delete_array_sized_aligned DeleteArraySizedAligned (size, alignment),
    delete_aligned_nothrow DeleteAlignedNothrow (alignment, tag),
    delete_array_aligned_nothrow DeleteArrayAlignedNothrow (alignment, tag),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_library_has_an_entry_of_its_own_that_gives_a_block() {
        for name in [Name::Malloc, Name::Free] {
            let address = match name {
                Name::Malloc => libc_malloc as unsafe extern "C" fn(_) -> _ as usize,
                _ => libc_free as unsafe extern "C" fn(_) as usize,
            };
            name.set_real(address);
        }
        assert_ne!(entry(Name::Malloc, 0), entry(Name::Malloc, 255));
        assert_eq!(entry(Name::Free, 0), entry(Name::Free, 255));
        for library in [0, 1, 254, 255] {
            // SAFETY: the entries have the signatures of the functions that they stand before.
            unsafe {
                let malloc: extern "C" fn(usize) -> Block =
                    std::mem::transmute(entry(Name::Malloc, library));
                let free: extern "C" fn(Block) = std::mem::transmute(entry(Name::Free, library));
                // Far above the interval: practically always sampled.
                let size = 64 << 20;
                let block = malloc(size);
                assert!(!block.is_null());
                let mut found = 0;
                account::for_each_live(|_, live, place| {
                    found += usize::from(live == size as u64 && place.library == library);
                });
                assert_eq!(found, 1, "library {library}");
                free(block);
            }
        }
    }

    unsafe extern "C" {
        #[link_name = "malloc"]
        fn libc_malloc(size: usize) -> Block;
        #[link_name = "free"]
        fn libc_free(block: Block);
    }
}
