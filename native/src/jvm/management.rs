//! HotSpot's management table: memory pools, collectors, threads, classes, without an MXBean.
//!
//! `JVM_GetManagement` returns the table that `libmanagement` itself is built on (`jmm.h`). It is private to the JDK,
//! so its layout is chosen by version and then proven with a question whose answer we know, the process id:
//!
//! | JDK | version | layout |
//! | --- | --- | --- |
//! | 11 | 2.0 or, from 11.0.9, 3.0 with a function in slot 1 | first |
//! | 14 to 20 | 3.0 | second: one more function after slot 8 |
//! | 21 to 25 | 4.0 | third: two more |
//!
//! Asking for a pool's usage makes one small Java object and is therefore not done while the heap is full.
//!
//! # Safety
//! The table is static data of libjvm. Slots are called with the types that `jmm.h` gives them.
#![allow(unsafe_code)]

use crate::kernel::dynamic_linker;
use jni::ids::JFieldID;
use jni::objects::{JObject, JObjectArray, JString};
use jni::refs::Global;
use jni::signature::{JavaType, Primitive};
use jni::sys::{JNIEnv, jint, jlong, jobject, jobjectArray};
use jni::{Env, jni_sig, jni_str};
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

type GetVersion = unsafe extern "system" fn(*mut JNIEnv) -> jint;
type GetObjects = unsafe extern "system" fn(*mut JNIEnv, jobject) -> jobjectArray;
type GetUsage = unsafe extern "system" fn(*mut JNIEnv, jobject) -> jobject;
type GetLong = unsafe extern "system" fn(*mut JNIEnv, jobject, jint) -> jlong;

// jmmLongAttribute
const CLASS_LOADED_COUNT: jint = 1;
const CLASS_UNLOADED_COUNT: jint = 2;
const THREAD_TOTAL_COUNT: jint = 3;
const THREAD_LIVE_COUNT: jint = 4;
const THREAD_PEAK_COUNT: jint = 5;
const THREAD_DAEMON_COUNT: jint = 6;
const GC_TIME_MS: jint = 9;
const GC_COUNT: jint = 10;
const OS_PROCESS_ID: jint = 201;

/// A symbol of the JVM. The JVM may be loaded without making its symbols global, so it is found by the library that
/// `JNI_GetCreatedJavaVMs` lies in, and otherwise among all libraries.
pub(super) fn jvm_symbol(name: &CStr) -> Option<NonNull<c_void>> {
    let address = dynamic_linker::find_in(c"libjvm.so", name)?;
    NonNull::new(address as *mut c_void)
}

/// Positions of the functions that we use.
#[derive(Debug, Clone, Copy)]
struct Layout {
    get_long_attribute: usize,
    get_vm_globals: usize,
    get_pool_collection_usage: usize,
}

impl Layout {
    /// The functions that we use follow the ones that were inserted, so one distance places them all.
    const fn with_inserted(functions: usize) -> Self {
        Self {
            get_long_attribute: 11 + functions,
            get_vm_globals: 18 + functions,
            get_pool_collection_usage: 23 + functions,
        }
    }
}

const GET_VERSION: usize = 2;
const GET_MEMORY_POOLS: usize = 5;
const GET_MEMORY_MANAGERS: usize = 6;
const GET_MEMORY_POOL_USAGE: usize = 7;

/// What a pool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// Java objects.
    Heap,
    /// `Metaspace`.
    Metaspace,
    /// `Compressed Class Space`.
    ClassSpace,
    /// `CodeCache` or `CodeHeap '…'`.
    CodeCache,
    /// Another pool outside of the heap.
    Other,
}

/// Usage of one pool, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolUsage {
    /// The JVM's name.
    pub name: String,
    /// What it holds.
    pub kind: PoolKind,
    /// Used.
    pub used_bytes: u64,
    /// Committed.
    pub committed_bytes: u64,
    /// Limit, where there is one.
    pub max_bytes: Option<u64>,
    /// Used after the last collection of this pool, where the JVM tells.
    pub after_gc_bytes: Option<u64>,
}

/// Counts of one collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorCounts {
    /// The JVM's name.
    pub name: String,
    /// Collections.
    pub count: u64,
    /// Time spent, milliseconds.
    pub time_ms: u64,
}

