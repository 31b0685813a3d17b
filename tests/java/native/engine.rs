//! The native side of `EngineLeakJob.java`: an engine whose sessions nobody closes. Compiled by the tests, with `rustc` alone, into the jar of jobs.
#![allow(non_snake_case)]

use std::ffi::c_void;

#[unsafe(no_mangle)]
extern "system" fn Java_com_acme_EngineLeakJob_00024Engine_openSession(_: *mut c_void, _: *mut c_void, bytes: i32) -> i64 {
    let session = vec![1_u8; usize::try_from(bytes).unwrap_or(0)];
    Box::leak(session.into_boxed_slice()).as_ptr() as i64
}
