//! RocksDB's own figures: what its caches hold, what of it is pinned, how large the memtables are.
//!
//! The library is asked by the functions that it exports for its Java classes. `Cache.getUsage` and `getPinnedUsage` make no
//! use of the Java environment at all. `RocksDB.getAggregatedLongProperty` reads the characters of a string; it throws for
//! a property that it does not know, and is then not asked again. For the size of the memtables it holds the mutex of the
//! database while it adds up counters; properties that release the mutex in between are left alone, because versions
//! before 8 then walk a list that may change.
//!
//! # Safety
//! A function is called while its library is held, with a handle whose lock is held (see [`super::handles`]), so that both
//! stay valid. The signatures are those of the Java methods, unchanged in RocksDB 5 to 10.
#![allow(unsafe_code)]

use super::handles::{self, Handle, Kind};
use flinkmem_native::jvm::exception_is_pending;
use flinkmem_native::jvm::jni::{self, objects::JString, refs::Global};
use flinkmem_native::jvm::raw::{JNIEnv, jint, jlong, jobject};
use flinkmem_native::kernel::dynamic_linker::{HeldLibrary, Proven};
use flinkmem_trace::RocksDb;
use std::ffi::CString;

type OfCache = unsafe extern "system" fn(*mut JNIEnv, jobject, jlong) -> jlong;
type OfDatabase = unsafe extern "system" fn(*mut JNIEnv, jobject, jlong, jobject, jint) -> jlong;

const MEMTABLES: &str = "rocksdb.cur-size-all-mem-tables";

/// Reads the figures. Kept by the agent's thread.
#[derive(Default)]
pub(crate) struct Reader {
    /// The name of the property, as a Java string.
    memtables: Option<Global<JString<'static>>>,
    /// The library did not know the property.
    refused: bool,
    /// Functions of the libraries that were found before.
    proven: Proven,
}

/// What a library offers.
struct Functions {
    usage: Option<OfCache>,
    pinned_usage: Option<OfCache>,
    property: Option<OfDatabase>,
}

impl Functions {
    fn of(library: &HeldLibrary<'_>, package: &str, proven: &mut Proven) -> Self {
        let mut find = |name: &str| {
            let name = CString::new(format!("Java_{package}_{name}")).ok()?;
            library.function(&name, proven)
        };
        // SAFETY: functions of these names have these signatures, see the module.
        unsafe {
            Self {
                usage: find("Cache_getUsage").map(|f| std::mem::transmute::<usize, OfCache>(f)),
                pinned_usage: find("Cache_getPinnedUsage")
                    .map(|f| std::mem::transmute::<usize, OfCache>(f)),
                property: find("RocksDB_getAggregatedLongProperty")
                    .map(|f| std::mem::transmute::<usize, OfDatabase>(f)),
            }
        }
    }
}

impl Reader {
    /// The sums over all live objects; `None` where there are none.
    pub(crate) fn read(&mut self, env: &mut jni::Env<'_>) -> Option<RocksDb> {
        if handles::is_empty() {
            return None;
        }
        self.prepare(env);
        let mut sums = RocksDb::default();
        for (index, library) in handles::libraries() {
            let Some(held) = library.loaded.hold() else {
                handles::forget_library(index);
                continue;
            };
            let functions = Functions::of(&held, library.package, &mut self.proven);
            let missed = handles::for_each(index, |handle| {
                self.add(env, &functions, handle, &mut sums);
            });
            sums.missed += missed;
        }
        sums.missed += handles::dropped();
        let is_any = sums.caches + sums.write_buffer_managers + sums.databases > 0;
        is_any.then_some(sums)
    }

    fn add(
        &mut self,
        env: &mut jni::Env<'_>,
        functions: &Functions,
        handle: &Handle,
        sums: &mut RocksDb,
    ) {
        let null = std::ptr::null_mut();
        let value = jlong::try_from(handle.value).unwrap_or(0);
        let raw = env.get_raw();
        // SAFETY: the handle's lock is held by who visits us.
        let of_cache = |function: Option<OfCache>| unsafe { function.map(|f| f(raw, null, value)) };
        match handle.kind {
            Kind::Cache => {
                sums.caches += 1;
                sums.cache_capacity_bytes += handle.bytes;
                add(&mut sums.cache_usage_bytes, of_cache(functions.usage));
                add(
                    &mut sums.cache_pinned_bytes,
                    of_cache(functions.pinned_usage),
                );
            }
            Kind::WriteBufferManager => {
                sums.write_buffer_managers += 1;
                sums.write_buffer_limit_bytes += handle.bytes;
            }
            Kind::Database => {
                sums.databases += 1;
                add(
                    &mut sums.memtables_bytes,
                    self.memtables(env, functions, value),
                );
            }
        }
    }

    /// Before a handle is held: making a Java string may have to wait for a collection.
    fn prepare(&mut self, env: &mut jni::Env<'_>) {
        if self.memtables.is_none() && !self.refused {
            let name = env.new_string(MEMTABLES);
            self.memtables = name.and_then(|name| env.new_global_ref(name)).ok();
            if env.exception_check() {
                env.exception_clear(); // no memory: the next time
            }
        }
    }

    fn memtables(
        &mut self,
        env: &mut jni::Env<'_>,
        functions: &Functions,
        database: jlong,
    ) -> Option<jlong> {
        let function = functions.property.filter(|_| !self.refused)?;
        let name = self.memtables.as_ref()?.as_raw();
        let length = jint::try_from(MEMTABLES.len()).ok()?;
        let raw = env.get_raw();
        // SAFETY: the handle's lock is held; the name is a live Java string; no exception is pending.
        let (bytes, threw) = unsafe {
            let bytes = function(raw, std::ptr::null_mut(), database, name, length);
            (bytes, exception_is_pending(raw))
        };
        if threw {
            env.exception_clear();
            self.refused = true;
        }
        (!threw).then_some(bytes)
    }
}

/// A sum is known where each of its parts is.
fn add(sum: &mut Option<u64>, part: Option<jlong>) {
    let part = part.and_then(|part| u64::try_from(part).ok());
    if let Some(part) = part {
        *sum = Some(sum.unwrap_or(0).saturating_add(part));
    }
}