/// Threads and classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuntimeCounts {
    /// Live threads.
    pub threads_live: u64,
    /// Of them daemons.
    pub threads_daemon: u64,
    /// Most that were ever live.
    pub threads_peak: u64,
    /// Started so far.
    pub threads_started: u64,
    /// Classes loaded so far.
    pub classes_loaded: u64,
    /// Classes unloaded so far.
    pub classes_unloaded: u64,
}

/// Slots of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    slots: NonNull<*const c_void>,
    layout: Layout,
}

// SAFETY: static data of libjvm, never written.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    /// The table of this JVM, proven to be laid out as expected.
    pub(super) fn find(env: &Env<'_>) -> Option<Self> {
        type GetManagement = unsafe extern "C" fn(jint) -> *mut c_void;
        const VERSIONS: [jint; 3] = [0x2004_0000, 0x2003_0000, 0x2002_0000];
        let symbol = jvm_symbol(c"JVM_GetManagement")?;
        // SAFETY: exported as `void* JVM_GetManagement(jint)`.
        let get_management =
            unsafe { std::mem::transmute::<*mut c_void, GetManagement>(symbol.as_ptr()) };
        let found = VERSIONS.into_iter().find_map(|version| {
            // SAFETY: an unknown version gives null.
            let table = NonNull::new(unsafe { get_management(version) })?;
            Some((version, table))
        });
        let (version, slots) = found?;
        let slots = slots.cast();
        let first = Self {
            slots,
            layout: Layout::with_inserted(0),
        };
        let inserted = match version {
            ..0x2003_0000 => 0,
            0x2003_0000 if first.slot(1).is_some() => 0,
            0x2003_0000 => 1,
            _ => 2,
        };
        let table = Self {
            slots,
            layout: Layout::with_inserted(inserted),
        };
        table.is_proven(env).then_some(table)
    }

    fn slot(self, index: usize) -> Option<*const c_void> {
        // SAFETY: every layout has more than 40 slots, and `index` is one of the constants above.
        let slot = unsafe { self.slots.as_ptr().add(index).read() };
        (!slot.is_null()).then_some(slot)
    }

    /// A wrong layout would call `GetMemoryUsage` or a thread's allocation here; neither answers with our process id.
    fn is_proven(self, env: &Env<'_>) -> bool {
        let Some(get_version) = self.slot(GET_VERSION) else {
            return false;
        };
        // SAFETY: slot 2 is GetVersion in every layout.
        let version =
            unsafe { std::mem::transmute::<*const c_void, GetVersion>(get_version)(env.get_raw()) };
        version >= 0x2002_0000
            && self.long(env, std::ptr::null_mut(), OS_PROCESS_ID)
                == Some(u64::from(std::process::id()))
    }

    pub(super) fn long(self, env: &Env<'_>, object: jobject, attribute: jint) -> Option<u64> {
        let slot = self.slot(self.layout.get_long_attribute)?;
        // SAFETY: GetLongAttribute; `object` is null or a collector's bean.
        let value = unsafe {
            std::mem::transmute::<*const c_void, GetLong>(slot)(env.get_raw(), object, attribute)
        };
        u64::try_from(value).ok()
    }

    pub(super) fn vm_globals_slot(self) -> Option<*const c_void> {
        self.slot(self.layout.get_vm_globals)
    }

    /// `ExecuteDiagnosticCommand`, the last but one, where the table's end is as expected: filled, but for the reserved slot
    /// six before it, which only the second layout has filled as well.
    pub(super) fn execute_diagnostic_command_slot(self) -> Option<*const c_void> {
        let first = self.layout.get_pool_collection_usage;
        let execute = first + 14;
        let reserved =
            (first != Layout::with_inserted(1).get_pool_collection_usage).then_some(execute - 6);
        let is_as_expected = (first..=execute + 1)
            .all(|index| self.slot(index).is_none() == (Some(index) == reserved));
        if is_as_expected {
            self.slot(execute)
        } else {
            None
        }
    }

    fn objects<'local>(
        self,
        env: &mut Env<'local>,
        index: usize,
    ) -> Option<JObjectArray<'local, JObject<'local>>> {
        let slot = self.slot(index)?;
        // SAFETY: GetMemoryPools or GetMemoryManagers; a null argument asks for all.
        let array = unsafe {
            std::mem::transmute::<*const c_void, GetObjects>(slot)(
                env.get_raw(),
                std::ptr::null_mut(),
            )
        };
        if array.is_null() {
            return None;
        }
        // SAFETY: a fresh local reference to an array of objects.
        Some(unsafe { JObjectArray::<JObject<'local>>::from_raw(env, array) })
    }

    fn usage<'local>(
        self,
        env: &mut Env<'local>,
        index: usize,
        pool: &JObject<'_>,
    ) -> Option<JObject<'local>> {
        let slot = self.slot(index)?;
        // SAFETY: GetMemoryPoolUsage or GetPoolCollectionUsage, with a pool's bean. May throw an OutOfMemoryError.
        let usage = unsafe {
            std::mem::transmute::<*const c_void, GetUsage>(slot)(env.get_raw(), pool.as_raw())
        };
        if env.exception_check() {
            env.exception_clear();
            return None;
        }
        // SAFETY: a fresh local reference, or null where the JVM does not tell.
        let usage = unsafe { JObject::from_raw(env, usage) };
        (!usage.is_null()).then_some(usage)
    }
}

