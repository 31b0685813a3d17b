//! jemalloc's figures of itself, by `mallctl`.
//!
//! # Safety
//! `mallctl` is looked up by name and called as `<jemalloc/jemalloc.h>` declares it; each value is read with the type
//! that jemalloc's manual gives it, and jemalloc refuses a length that does not match.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

type Mallctl =
    unsafe extern "C" fn(*const c_char, *mut c_void, *mut usize, *mut c_void, usize) -> c_int;

/// One reading, in the manual's names. See jemalloc(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JemallocStats {
    /// `stats.allocated`: bytes in use.
    pub allocated_bytes: u64,
    /// `stats.active`: bytes of the pages that hold them.
    pub active_bytes: u64,
    /// `stats.arenas.<all>.pdirty` in bytes: pages that were used, are free, and are not given back yet.
    pub dirty_bytes: u64,
    /// `stats.metadata`: bytes of jemalloc's own.
    pub metadata_bytes: u64,
    /// `stats.resident`: the most that can be resident, pages freed but not given back included.
    pub resident_bytes: u64,
    /// `stats.mapped`.
    pub mapped_bytes: u64,
    /// `stats.retained`: address space kept for later, not resident.
    pub retained_bytes: u64,
    /// `arenas.narenas`.
    pub arenas: u64,
    /// `opt.narenas`.
    pub configured_arenas: u64,
}

impl JemallocStats {
    /// Has the statistics brought up to date and reads them. `None` where there is no jemalloc, or one without statistics.
    #[must_use]
    pub fn read() -> Option<Self> {
        let mallctl = Control::find()?;
        mallctl.refresh()?;
        let bytes = |name| {
            mallctl
                .get(name, 0_usize)
                .and_then(|value| u64::try_from(value).ok())
        };
        let count = |name| mallctl.get::<c_uint>(name, 0).map(u64::from);
        // 4096 is MALLCTL_ARENAS_ALL, since jemalloc 5.
        let dirty_pages = bytes(c"stats.arenas.4096.pdirty").unwrap_or(0);
        let page_bytes = bytes(c"arenas.page").unwrap_or(4096);
        Some(Self {
            allocated_bytes: bytes(c"stats.allocated")?,
            active_bytes: bytes(c"stats.active")?,
            dirty_bytes: dirty_pages.saturating_mul(page_bytes),
            metadata_bytes: bytes(c"stats.metadata").unwrap_or(0),
            resident_bytes: bytes(c"stats.resident")?,
            mapped_bytes: bytes(c"stats.mapped")?,
            retained_bytes: bytes(c"stats.retained").unwrap_or(0),
            arenas: count(c"arenas.narenas")?,
            configured_arenas: count(c"opt.narenas")?,
        })
    }
}

#[derive(Clone, Copy)]
struct Control(Mallctl);

impl Control {
    fn find() -> Option<Self> {
        let function = super::allocator::symbol(c"mallctl");
        // SAFETY: the type is the header's, see above.
        (!function.is_null())
            .then(|| Self(unsafe { std::mem::transmute::<*mut c_void, Mallctl>(function) }))
    }

    /// The figures are those of the last epoch.
    fn refresh(self) -> Option<()> {
        let mut epoch: u64 = 1;
        // SAFETY: "epoch" takes a `uint64_t`; nothing is read back.
        let failed = unsafe {
            (self.0)(
                c"epoch".as_ptr(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                (&raw mut epoch).cast(),
                size_of::<u64>(),
            )
        };
        (failed == 0).then_some(())
    }

    fn get<T: Copy>(self, name: &CStr, mut value: T) -> Option<T> {
        let mut length = size_of::<T>();
        // SAFETY: `value` has room for `length` bytes, and jemalloc refuses when the value has another length.
        let failed = unsafe {
            (self.0)(
                name.as_ptr(),
                (&raw mut value).cast(),
                &raw mut length,
                std::ptr::null_mut(),
                0,
            )
        };
        (failed == 0 && length == size_of::<T>()).then_some(value)
    }
}
