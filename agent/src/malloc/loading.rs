//! Java code loads and unloads libraries through a few native methods of the JDK. The agent stands before them, so that a library is
//! seen as soon as it is there: most of what some hold, such as a cache, they allocate in their first second.
//!
//! Libraries that come in another way (the JVM's own, those that a library loads, all of them after a late attach) are seen at the
//! next tick.
//!
//! # Safety
//! As in [`crate::natives`]: a wrapper has the JNI signature of its method and passes all arguments on unchanged.
#![allow(unsafe_code)]

use crate::guard;
use crate::natives::Native;
use flinkmem_native::jvm::raw::{JNIEnv, jboolean, jlong, jobject};
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

type Load11 = unsafe extern "system" fn(*mut JNIEnv, jobject, jobject, jboolean) -> jboolean;
type Load17 = unsafe extern "system" fn(
    *mut JNIEnv,
    jobject,
    jobject,
    jobject,
    jboolean,
    jboolean,
    jboolean,
) -> jboolean;
type Load21 = unsafe extern "system" fn(
    *mut JNIEnv,
    jobject,
    jobject,
    jobject,
    jboolean,
    jboolean,
) -> jboolean;
type Unload11 = unsafe extern "system" fn(*mut JNIEnv, jobject, jobject, jboolean, jlong);
type Unload17 = unsafe extern "system" fn(*mut JNIEnv, jobject, jobject, jboolean, jboolean, jlong);

const LIBRARY_OF_11: &str = "Ljava/lang/ClassLoader$NativeLibrary;";
const LIBRARIES: &str = "Ljdk/internal/loader/NativeLibraries;";

static LOAD_11: Native = Native::new(
    LIBRARY_OF_11,
    "load0",
    "(Ljava/lang/String;Z)Z",
    load_11 as Load11 as *const c_void,
);
static LOAD_17: Native = Native::new(
    LIBRARIES,
    "load",
    "(Ljdk/internal/loader/NativeLibraries$NativeLibraryImpl;Ljava/lang/String;ZZZ)Z",
    load_17 as Load17 as *const c_void,
);
static LOAD_21: Native = Native::new(
    LIBRARIES,
    "load",
    "(Ljdk/internal/loader/NativeLibraries$NativeLibraryImpl;Ljava/lang/String;ZZ)Z",
    load_21 as Load21 as *const c_void,
);
static UNLOAD_11: Native = Native::new(
    LIBRARY_OF_11,
    "unload",
    "(Ljava/lang/String;ZJ)V",
    unload_11 as Unload11 as *const c_void,
);
static UNLOAD_17: Native = Native::new(
    LIBRARIES,
    "unload",
    "(Ljava/lang/String;ZZJ)V",
    unload_17 as Unload17 as *const c_void,
);
/// The class of 17, the signature of 11.
static UNLOAD_21: Native = Native::new(
    LIBRARIES,
    "unload",
    "(Ljava/lang/String;ZJ)V",
    unload_21 as Unload11 as *const c_void,
);

/// The methods of all JDKs; each has one or two of them.
pub(crate) static LOADING: [&Native; 6] = [
    &LOAD_11, &LOAD_17, &LOAD_21, &UNLOAD_11, &UNLOAD_17, &UNLOAD_21,
];

/// Threads in which a library is being loaded or unloaded.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Whether Java code is loading or unloading a library: that thread holds the loader's lock while constructors run.
pub(super) fn is_under_way() -> bool {
    UNDER_WAY.load(Ordering::Relaxed) != 0
}

/// Runs the original.
fn meanwhile<T>(original: impl FnOnce() -> T) -> T {
    UNDER_WAY.fetch_add(1, Ordering::Relaxed);
    let result = original();
    UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    guard::entry(|| super::tick(None));
    result
}

/// Calls the original of a method with its arguments.
macro_rules! original {
    ($native:ident as $signature:ty, $($argument:expr),*) => {
        // SAFETY: installed together with the original, see the module.
        meanwhile(|| unsafe {
            std::mem::transmute::<*mut c_void, $signature>($native.original())($($argument),*)
        })
    };
}

unsafe extern "system" fn load_11(
    env: *mut JNIEnv,
    this: jobject,
    name: jobject,
    is_builtin: jboolean,
) -> jboolean {
    original!(LOAD_11 as Load11, env, this, name, is_builtin)
}

unsafe extern "system" fn load_17(
    env: *mut JNIEnv,
    class: jobject,
    library: jobject,
    name: jobject,
    is_builtin: jboolean,
    is_jni: jboolean,
    throws: jboolean,
) -> jboolean {
    original!(
        LOAD_17 as Load17,
        env,
        class,
        library,
        name,
        is_builtin,
        is_jni,
        throws
    )
}

unsafe extern "system" fn load_21(
    env: *mut JNIEnv,
    class: jobject,
    library: jobject,
    name: jobject,
    is_builtin: jboolean,
    throws: jboolean,
) -> jboolean {
    original!(
        LOAD_21 as Load21,
        env,
        class,
        library,
        name,
        is_builtin,
        throws
    )
}

unsafe extern "system" fn unload_11(
    env: *mut JNIEnv,
    class: jobject,
    name: jobject,
    is_builtin: jboolean,
    handle: jlong,
) {
    original!(UNLOAD_11 as Unload11, env, class, name, is_builtin, handle)
}

unsafe extern "system" fn unload_17(
    env: *mut JNIEnv,
    class: jobject,
    name: jobject,
    is_builtin: jboolean,
    is_jni: jboolean,
    handle: jlong,
) {
    original!(
        UNLOAD_17 as Unload17,
        env,
        class,
        name,
        is_builtin,
        is_jni,
        handle
    )
}

unsafe extern "system" fn unload_21(
    env: *mut JNIEnv,
    class: jobject,
    name: jobject,
    is_builtin: jboolean,
    handle: jlong,
) {
    original!(UNLOAD_21 as Unload11, env, class, name, is_builtin, handle)
}
