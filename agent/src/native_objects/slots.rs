//! Functions that stand before natives of which only the signature is known.
//!
//! A native method is called with the C calling convention; which of its arguments travel in registers depends on their kinds
//! only. A function that takes what the registers for arguments may hold, and hands it all on, can therefore stand before
//! any method whose arguments fit. There are as many of these functions as methods can be wrapped at once, for each has to
//! know whom it stands before: its number is a const parameter.
//!
//! | kind | hands on | for |
//! | --- | --- | --- |
//! | plain | environment, object, four integers | nearly all methods |
//! | wide | the same, eight floating-point numbers, eight words more | methods with `double`s or more than four arguments |
//!
//! A slot stays with its method for good: the JVM may call it as long as the class is loaded, and does not say when it is not.
//!
//! # Safety
//! `plain` hands on registers that its original may not look at, which no calling convention minds. `wide` may also copy up to
//! eight words from above its own frame that are no arguments of the call: they are the JVM's frames that call it, readable
//! and ignored by the original. Both x86-64 (System V) and AArch64 (AAPCS64) pass arguments so; elsewhere nothing is
//! wrapped.
#![allow(unsafe_code)]

use super::role::Role;
use super::signature::Signature;
use flinkmem_native::jvm::raw::{JNIEnv, jobject};
use std::ffi::c_void;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A method with the address that the JVM would call.
struct Bound {
    /// `jmethodID`.
    method: usize,
    original: usize,
    role: Role,
}

type Slot = OnceLock<Bound>;

const PLAIN_SLOTS: usize = 384;
const WIDE_SLOTS: usize = 64;

static PLAIN: [Slot; PLAIN_SLOTS] = [const { OnceLock::new() }; PLAIN_SLOTS];
static WIDE: [Slot; WIDE_SLOTS] = [const { OnceLock::new() }; WIDE_SLOTS];

/// One method is bound at a time.
static BINDING: Mutex<()> = Mutex::new(());

/// Why a method is not wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is wrapped already, and what is bound now may well call the wrapper.
    Known,
    /// There is no slot left, or its arguments do not fit.
    NoRoom,
}

/// The function to bind instead of `address`.
pub(super) fn bind(
    method: usize,
    address: usize,
    signature: &Signature,
    role: Role,
) -> Result<*mut c_void, Refusal> {
    let _one_at_a_time = BINDING.lock().unwrap_or_else(PoisonError::into_inner);
    if signature.floats == 0 && signature.integers <= 4 {
        place(&PLAIN, &PLAIN_THUNKS.0, method, address, role)
    } else if cfg!(any(target_arch = "x86_64", target_arch = "aarch64"))
        && signature.floats <= 8
        && signature.integers <= 12
    {
        place(&WIDE, &WIDE_THUNKS.0, method, address, role)
    } else {
        Err(Refusal::NoRoom)
    }
}

fn place<T: Thunk>(
    slots: &[Slot],
    thunks: &[T],
    method: usize,
    address: usize,
    role: Role,
) -> Result<*mut c_void, Refusal> {
    if is_ours(address) {
        return Err(Refusal::Known);
    }
    for (slot, thunk) in slots.iter().zip(thunks) {
        let bound = slot.get_or_init(|| Bound {
            method,
            original: address,
            role,
        });
        // The same method bound again, or the same function bound for the class from another class loader.
        if bound.original == address && bound.role == role {
            return Ok(thunk.address());
        }
        if bound.method == method {
            return Err(Refusal::Known);
        }
    }
    Err(Refusal::NoRoom)
}

/// Whether an address is one of our own functions.
fn is_ours(address: usize) -> bool {
    let holds = |thunk: *mut c_void| thunk as usize == address;
    PLAIN_THUNKS.0.iter().any(|thunk| holds(thunk.address()))
        || WIDE_THUNKS.0.iter().any(|thunk| holds(thunk.address()))
}

