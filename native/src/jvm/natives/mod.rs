//! Native methods that the JVM has bound already: what they are bound to, and how to put another function in their place.
//!
//! The NativeMethodBind event comes when a method is bound. An agent that comes later has missed those of the JDK, so the
//! originals are learnt and replaced in another way, without a byte of Java code and without a line on the JVM's output:
//! * `Unsafe.registerNatives` hands its table to JNI's `RegisterNatives`. Called once more by a thread whose own `JNIEnv`
//!   leads to a `RegisterNatives` of ours, it tells the table and changes nothing.
//! * From JDK 16 on `RegisterNatives` warns on stdout when a method of the platform is bound anew, unless the Java frame
//!   that calls the native method belongs to the boot loader. `Class.forName` is such a frame: its native half asks JNI
//!   for the characters of the name, and from within that answer the methods are registered.
//!
//! # Safety
//! A `JNIEnv` is a pointer to a function table, and belongs to one thread (JNI specification, "The `JNIEnv` type"). Only
//! the calling thread's is changed, to a copy of its own table, and changed back before this module returns.
#![allow(unsafe_code)]

mod detour;
mod names;

pub use names::exported_names;

use super::jvmti::delete_local;
use super::{JvmError, Jvmti};
use detour::{
    Detour, GET_STRING_LENGTH, GET_STRING_UTF_LENGTH, GET_STRING_UTF_REGION, ORIGINAL,
    REGISTER_NATIVES,
};
use jni::sys::{JNIEnv, JNINativeMethod, jclass, jint, jsize, jstring, jvalue};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_void};

/// A native method as its class registered it.
#[derive(Debug, Clone)]
pub struct RegisteredNative {
    /// Name.
    pub name: CString,
    /// JNI signature.
    pub signature: CString,
    /// The function.
    pub function: *mut c_void,
}

/// A function to be put in the place of a native method.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// Class with slashes, of the boot loader.
    pub class: CString,
    /// The method and its function.
    pub method: RegisteredNative,
}

/// How the JVM took replacements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// Methods that lead to the new function.
    pub methods: usize,
    /// Without the JVM's warning, where it has one.
    pub quietly: bool,
}

/// The calling thread's `JNIEnv`.
///
/// # Safety
/// `vm` is the JVM's invocation table.
#[must_use]
pub unsafe fn current_env(vm: *mut jvmti_bindings::sys::jni::JavaVM) -> Option<*mut JNIEnv> {
    let vm: *mut jni::sys::JavaVM = vm.cast();
    let mut env: *mut c_void = std::ptr::null_mut();
    // SAFETY: the caller's promise; GetEnv is in every table since 1.2 and writes the pointer when it answers 0.
    let answer = unsafe { ((**vm).v1_2.GetEnv)(vm, &raw mut env, jni::sys::JNI_VERSION_1_8) };
    (answer == jni::sys::JNI_OK && !env.is_null()).then(|| env.cast())
}

/// What `class` of the JDK registers with its static method `registerNatives`.
///
/// # Errors
/// When the class has no such method, or does not register through JNI.
///
/// # Safety
/// `env` is the calling thread's in the live phase, without a pending exception.
pub unsafe fn registered_natives(
    env: *mut JNIEnv,
    class: &CStr,
) -> Result<Vec<RegisteredNative>, JvmError> {
    // SAFETY: the caller's promise; the references are deleted with the frame.
    unsafe {
        in_frame(env, || {
            let class = find_class(env, class)?;
            let method = static_method(env, class, c"registerNatives", c"()V")?;
            LEARNT.with_borrow_mut(Vec::clear);
            let detour = Detour::begin(env, &[(REGISTER_NATIVES, learn as Register as usize)])?;
            ((**env).v1_1.CallStaticVoidMethodA)(env, class, method, std::ptr::null());
            drop(detour);
            clear_exception(env);
            Ok(LEARNT.take())
        })
    }
}

/// Puts functions in the place of native methods of the boot loader's classes, in the order given.
///
/// # Errors
/// When the JVM's function table is not as JNI has it. A method that does not exist is left out and not counted.
///
/// # Safety
/// `env` is the calling thread's in the live phase, without a pending exception; each function has the signature of its
/// method and may be called from now on, by any thread.
pub unsafe fn replace_natives(
    env: *mut JNIEnv,
    replacements: &[Replacement],
) -> Result<Replaced, JvmError> {
    // SAFETY: the caller's promise.
    unsafe {
        in_frame(env, || {
            let mut found = Vec::new();
            for replacement in replacements {
                if let Ok(class) = find_class(env, &replacement.class) {
                    found.push((class, replacement.method.clone()));
                }
            }
            Ok(register(env, found))
        })
    }
}

/// A native method of a loaded class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedNative<'a> {
    /// Class as JVMTI writes it, such as `Ljava/util/zip/Inflater;`.
    pub class: &'a str,
    /// Name.
    pub name: &'a str,
    /// JNI signature.
    pub signature: &'a str,
    /// `jmethodID`.
    pub method: *mut c_void,
}

