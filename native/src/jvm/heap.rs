//! Totals of the Java heap without making a Java object: `JVM_TotalMemory` and its sisters, behind `Runtime.totalMemory`.
//!
//! # Safety
//! The functions are exported by libjvm as `jlong JVM_TotalMemory(void)` (src/hotspot/share/include/jvm.h) in JDK 11 to
//! 25 and must be called from an attached thread.
#![allow(unsafe_code)]

use super::management::jvm_symbol;
use jni::sys::jlong;

/// One reading, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeapTotals {
    /// Used, garbage included.
    pub used_bytes: u64,
    /// Committed.
    pub committed_bytes: u64,
    /// Limit.
    pub max_bytes: u64,
}

/// The three functions, looked up once.
#[derive(Debug, Clone, Copy)]
pub struct HeapTotalsReader {
    total: unsafe extern "C" fn() -> jlong,
    free: unsafe extern "C" fn() -> jlong,
    max: unsafe extern "C" fn() -> jlong,
}

impl HeapTotalsReader {
    /// Looks the functions up; `None` when this JVM does not export them.
    #[must_use]
    pub fn find() -> Option<Self> {
        let find = |name| -> Option<unsafe extern "C" fn() -> jlong> {
            let symbol = jvm_symbol(name)?;
            // SAFETY: the type is the header's, see above.
            Some(unsafe {
                std::mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn() -> jlong>(
                    symbol.as_ptr(),
                )
            })
        };
        Some(Self {
            total: find(c"JVM_TotalMemory")?,
            free: find(c"JVM_FreeMemory")?,
            max: find(c"JVM_MaxMemory")?,
        })
    }

    /// Reads the totals.
    ///
    /// # Safety
    /// The calling thread is attached to the JVM, in native code, and the JVM is in its live phase.
    #[must_use]
    pub unsafe fn read(self) -> HeapTotals {
        // SAFETY: the caller's promise.
        let (total, free, max) = unsafe { ((self.total)(), (self.free)(), (self.max)()) };
        let bytes = |value: jlong| u64::try_from(value).unwrap_or(0);
        HeapTotals {
            used_bytes: bytes(total.saturating_sub(free)),
            committed_bytes: bytes(total),
            max_bytes: bytes(max),
        }
    }
}