struct Pool {
    bean: Global<JObject<'static>>,
    name: String,
    kind: PoolKind,
}

struct Collector {
    bean: Global<JObject<'static>>,
    name: String,
}

/// Fields of `java.lang.management.MemoryUsage`.
struct UsageFields {
    used: JFieldID,
    committed: JFieldID,
    max: JFieldID,
}

/// The table, with the beans that stand for pools and collectors.
pub struct Management {
    table: Table,
    pools: Vec<Pool>,
    collectors: Vec<Collector>,
    usage: UsageFields,
}

impl Management {
    /// Finds the table and makes the beans. This is the only place that runs Java code, once.
    ///
    /// # Errors
    /// When the JVM has no such table or no module `java.management`.
    pub fn find(env: &mut Env<'_>) -> jni::errors::Result<Self> {
        let table = Table::find(env).ok_or(jni::errors::Error::NullPtr("JVM_GetManagement"))?;
        let usage_class = env.find_class(jni_str!("java/lang/management/MemoryUsage"))?;
        let mut field =
            |name: &jni::strings::JNIStr| env.get_field_id(&usage_class, name, jni_sig!("J"));
        let usage = UsageFields {
            used: field(jni_str!("used"))?,
            committed: field(jni_str!("committed"))?,
            max: field(jni_str!("max"))?,
        };
        let pools = find_pools(env, table)?;
        let collectors = find_collectors(env, table)?;
        Ok(Self {
            table,
            pools,
            collectors,
            usage,
        })
    }

    /// Usage of every pool. A pool that the JVM could not be asked about is left out.
    pub fn pools(&self, env: &mut Env<'_>) -> Vec<PoolUsage> {
        self.pools
            .iter()
            .filter_map(|pool| {
                env.with_local_frame(4, |env| Ok::<_, jni::errors::Error>(self.pool(env, pool)))
                    .ok()
                    .flatten()
            })
            .collect()
    }

    fn pool(&self, env: &mut Env<'_>, pool: &Pool) -> Option<PoolUsage> {
        let now = self.table.usage(env, GET_MEMORY_POOL_USAGE, &pool.bean)?;
        let (used_bytes, committed_bytes, max_bytes) = self.read_usage(env, &now)?;
        let after = match pool.kind {
            PoolKind::Heap => {
                self.table
                    .usage(env, self.table.layout.get_pool_collection_usage, &pool.bean)
            }
            _ => None,
        };
        let after_gc_bytes = after
            .and_then(|after| self.read_usage(env, &after))
            .map(|(used, ..)| used);
        Some(PoolUsage {
            name: pool.name.clone(),
            kind: pool.kind,
            used_bytes,
            committed_bytes,
            max_bytes,
            after_gc_bytes,
        })
    }

    fn read_usage(
        &self,
        env: &mut Env<'_>,
        usage: &JObject<'_>,
    ) -> Option<(u64, u64, Option<u64>)> {
        let mut long = |field: JFieldID| {
            // SAFETY: a long field of MemoryUsage, and the object is one.
            unsafe { env.get_field_unchecked(usage, field, JavaType::Primitive(Primitive::Long)) }
                .and_then(|value| value.j())
                .ok()
        };
        let (used, committed, max) = (
            long(self.usage.used)?,
            long(self.usage.committed)?,
            long(self.usage.max)?,
        );
        Some((
            u64::try_from(used).ok()?,
            u64::try_from(committed).ok()?,
            u64::try_from(max).ok(),
        ))
    }

