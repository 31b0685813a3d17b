//! Safepoints: stops of all Java threads, for collections and for anything else that the JVM does alone.
//!
//! From the management table; no Java object is made. The JVM counts them in its performance data, so with
//! `-XX:-UsePerfData` there is nothing to be had (JDK 11 to 25).

use super::Management;
use jni::Env;

// jmmLongAttribute
const COUNT: i32 = 105;
const SYNC_TIME_MS: i32 = 106;
const STOPPED_TIME_MS: i32 = 107;

/// Totals since the JVM began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Safepoints {
    /// Safepoints.
    pub count: u64,
    /// Time in which all threads were stopped, milliseconds.
    pub stopped_ms: u64,
    /// Time in which it was waited for the last thread to stop, milliseconds.
    pub sync_ms: u64,
}

impl Management {
    /// Totals so far; `None` where the JVM does not count.
    pub fn safepoints(&self, env: &mut Env<'_>) -> Option<Safepoints> {
        let total = |attribute| self.table().long(env, std::ptr::null_mut(), attribute);
        Some(Safepoints {
            count: total(COUNT)?,
            stopped_ms: total(STOPPED_TIME_MS)?,
            sync_ms: total(SYNC_TIME_MS)?,
        })
    }
}
