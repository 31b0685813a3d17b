//! The counters of `java.nio.Bits`, by JNI field reads: a few nanoseconds, no upcall, no `--add-opens`.
//!
//! The JVM holds `TOTAL_CAPACITY` against `MAX_MEMORY`. JDK 11 to 25 have the same fields (`src/java.base/share/
//! classes/java/nio/Bits.java`); three of them are `AtomicLong`s, the limit is a plain long.
//!
//! # Safety
//! Field ids are used with the class that they were looked up in; the global references keep it loaded.
#![allow(unsafe_code)]

use jni::ids::{JFieldID, JStaticFieldID};
use jni::objects::{JClass, JObject};
use jni::refs::Global;
use jni::signature::{JavaType, Primitive};
use jni::{Env, jni_sig, jni_str};

const LONG: JavaType = JavaType::Primitive(Primitive::Long);

/// One reading, in bytes but for the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectCounters {
    /// `RESERVED_MEMORY`.
    pub reserved_bytes: u64,
    /// `TOTAL_CAPACITY`.
    pub capacity_bytes: u64,
    /// `COUNT`.
    pub count: u64,
    /// `MAX_MEMORY`.
    pub max_bytes: u64,
}

/// `java.nio.Bits`, found once.
pub struct Bits {
    class: Global<JClass<'static>>,
    reserved: Global<JObject<'static>>,
    capacity: Global<JObject<'static>>,
    count: Global<JObject<'static>>,
    value: JFieldID,
    max: JStaticFieldID,
    reserve_memory: Option<usize>,
}

impl Bits {
    /// Looks the fields up.
    ///
    /// # Errors
    /// When this JDK has no such class or fields.
    pub fn find(env: &mut Env<'_>) -> jni::errors::Result<Self> {
        let class = env.find_class(jni_str!("java/nio/Bits"))?;
        let atomic = env.find_class(jni_str!("java/util/concurrent/atomic/AtomicLong"))?;
        let value = env.get_field_id(&atomic, jni_str!("value"), jni_sig!("J"))?;
        let max = env.get_static_field_id(&class, jni_str!("MAX_MEMORY"), jni_sig!("J"))?;
        let mut counter = |name: &jni::strings::JNIStr| {
            let object = env
                .get_static_field(
                    &class,
                    name,
                    jni_sig!("Ljava/util/concurrent/atomic/AtomicLong;"),
                )?
                .l()?;
            env.new_global_ref(object)
        };
        let reserved = counter(jni_str!("RESERVED_MEMORY"))?;
        let capacity = counter(jni_str!("TOTAL_CAPACITY"))?;
        let count = counter(jni_str!("COUNT"))?;
        let reserve_memory = find_reserve_memory(env, &class);
        let class = env.new_global_ref(class)?;
        Ok(Self {
            class,
            reserved,
            capacity,
            count,
            value,
            max,
            reserve_memory,
        })
    }

    /// `jmethodID` of `reserveMemory`, which a stack at a full limit passes through.
    #[must_use]
    pub fn reserve_memory(&self) -> Option<usize> {
        self.reserve_memory
    }

    /// The class: an object of the Java heap that lives as long as the JVM.
    #[must_use]
    pub fn class(&self) -> &jni::objects::JObject<'static> {
        &self.class
    }

    /// Reads the counters.
    ///
    /// # Errors
    /// Only when the JVM is ending.
    pub fn read(&self, env: &mut Env<'_>) -> jni::errors::Result<DirectCounters> {
        let mut atomic = |object: &Global<JObject<'static>>| {
            // SAFETY: the field is `AtomicLong.value` and the object an AtomicLong.
            unsafe { env.get_field_unchecked(object, self.value, LONG) }?.j()
        };
        let (reserved, capacity, count) = (
            atomic(&self.reserved)?,
            atomic(&self.capacity)?,
            atomic(&self.count)?,
        );
        // SAFETY: the field is a static long of that class.
        let max = unsafe { env.get_static_field_unchecked(&self.class, self.max, LONG) }?.j()?;
        Ok(DirectCounters {
            reserved_bytes: unsigned(reserved),
            capacity_bytes: unsigned(capacity),
            count: unsigned(count),
            max_bytes: unsigned(max),
        })
    }
}

/// `reserveMemory(long, int)` up to JDK 13, `reserveMemory(long, long)` since.
fn find_reserve_memory(env: &mut Env<'_>, class: &JClass<'_>) -> Option<usize> {
    for signature in [jni_sig!("(JJ)V"), jni_sig!("(JI)V")] {
        match env.get_static_method_id(class, jni_str!("reserveMemory"), signature) {
            Ok(method) => return Some(method.into_raw() as usize),
            Err(_) => env.exception_clear(),
        }
    }
    None
}

/// The counters are changed one after the other, so a reading in between may be below zero for a moment.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
