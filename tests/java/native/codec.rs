//! The native side of `Codec.java`: a library that knows nothing of the agent. Compiled by the tests, with `rustc` alone.
#![allow(non_snake_case, improper_ctypes_definitions)]

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicI64, Ordering};

type Reference = *mut c_void;

/// JNI's function table, as far as it is used: by index, as the JNI specification numbers them.
type Env = *mut *const [*const c_void; 235];

const FIND_CLASS: usize = 6;
const THROW_NEW: usize = 14;
const NEW_LONG_ARRAY: usize = 180;
const SET_LONG_ARRAY_REGION: usize = 212;

static NEXT: AtomicI64 = AtomicI64::new(1);

fn next() -> i64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Plain_create0(_: Env, _: Reference, _level: i32, fast: u8) -> i64 {
    if fast == 1 { next() } else { 0 }
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Plain_freeHandle(_: Env, _: Reference, handle: i64) -> i32 {
    handle as i32
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Wide_newWide(
    _: Env, _: Reference,
    a: f64, b: i64, c: i32, d: f32, e: i64, f: i8, g: i64, h: i16, i: f64, j: i64, k: u8, l: u16,
) -> i64 {
    (a + f64::from(d) + i) as i64
        + b + i64::from(c) + e + i64::from(f) + g + i64::from(h) + j + i64::from(k) + i64::from(l)
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Wide_dispose(_: Env, _: Reference, _handle: i64, factor: f64) {
    if factor != 0.5 {
        std::process::abort();
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Each_openAll(env: Env, _: Reference, count: i32) -> Reference {
    if count < 0 {
        return std::ptr::null_mut();
    }
    let handles: Vec<i64> = (0..count).map(|_| next()).collect();
    // SAFETY: the JVM's table for this thread; the entries at these indexes have these signatures, as the JNI specification has it.
    unsafe {
        let new: extern "system" fn(Env, i32) -> Reference = std::mem::transmute((**env)[NEW_LONG_ARRAY]);
        let set: extern "system" fn(Env, Reference, i32, i32, *const i64) =
            std::mem::transmute((**env)[SET_LONG_ARRAY_REGION]);
        let array = new(env, count);
        set(env, array, 0, count, handles.as_ptr());
        array
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Each_close(_: Env, _: Reference, _handle: i64) {}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Anonymous_init(env: Env, _: Reference, fails: u8) {
    if fails == 0 {
        return;
    }
    // SAFETY: as in `openAll`; the names are NUL-terminated.
    unsafe {
        let find: extern "system" fn(Env, *const c_char) -> Reference = std::mem::transmute((**env)[FIND_CLASS]);
        let throw: extern "system" fn(Env, Reference, *const c_char) -> i32 =
            std::mem::transmute((**env)[THROW_NEW]);
        throw(env, find(env, c"java/lang/IllegalStateException".as_ptr()), c"told to".as_ptr());
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Anonymous_end(_: Env, _: Reference) {}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Small_allocate(_: Env, _: Reference) -> i32 {
    next() as i32
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024Small_release(_: Env, _: Reference, _handle: i32) {}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024TooMany_create(
    _: Env, _: Reference,
    a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j: i64, k: i64, l: i64, m: i64,
) -> i64 {
    a + b + c + d + e + f + g + h + i + j + k + l + m
}

#[unsafe(no_mangle)]
extern "system" fn Java_Codec_00024TooMany_delete(_: Env, _: Reference, _handle: i64) {}
