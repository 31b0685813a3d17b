//! The allocation functions that are stood before, and the real ones behind them.
//!
//! Left out on purpose: `strdup` and whatever else the C library allocates on somebody's behalf (its own calls go through
//! no import table), and `mmap`, which is not `malloc`.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Libraries that can be told apart; further ones share number 0.
pub(super) const LIBRARIES: usize = 256;

/// What a function does with blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// The C library's, or those of the allocator that is preloaded.
    C,
    /// C++ operators that allocate. They are stood before so that a block belongs to the library that said `new` and not
    /// to the one that defines it.
    New,
    /// C++ operators that free.
    Delete,
}

macro_rules! functions {
    ($($name:ident $symbol:literal $family:ident,)*) => {
        /// A function that is stood before.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(usize)]
        pub(super) enum Name { $($name,)* }

        impl Name {
            /// All of them.
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its symbol.
            pub(super) fn symbol(self) -> &'static std::ffi::CStr {
                match self { $(Self::$name => $symbol,)* }
            }

            pub(super) fn family(self) -> Family {
                match self { $(Self::$name => Family::$family,)* }
            }
        }
    };
}

functions! {
    Malloc c"malloc" C,
    Calloc c"calloc" C,
    Realloc c"realloc" C,
    Free c"free" C,
    Reallocarray c"reallocarray" C,
    PosixMemalign c"posix_memalign" C,
    AlignedAlloc c"aligned_alloc" C,
    Memalign c"memalign" C,
    Valloc c"valloc" C,
    Pvalloc c"pvalloc" C,
    New c"_Znwm" New,
    NewArray c"_Znam" New,
    NewNothrow c"_ZnwmRKSt9nothrow_t" New,
    NewArrayNothrow c"_ZnamRKSt9nothrow_t" New,
    NewAligned c"_ZnwmSt11align_val_t" New,
    NewArrayAligned c"_ZnamSt11align_val_t" New,
    NewAlignedNothrow c"_ZnwmSt11align_val_tRKSt9nothrow_t" New,
    NewArrayAlignedNothrow c"_ZnamSt11align_val_tRKSt9nothrow_t" New,
    Delete c"_ZdlPv" Delete,
    DeleteArray c"_ZdaPv" Delete,
    DeleteNothrow c"_ZdlPvRKSt9nothrow_t" Delete,
    DeleteArrayNothrow c"_ZdaPvRKSt9nothrow_t" Delete,
    DeleteSized c"_ZdlPvm" Delete,
    DeleteArraySized c"_ZdaPvm" Delete,
    DeleteAligned c"_ZdlPvSt11align_val_t" Delete,
    DeleteArrayAligned c"_ZdaPvSt11align_val_t" Delete,
    DeleteSizedAligned c"_ZdlPvmSt11align_val_t" Delete,
    DeleteArraySizedAligned c"_ZdaPvmSt11align_val_t" Delete,
    DeleteAlignedNothrow c"_ZdlPvSt11align_val_tRKSt9nothrow_t" Delete,
    DeleteArrayAlignedNothrow c"_ZdaPvSt11align_val_tRKSt9nothrow_t" Delete,
}

const FUNCTIONS: usize = Name::ALL.len();

/// The real functions. A hook is only installed when its is known, and it never changes afterwards.
static REAL: [AtomicUsize; FUNCTIONS] = [const { AtomicUsize::new(0) }; FUNCTIONS];

impl Name {
    /// Address of the real function; 0 when there is none.
    #[inline]
    pub(super) fn real(self) -> usize {
        REAL.get(self as usize)
            .map_or(0, |real| real.load(Ordering::Relaxed))
    }

    /// Remembers the real function.
    pub(super) fn set_real(self, address: usize) {
        if let Some(real) = REAL.get(self as usize) {
            real.store(address, Ordering::Relaxed);
        }
    }

    /// The function of that symbol.
    pub(super) fn of(symbol: &[u8]) -> Option<Self> {
        let is_it = |name: &&Self| name.symbol().to_bytes() == symbol;
        Self::ALL.iter().find(is_it).copied()
    }
}
