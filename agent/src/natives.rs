//! Native methods of the JDK that the agent stands before: each wrapper calls the original and looks at what passed.
//!
//! | method | why |
//! | --- | --- |
//! | `Unsafe.allocateMemory0`, `reallocateMemory0`, `freeMemory0` | every off-heap byte of Java code passes here |
//! | `Runtime.gc` | called by `Bits.reserveMemory` half a second before a direct-memory OOM |
//! | `Throwable.fillInStackTrace` | OutOfMemoryErrors that Java code makes pass here |
//! | those that load libraries | with `native=on` only, see [`malloc`] |
//! | `Thread.start0` | every platform thread is started here, by the thread that creates it |
//!
//! # Safety
//! A wrapper has the JNI signature of the method that it was installed for, and is only installed together with the
//! address of the original. It passes the JVM's arguments on unchanged.
#![allow(unsafe_code)]

use crate::{guard, incident, malloc, off_heap, thread_starts};
use flinkmem_native::jvm::raw::{JNIEnv, jint, jlong, jobject};
use flinkmem_native::jvm::{RegisteredNative, Replacement};
use std::ffi::{CStr, CString, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

type Allocate = unsafe extern "system" fn(*mut JNIEnv, jobject, jlong) -> jlong;
type Reallocate = unsafe extern "system" fn(*mut JNIEnv, jobject, jlong, jlong) -> jlong;
type Free = unsafe extern "system" fn(*mut JNIEnv, jobject, jlong);
type Gc = unsafe extern "system" fn(*mut JNIEnv, jobject);
type Start = unsafe extern "system" fn(*mut JNIEnv, jobject);
type FillInStackTrace = unsafe extern "system" fn(*mut JNIEnv, jobject, jint) -> jobject;

/// A method with its wrapper, and the original once the JVM has bound it.
pub(crate) struct Native {
    class: &'static str,
    name: &'static str,
    signature: &'static str,
    wrapper: *const c_void,
    original: AtomicPtr<c_void>,
}

// SAFETY: the wrapper is a function; the original is atomic.
unsafe impl Sync for Native {}

impl Native {
    pub(crate) const fn new(
        class: &'static str,
        name: &'static str,
        signature: &'static str,
        wrapper: *const c_void,
    ) -> Self {
        Self {
            class,
            name,
            signature,
            wrapper,
            original: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Remembers the first original. Another address later is somebody's function that may well call what was bound
    /// before, which is our wrapper: to stand before that one too would be an endless recursion.
    fn keeps_original(&self, address: *mut c_void) -> bool {
        let null = std::ptr::null_mut();
        let kept =
            self.original
                .compare_exchange(null, address, Ordering::Release, Ordering::Relaxed);
        kept.is_ok() || kept == Err(address)
    }

    #[inline]
    pub(crate) fn original(&self) -> *mut c_void {
        self.original.load(Ordering::Relaxed)
    }
}

const UNSAFE: &str = "Ljdk/internal/misc/Unsafe;";

/// The class of the first three, as JNI names it.
pub(crate) const UNSAFE_CLASS: &CStr = c"jdk/internal/misc/Unsafe";

static ALLOCATE: Native = Native::new(
    UNSAFE,
    "allocateMemory0",
    "(J)J",
    allocate as Allocate as *const c_void,
);
static REALLOCATE: Native = Native::new(
    UNSAFE,
    "reallocateMemory0",
    "(JJ)J",
    reallocate as Reallocate as *const c_void,
);
static FREE: Native = Native::new(UNSAFE, "freeMemory0", "(J)V", free as Free as *const c_void);
static GC: Native = Native::new(
    "Ljava/lang/Runtime;",
    "gc",
    "()V",
    gc as Gc as *const c_void,
);
static FILL_IN_STACK_TRACE: Native = Native::new(
    "Ljava/lang/Throwable;",
    "fillInStackTrace",
    "(I)Ljava/lang/Throwable;",
    fill_in_stack_trace as FillInStackTrace as *const c_void,
);

static START: Native = Native::new(
    "Ljava/lang/Thread;",
    "start0",
    "()V",
    start as Start as *const c_void,
);

static ALL: [&Native; 6] = [
    &ALLOCATE,
    &REALLOCATE,
    &FREE,
    &GC,
    &FILL_IN_STACK_TRACE,
    &START,
];

/// The methods that are stood before in this process.
fn all() -> impl Iterator<Item = &'static Native> {
    let loading = malloc::loading().iter().copied();
    ALL.into_iter().chain(loading)
}

/// Whether a method of this name may be one of ours; cheap, for most are not.
pub(crate) fn is_candidate(name: &str) -> bool {
    all().any(|native| native.name == name)
}

/// The wrapper to bind instead of `address`, or `None` for a method that is not ours.
pub(crate) fn wrap(
    class: &str,
    name: &str,
    signature: &str,
    address: *mut c_void,
) -> Option<*mut c_void> {
    let native = all()
        .find(|native| (native.class, native.name, native.signature) == (class, name, signature))?;
    let wrapper = native.wrapper.cast_mut();
    if address.is_null() || address == wrapper {
        return None;
    }
    native.keeps_original(address).then_some(wrapper)
}

/// Remembers the original of a method that `Unsafe` has registered.
pub(crate) fn learn_registered(name: &CStr, signature: &CStr, function: *mut c_void) {
    let is_it = |native: &&&Native| {
        native.class == UNSAFE
            && Ok(native.name) == name.to_str()
            && Ok(native.signature) == signature.to_str()
    };
    if let Some(native) = ALL.iter().find(is_it).filter(|_| !function.is_null()) {
        native.keeps_original(function);
    }
}

/// Remembers the originals of the methods that are bound to what a library exports.
pub(crate) fn learn_exported(exported: impl Fn(&CStr) -> Option<*mut c_void>) {
    for (native, symbol) in [
        (&GC, c"Java_java_lang_Runtime_gc"),
        (
            &FILL_IN_STACK_TRACE,
            c"Java_java_lang_Throwable_fillInStackTrace",
        ),
        // What `Thread.registerNatives` names.
        (&START, c"JVM_StartThread"),
    ] {
        if let Some(function) = exported(symbol) {
            native.keeps_original(function);
        }
    }
}

/// The wrappers of the methods whose originals are known. Of `Unsafe`'s, all or none, and that which allocates last: a block
/// that is seen coming must be seen going.
pub(crate) fn replacements() -> Vec<Replacement> {
    let knows_unsafe = [&FREE, &REALLOCATE, &ALLOCATE]
        .iter()
        .all(|native| !native.original().is_null());
    let wanted = [
        &FREE,
        &REALLOCATE,
        &ALLOCATE,
        &GC,
        &FILL_IN_STACK_TRACE,
        &START,
    ];
    wanted
        .into_iter()
        .filter(|native| !native.original().is_null())
        .filter(|native| native.class != UNSAFE || knows_unsafe)
        .filter_map(|native| {
            let class = native.class.trim_start_matches('L').trim_end_matches(';');
            Some(Replacement {
                class: CString::new(class).ok()?,
                method: RegisteredNative {
                    name: CString::new(native.name).ok()?,
                    signature: CString::new(native.signature).ok()?,
                    function: native.wrapper.cast_mut(),
                },
            })
        })
        .collect()
}

/// Names of the methods that the JVM has not bound yet. `Runtime.gc` is bound at its first call.
pub(crate) fn unbound() -> Vec<&'static str> {
    ALL.iter()
        .filter(|native| native.original().is_null())
        .map(|native| native.name)
        .collect()
}

unsafe extern "system" fn allocate(env: *mut JNIEnv, this: jobject, size: jlong) -> jlong {
    // SAFETY: installed together with the original, see the module.
    let address = unsafe {
        std::mem::transmute::<*mut c_void, Allocate>(ALLOCATE.original())(env, this, size)
    };
    if let (Ok(block @ 1..), Ok(bytes)) = (u64::try_from(address), u64::try_from(size)) {
        guard::entry(|| {
            let incident = off_heap::allocated(block, bytes);
            if incident != 0 {
                incident::slow_path_succeeded(incident, bytes);
            }
        });
    }
    address
}

unsafe extern "system" fn reallocate(
    env: *mut JNIEnv,
    this: jobject,
    address: jlong,
    size: jlong,
) -> jlong {
    let before = u64::try_from(address).ok().filter(|&block| block != 0);
    let freed = before.and_then(|block| guard::entry(|| off_heap::freeing(block)));
    // SAFETY: installed together with the original, see the module.
    let moved = unsafe {
        std::mem::transmute::<*mut c_void, Reallocate>(REALLOCATE.original())(
            env, this, address, size,
        )
    };
    match (u64::try_from(moved), u64::try_from(size)) {
        (Ok(block @ 1..), Ok(bytes)) => {
            guard::entry(|| off_heap::allocated(block, bytes));
        }
        // Out of memory: the old block is untouched and lives on.
        _ => {
            if let (Some(block), Some(freed)) = (before, freed) {
                guard::entry(|| off_heap::not_freed(block, &freed));
            }
        }
    }
    moved
}

unsafe extern "system" fn free(env: *mut JNIEnv, this: jobject, address: jlong) {
    if let Ok(block @ 1..) = u64::try_from(address) {
        guard::entry(|| off_heap::freeing(block));
    }
    // SAFETY: installed together with the original, see the module.
    unsafe { std::mem::transmute::<*mut c_void, Free>(FREE.original())(env, this, address) }
}

unsafe extern "system" fn gc(env: *mut JNIEnv, this: jobject) {
    guard::entry(incident::runtime_gc);
    // SAFETY: installed together with the original, see the module.
    unsafe { std::mem::transmute::<*mut c_void, Gc>(GC.original())(env, this) }
}

unsafe extern "system" fn start(env: *mut JNIEnv, this: jobject) {
    // SAFETY: installed together with the original, see the module.
    unsafe { std::mem::transmute::<*mut c_void, Start>(START.original())(env, this) }
    // SAFETY: the arguments are those of the native method that we stand before.
    guard::entry(|| unsafe { thread_starts::started(env, this) });
}

unsafe extern "system" fn fill_in_stack_trace(
    env: *mut JNIEnv,
    this: jobject,
    dummy: jint,
) -> jobject {
    // SAFETY: installed together with the original, see the module.
    let filled = unsafe {
        std::mem::transmute::<*mut c_void, FillInStackTrace>(FILL_IN_STACK_TRACE.original())(
            env, this, dummy,
        )
    };
    // SAFETY: the arguments are those of the native method that we stand before.
    guard::entry(|| unsafe { incident::throwable_made(env, this) });
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_method_is_wrapped() {
        let address = std::ptr::dangling_mut::<c_void>();
        assert_eq!(wrap(UNSAFE, "allocateMemory0", "(J)V", address), None);
        assert_eq!(
            wrap("Lcom/acme/Unsafe;", "allocateMemory0", "(J)J", address),
            None
        );
        assert_eq!(
            wrap("Ljava/lang/Runtime;", "gc", "()V", std::ptr::null_mut()),
            None
        );
        assert!(is_candidate("gc") && !is_candidate("finalize"));
    }

    #[test]
    fn whoever_binds_the_method_anew_is_not_stood_before() {
        static NATIVE: Native = Native::new("", "", "", std::ptr::null());
        let [first, second] = [1, 2].map(std::ptr::without_provenance_mut::<c_void>);
        assert!(NATIVE.keeps_original(first), "bound");
        assert!(NATIVE.keeps_original(first), "registered again");
        assert!(!NATIVE.keeps_original(second), "may call the wrapper");
        assert_eq!(NATIVE.original(), first);
    }

    #[test]
    fn a_wrapper_is_never_its_own_original() {
        assert_eq!(
            wrap("Ljava/lang/Runtime;", "gc", "()V", GC.wrapper.cast_mut()),
            None
        );
        assert!(GC.original().is_null());
    }
}
