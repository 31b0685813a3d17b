//! The calling thread's Java stack, into a buffer of fixed size: no allocation, so that it may run in `malloc`'s place.
//!
//! # Safety
//! `GetStackTrace` with a null thread reads the calling thread, which is in native code and attached.
#![allow(unsafe_code)]

use super::Jvmti;
use jvmti_bindings::sys::jvmti::{jvmtiError, jvmtiFrameInfo};

/// One frame as the JVM identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RawFrame {
    /// `jmethodID`. Stays an address of the JVM's after its class was unloaded; JVMTI then refuses it.
    pub method: usize,
    /// Bytecode index, -1 in a native method.
    pub location: i64,
}

/// A stack of at most [`StackBuffer::DEPTH`] frames, innermost first.
#[derive(Debug, Clone, Copy)]
pub struct StackBuffer {
    frames: [RawFrame; Self::DEPTH],
    length: usize,
    truncated: bool,
}

impl Default for StackBuffer {
    fn default() -> Self {
        Self {
            frames: [RawFrame::default(); Self::DEPTH],
            length: 0,
            truncated: false,
        }
    }
}

impl StackBuffer {
    /// Deep enough to reach through Netty or a connector into the job's own code and Flink's task loop.
    pub const DEPTH: usize = 64;

    /// The frames, innermost first.
    #[must_use]
    pub fn frames(&self) -> &[RawFrame] {
        self.frames.get(..self.length).unwrap_or_default()
    }

    /// Whether there were more frames than the buffer holds.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }
}

impl Jvmti {
    /// The stack of the calling thread; empty when the JVM refuses, as outside of its live phase.
    #[must_use]
    pub fn current_stack(self) -> StackBuffer {
        let mut raw = [jvmtiFrameInfo {
            method: std::ptr::null_mut(),
            location: 0,
        }; StackBuffer::DEPTH];
        let mut count = 0;
        let mut stack = StackBuffer::default();
        let Ok(depth) = i32::try_from(StackBuffer::DEPTH) else {
            return stack;
        };
        // SAFETY: the environment and its table are valid (module above); a null thread is the calling one; the buffer
        // has room for `depth` frames.
        let error = unsafe {
            let table = (*self.raw()).functions;
            let Some(get_stack_trace) = (*table).GetStackTrace else {
                return stack;
            };
            get_stack_trace(
                self.raw(),
                std::ptr::null_mut(),
                0,
                depth,
                raw.as_mut_ptr(),
                &raw mut count,
            )
        };
        if error != jvmtiError::NONE {
            return stack;
        }
        stack.length = usize::try_from(count).unwrap_or(0).min(StackBuffer::DEPTH);
        stack.truncated = stack.length == StackBuffer::DEPTH;
        for (frame, raw) in stack.frames.iter_mut().zip(raw).take(stack.length) {
            *frame = RawFrame {
                method: raw.method as usize,
                location: raw.location,
            };
        }
        stack
    }
}