trait Thunk: Copy {
    fn address(self) -> *mut c_void;
}

type Plain = unsafe extern "system" fn(*mut JNIEnv, jobject, usize, usize, usize, usize) -> usize;

impl Thunk for Plain {
    fn address(self) -> *mut c_void {
        self as *mut c_void
    }
}

unsafe extern "system" fn plain<const SLOT: usize>(
    env: *mut JNIEnv,
    this: jobject,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
) -> usize {
    let Some(bound) = PLAIN.get(SLOT).and_then(OnceLock::get) else {
        return 0; // never handed out
    };
    bound.role.before(a, b);
    // SAFETY: the JVM's own call, see the module.
    let result = unsafe {
        let original = std::mem::transmute::<usize, Plain>(bound.original);
        original(env, this, a, b, c, d)
    };
    // SAFETY: the environment of this call.
    unsafe { bound.role.after(env, result, a) };
    result
}

/// Arguments in floating-point registers. A `float` uses half of one; a `double` carries it unchanged.
type F = f64;

#[rustfmt::skip]
type Wide = unsafe extern "system" fn(
    *mut JNIEnv, jobject, usize, usize, usize, usize,
    F, F, F, F, F, F, F, F,
    usize, usize, usize, usize, usize, usize, usize, usize,
) -> usize;

impl Thunk for Wide {
    fn address(self) -> *mut c_void {
        self as *mut c_void
    }
}

#[rustfmt::skip]
#[allow(clippy::too_many_arguments, clippy::many_single_char_names, reason = "whatever the registers hold")]
unsafe extern "system" fn wide<const SLOT: usize>(
    env: *mut JNIEnv, this: jobject, a: usize, b: usize, c: usize, d: usize,
    f0: F, f1: F, f2: F, f3: F, f4: F, f5: F, f6: F, f7: F,
    e: usize, f: usize, g: usize, h: usize, i: usize, j: usize, k: usize, l: usize,
) -> usize {
    let Some(bound) = WIDE.get(SLOT).and_then(OnceLock::get) else {
        return 0; // never handed out
    };
    bound.role.before(a, b);
    // SAFETY: the JVM's own call, see the module.
    let result = unsafe {
        let original = std::mem::transmute::<usize, Wide>(bound.original);
        original(env, this, a, b, c, d, f0, f1, f2, f3, f4, f5, f6, f7, e, f, g, h, i, j, k, l)
    };
    // SAFETY: the environment of this call.
    unsafe { bound.role.after(env, result, a) };
    result
}

/// An array of functions; the wrapper keeps them aligned to cache lines.
struct Thunks<T, const COUNT: usize>([T; COUNT]);

/// All instances of a function, sixteen in a row.
macro_rules! instances {
    ($function:ident, $kind:ty, $($row:literal)*) => {
        Thunks::<$kind, { 16 * [$($row),*].len() }>([$(
            $function::<{ 16 * $row }>, $function::<{ 16 * $row + 1 }>,
            $function::<{ 16 * $row + 2 }>, $function::<{ 16 * $row + 3 }>,
            $function::<{ 16 * $row + 4 }>, $function::<{ 16 * $row + 5 }>,
            $function::<{ 16 * $row + 6 }>, $function::<{ 16 * $row + 7 }>,
            $function::<{ 16 * $row + 8 }>, $function::<{ 16 * $row + 9 }>,
            $function::<{ 16 * $row + 10 }>, $function::<{ 16 * $row + 11 }>,
            $function::<{ 16 * $row + 12 }>, $function::<{ 16 * $row + 13 }>,
            $function::<{ 16 * $row + 14 }>, $function::<{ 16 * $row + 15 }>,
        )*])
    };
}

static PLAIN_THUNKS: Thunks<Plain, PLAIN_SLOTS> =
    instances!(plain, Plain, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23);
static WIDE_THUNKS: Thunks<Wide, WIDE_SLOTS> = instances!(wide, Wide, 0 1 2 3);