/// Puts functions in the place of native methods of all loaded classes that are `wanted`, from whatever loader: those that
/// `replacement` gives for a method.
///
/// # Errors
/// When the JVM does not tell its classes.
///
/// # Safety
/// As [`replace_natives`], of the functions that `replacement` gives.
pub unsafe fn replace_loaded_natives(
    jvmti: Jvmti,
    env: *mut JNIEnv,
    wanted: impl Fn(&str) -> bool,
    mut replacement: impl FnMut(&LoadedNative<'_>) -> Option<*mut c_void>,
) -> Result<Replaced, JvmError> {
    let classes = jvmti.bindings().get_loaded_classes();
    let classes = classes.map_err(|code| super::jvmti::error("GetLoadedClasses", code))?;
    let mut found = Vec::new();
    for &class in &classes {
        // SAFETY: a reference that the JVM has just given; what it refuses, such as the methods of a class that is not
        // linked yet, has no natives bound.
        unsafe {
            let signature = jvmti.bindings().get_class_signature(class);
            let Some((name, _)) = signature.ok().filter(|(name, _)| wanted(name)) else {
                continue;
            };
            for method in jvmti
                .bindings()
                .get_class_methods(class)
                .unwrap_or_default()
            {
                if let Some(native) = replaced(jvmti, &name, method, &mut replacement) {
                    found.push((class.cast(), native));
                }
            }
        }
    }
    // SAFETY: the caller's promise; the references are ours and not used again.
    unsafe {
        let replaced = register(env, found);
        for class in classes {
            delete_local(env, class.cast());
        }
        Ok(replaced)
    }
}

/// # Safety
/// `method` is of a loaded class.
unsafe fn replaced(
    jvmti: Jvmti,
    class: &str,
    method: *mut c_void,
    replacement: &mut impl FnMut(&LoadedNative<'_>) -> Option<*mut c_void>,
) -> Option<RegisteredNative> {
    /// `ACC_NATIVE`.
    const NATIVE: jint = 0x100;
    // SAFETY: the caller's promise.
    unsafe {
        let bindings = jvmti.bindings();
        let modifiers = bindings.get_method_modifiers(method).ok()?;
        if modifiers & NATIVE == 0 {
            return None;
        }
        let (name, signature, _) = bindings.get_method_name(method).ok()?;
        let function = replacement(&LoadedNative {
            class,
            name: &name,
            signature: &signature,
            method,
        })?;
        Some(RegisteredNative {
            name: CString::new(name).ok()?,
            signature: CString::new(signature).ok()?,
            function,
        })
    }
}

/// Registers them all, from within a frame of the boot loader as far as that works out.
///
/// # Safety
/// `env` is the calling thread's without a pending exception; the classes are references of this thread.
unsafe fn register(env: *mut JNIEnv, found: Vec<(jclass, RegisteredNative)>) -> Replaced {
    PENDING.set(found);
    REPLACED.set(0);
    // SAFETY: the caller's promise.
    let quietly = unsafe {
        let quietly = from_a_boot_frame(env).is_ok() && PENDING.with_borrow(Vec::is_empty);
        register_pending(env);
        quietly
    };
    Replaced {
        methods: REPLACED.get(),
        quietly,
    }
}

type Register =
    unsafe extern "system" fn(*mut JNIEnv, jclass, *const JNINativeMethod, jint) -> jint;
type Length = unsafe extern "system" fn(*mut JNIEnv, jstring) -> jsize;
type Region = unsafe extern "system" fn(*mut JNIEnv, jstring, jsize, jsize, *mut c_char);

thread_local! {
    static LEARNT: RefCell<Vec<RegisteredNative>> = const { RefCell::new(Vec::new()) };
    static PENDING: RefCell<Vec<(jclass, RegisteredNative)>> = const { RefCell::new(Vec::new()) };
    static REPLACED: Cell<usize> = const { Cell::new(0) };
}

/// Stands in for `RegisterNatives`: remembers what would be registered.
unsafe extern "system" fn learn(
    _: *mut JNIEnv,
    _: jclass,
    methods: *const JNINativeMethod,
    count: jint,
) -> jint {
    let count = usize::try_from(count).unwrap_or(0);
    if !methods.is_null() {
        // SAFETY: the contract of RegisterNatives: so many entries with NUL-terminated strings.
        let methods = unsafe { std::slice::from_raw_parts(methods, count) };
        LEARNT.with_borrow_mut(|learnt| {
            // SAFETY: as above.
            learnt.extend(methods.iter().map(|method| unsafe {
                RegisteredNative {
                    name: CStr::from_ptr(method.name).to_owned(),
                    signature: CStr::from_ptr(method.signature).to_owned(),
                    function: method.fnPtr,
                }
            }));
        });
    }
    jni::sys::JNI_OK
}

unsafe extern "system" fn string_utf_length(env: *mut JNIEnv, string: jstring) -> jsize {
    // SAFETY: called by native code of the JDK in place of the JVM's function, which is called in the end.
    unsafe {
        register_pending(env);
        ((*ORIGINAL.get()).v1_1.GetStringUTFLength)(env, string)
    }
}

unsafe extern "system" fn string_length(env: *mut JNIEnv, string: jstring) -> jsize {
    // SAFETY: as above.
    unsafe {
        register_pending(env);
        ((*ORIGINAL.get()).v1_1.GetStringLength)(env, string)
    }
}

unsafe extern "system" fn string_utf_region(
    env: *mut JNIEnv,
    string: jstring,
    start: jsize,
    length: jsize,
    buffer: *mut c_char,
) {
    // SAFETY: as above.
    unsafe {
        register_pending(env);
        ((*ORIGINAL.get()).v1_2.GetStringUTFRegion)(env, string, start, length, buffer);
    }
}

/// Registers what waits, if anything does.
///
/// # Safety
/// `env` is the calling thread's without a pending exception; the pending classes are references of this thread.
unsafe fn register_pending(env: *mut JNIEnv) {
    for (class, method) in PENDING.take() {
        let native = JNINativeMethod {
            name: method.name.as_ptr().cast_mut(),
            signature: method.signature.as_ptr().cast_mut(),
            fnPtr: method.function,
        };
        // SAFETY: the caller's promise; the strings live until the call returns, which copies them. The table may be ours
        // or the JVM's, `RegisterNatives` is the JVM's own in both.
        unsafe {
            if ((**env).v1_1.RegisterNatives)(env, class, &raw const native, 1) == jni::sys::JNI_OK
            {
                REPLACED.set(REPLACED.get() + 1);
            }
            clear_exception(env);
        }
    }
}

/// Calls `Class.forName("java.lang.Object", false, null)`, so that what is pending is registered from within.
///
/// # Safety
/// `env` is the calling thread's without a pending exception.
unsafe fn from_a_boot_frame(env: *mut JNIEnv) -> Result<(), JvmError> {
    // SAFETY: the caller's promise; the arguments are those of the signature.
    unsafe {
        let class = find_class(env, c"java/lang/Class")?;
        let signature = c"(Ljava/lang/String;ZLjava/lang/ClassLoader;)Ljava/lang/Class;";
        let method = static_method(env, class, c"forName", signature)?;
        let name = ((**env).v1_1.NewStringUTF)(env, c"java.lang.Object".as_ptr());
        if name.is_null() {
            clear_exception(env);
            return Err(JvmError::Jni("no room for a string"));
        }
        let arguments = [
            jvalue { l: name },
            jvalue { z: false },
            jvalue {
                l: std::ptr::null_mut(),
            },
        ];
        let detour = Detour::begin(
            env,
            &[
                (GET_STRING_LENGTH, string_length as Length as usize),
                (GET_STRING_UTF_LENGTH, string_utf_length as Length as usize),
                (GET_STRING_UTF_REGION, string_utf_region as Region as usize),
            ],
        )?;
        ((**env).v1_1.CallStaticObjectMethodA)(env, class, method, arguments.as_ptr());
        drop(detour);
        clear_exception(env);
    }
    Ok(())
}

/// # Safety
/// `env` is the calling thread's without a pending exception.
unsafe fn in_frame<T>(
    env: *mut JNIEnv,
    body: impl FnOnce() -> Result<T, JvmError>,
) -> Result<T, JvmError> {
    // SAFETY: the caller's promise. No reference leaves the frame.
    unsafe {
        if ((**env).v1_2.PushLocalFrame)(env, 16) != jni::sys::JNI_OK {
            clear_exception(env);
            return Err(JvmError::Jni("no room for references"));
        }
        let result = body();
        ((**env).v1_2.PopLocalFrame)(env, std::ptr::null_mut());
        result
    }
}

/// # Safety
/// As [`in_frame`].
unsafe fn find_class(env: *mut JNIEnv, name: &CStr) -> Result<jclass, JvmError> {
    // SAFETY: the caller's promise.
    unsafe {
        let class = ((**env).v1_1.FindClass)(env, name.as_ptr());
        clear_exception(env);
        if class.is_null() {
            return Err(JvmError::Jni("a class of the JDK is missing"));
        }
        Ok(class)
    }
}

/// # Safety
/// As [`in_frame`]; `class` is a reference of this thread.
unsafe fn static_method(
    env: *mut JNIEnv,
    class: jclass,
    name: &CStr,
    signature: &CStr,
) -> Result<jni::sys::jmethodID, JvmError> {
    // SAFETY: the caller's promise.
    unsafe {
        let method =
            ((**env).v1_1.GetStaticMethodID)(env, class, name.as_ptr(), signature.as_ptr());
        clear_exception(env);
        if method.is_null() {
            return Err(JvmError::Jni("a method of the JDK is missing"));
        }
        Ok(method)
    }
}

/// Our own calls leave no exception behind.
///
/// # Safety
/// `env` is the calling thread's.
unsafe fn clear_exception(env: *mut JNIEnv) {
    // SAFETY: the caller's promise; allowed with an exception pending.
    unsafe { ((**env).v1_1.ExceptionClear)(env) };
}
