//! Classes of the JDK that the agent reads, looked up once: at VMInit, in the starting thread, before any Java code of the
//! application runs. So nothing that the application does is missed.

use crate::incident;
use flinkmem_native::jvm::{Bits, ThreadReader, ThrowableReader, jni};
use std::sync::OnceLock;

struct Classes {
    bits: Option<Bits>,
    throwables: Option<ThrowableReader>,
    threads: Option<ThreadReader>,
}

static CLASSES: OnceLock<Classes> = OnceLock::new();

/// Looks them up and tells the incident side what to look for. One that this JDK lacks is absent.
///
/// # Errors
/// Never: a class that cannot be found is left out. The type is what `with_env` takes.
pub(crate) fn find(env: &mut jni::Env<'_>) -> jni::errors::Result<()> {
    let classes = CLASSES.get_or_init(|| Classes {
        bits: found(env, Bits::find),
        throwables: found(env, ThrowableReader::find),
        threads: found(env, ThreadReader::find),
    });
    if let Some(throwables) = &classes.throwables {
        let reserve_memory = classes.bits.as_ref().and_then(Bits::reserve_memory);
        incident::watch(throwables.out_of_memory_error(), reserve_memory);
    }
    Ok(())
}

/// The counters of direct memory.
pub(crate) fn bits() -> Option<&'static Bits> {
    CLASSES.get()?.bits.as_ref()
}

/// Reads throwables.
pub(crate) fn throwables() -> Option<&'static ThrowableReader> {
    CLASSES.get()?.throwables.as_ref()
}

/// Reads threads.
pub(crate) fn threads() -> Option<ThreadReader> {
    CLASSES.get()?.threads
}

/// A JVM without the class in question is not an error: the source is absent.
pub(crate) fn found<T>(
    env: &mut jni::Env<'_>,
    find: impl FnOnce(&mut jni::Env<'_>) -> jni::errors::Result<T>,
) -> Option<T> {
    let found = env.with_local_frame(32, find).ok();
    if env.exception_check() {
        env.exception_clear();
    }
    found
}
