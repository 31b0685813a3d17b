//! The JVM's side: JVMTI, JNI and HotSpot's management table. Every JVM function is called in one place, which checks
//! the result, gives back what the JVM allocated and returns owned values.
//!
//! # Safety
//! Shared by the modules below, which begin with a Safety section of their own where more is needed:
//! * a [`Jvmti`] comes from `GetEnv` of a live `JavaVM` and is valid until the JVM is gone; JVMTI allows its use from
//!   any thread attached to the JVM.
//! * a raw `JNIEnv` is used on the thread that it was given to, within the call that lent it.

mod areas;
mod bits;
mod class_histogram;
mod class_loaders;
mod collections;
mod env;
mod fields;
mod flags;
mod heap;
mod holders;
mod java_class;
mod jvmti;
mod loaded_classes;
mod loader_metaspace;
mod long_array;
mod management;
mod method;
mod native_state;
mod natives;
mod perf_data;
mod properties;
mod root_path;
mod safepoints;
mod sampled_alloc;
mod stack;
mod tagging;
mod threads;
mod throwable;
mod vm_arguments;
mod vm_structs;

pub use areas::{Areas, ClassMetadata, object_address};
pub use bits::{Bits, DirectCounters};
pub use class_histogram::{
    ClassHistogram, ClassTally, HistogramLimits, LargeArray, Tally, class_histogram,
};
pub use class_loaders::{LoaderCensus, LoaderKind, LoaderReading, LoaderTable};
pub use collections::{ArrayDeques, Entry, Maps, identity_map_keys};
pub use env::with_env;
pub use fields::{Field, ObjectReader, Path};
pub use flags::{FlagValue, vm_flags};
pub use heap::{HeapTotals, HeapTotalsReader};
pub use holders::{
    FoundHolder, FoundHolders, FoundTarget, HolderKind, HolderRequest, HoldingObject, MOST_TARGETS,
    find_holders,
};
pub use java_class::ClassIdentity;
pub use jvmti::{JvmError, Jvmti};
pub use loaded_classes::LoadedClass;
pub use loader_metaspace::{LoaderMetaspace, loader_metaspace};
pub use long_array::{exception_is_pending, for_each_long};
pub use management::{CollectorCounts, Management, PoolKind, PoolUsage, RuntimeCounts};
pub use method::{MethodFrame, describe_frame};
pub use native_state::NativeState;
pub use natives::{
    LoadedNative, RegisteredNative, Replaced, Replacement, current_env, exported_names,
    registered_natives, replace_loaded_natives, replace_natives,
};
pub use perf_data::{PerfCounter, PerfData, PerfWord};
pub use properties::java_property;
pub use root_path::{
    ObjectPath, PathStep, Reference, Root, RootKind, RootWalk, WalkEnd, WalkLimits, WalkTarget,
    paths_in_passing, paths_to_root,
};
pub use safepoints::Safepoints;
pub use sampled_alloc::{delete_weak_reference, is_gone, weak_reference};
pub use stack::{RawFrame, StackBuffer};
pub use tagging::TaggingEnv;
pub use threads::{LiveThread, ThreadReader};
pub use throwable::{HeldThrowable, ThrowableReader, is_instance_of};
pub use vm_arguments::vm_arguments;

/// The raw types, for those who implement callbacks and native methods.
pub mod raw {
    pub use jni::sys::{
        _jobject as Object, JNIEnv, jboolean, jclass, jint, jlong, jobject, jthrowable,
    };
    pub use jvmti_bindings::sys::jni::{JNIEnv as CallbackEnv, JavaVM, jmethodID, jthread};
    pub use jvmti_bindings::sys::jvmti::{jvmtiEnv, jvmtiEventCallbacks};
}

pub use jni;