    /// Counts of every collector. No Java object is made.
    pub fn collectors(&self, env: &mut Env<'_>) -> Vec<CollectorCounts> {
        let counts = |collector: &Collector| {
            let count = self.table.long(env, collector.bean.as_raw(), GC_COUNT)?;
            let time_ms = self.table.long(env, collector.bean.as_raw(), GC_TIME_MS)?;
            Some(CollectorCounts {
                name: collector.name.clone(),
                count,
                time_ms,
            })
        };
        self.collectors.iter().filter_map(counts).collect()
    }

    /// Threads and classes. No Java object is made.
    pub fn runtime(&self, env: &mut Env<'_>) -> Option<RuntimeCounts> {
        let long = |attribute| self.table.long(env, std::ptr::null_mut(), attribute);
        let classes_unloaded = long(CLASS_UNLOADED_COUNT)?;
        Some(RuntimeCounts {
            threads_live: long(THREAD_LIVE_COUNT)?,
            threads_daemon: long(THREAD_DAEMON_COUNT)?,
            threads_peak: long(THREAD_PEAK_COUNT)?,
            threads_started: long(THREAD_TOTAL_COUNT)?,
            classes_loaded: long(CLASS_LOADED_COUNT)?,
            classes_unloaded,
        })
    }

    pub(super) fn table(&self) -> Table {
        self.table
    }
}

fn find_pools(env: &mut Env<'_>, table: Table) -> jni::errors::Result<Vec<Pool>> {
    let array = table
        .objects(env, GET_MEMORY_POOLS)
        .ok_or(jni::errors::Error::NullPtr("GetMemoryPools"))?;
    let mut pools = Vec::new();
    for index in 0..array.len(env)? {
        let bean = array.get_element(env, index)?;
        let name = bean_name(env, &bean)?;
        let is_heap = env
            .get_field(&bean, jni_str!("isHeap"), jni_sig!("Z"))?
            .z()?;
        let kind = pool_kind(&name, is_heap);
        pools.push(Pool {
            bean: env.new_global_ref(&bean)?,
            name,
            kind,
        });
        env.delete_local_ref(bean);
    }
    Ok(pools)
}

fn find_collectors(env: &mut Env<'_>, table: Table) -> jni::errors::Result<Vec<Collector>> {
    let array = table
        .objects(env, GET_MEMORY_MANAGERS)
        .ok_or(jni::errors::Error::NullPtr("GetMemoryManagers"))?;
    let class = env.find_class(jni_str!("java/lang/management/GarbageCollectorMXBean"))?;
    let mut collectors = Vec::new();
    for index in 0..array.len(env)? {
        let bean = array.get_element(env, index)?;
        if env.is_instance_of(&bean, &class)? {
            let name = bean_name(env, &bean)?;
            collectors.push(Collector {
                bean: env.new_global_ref(&bean)?,
                name,
            });
        }
        env.delete_local_ref(bean);
    }
    Ok(collectors)
}

/// `name`, a field of both kinds of beans.
fn bean_name(env: &mut Env<'_>, bean: &JObject<'_>) -> jni::errors::Result<String> {
    let name = env
        .get_field(bean, jni_str!("name"), jni_sig!("Ljava/lang/String;"))?
        .l()?;
    let name = env.cast_local::<JString>(name)?;
    let text = name.try_to_string(env)?;
    env.delete_local_ref(name);
    Ok(text)
}

fn pool_kind(name: &str, is_heap: bool) -> PoolKind {
    match name {
        _ if is_heap => PoolKind::Heap,
        "Metaspace" => PoolKind::Metaspace,
        "Compressed Class Space" => PoolKind::ClassSpace,
        _ if name.starts_with("CodeHeap") || name == "CodeCache" || name == "Code Cache" => {
            PoolKind::CodeCache
        }
        _ => PoolKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_sorted_by_the_jvms_names() {
        for (name, is_heap, kind) in [
            ("G1 Old Gen", true, PoolKind::Heap),
            ("ZHeap", true, PoolKind::Heap),
            ("Metaspace", false, PoolKind::Metaspace),
            ("Compressed Class Space", false, PoolKind::ClassSpace),
            ("CodeHeap 'profiled nmethods'", false, PoolKind::CodeCache),
            ("CodeCache", false, PoolKind::CodeCache),
            ("something new", false, PoolKind::Other),
        ] {
            assert_eq!(pool_kind(name, is_heap), kind, "{name}");
        }
    }
}
