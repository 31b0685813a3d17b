//! The Java stack of a sampled block, where asking for it is surely legal.
//!
//! `malloc` is called from everywhere inside the JVM: by its own threads, in a stopped world, under locks. JVMTI may be asked only
//! by a Java thread in native code, and asking may wait until the world goes on. So a stack is taken only if all of this holds:
//!
//! * The thread's state says "in native code" ([`NativeState`], proven at the start; else no stacks at all).
//! * The library that allocates is none of the JVM's, of the C and C++ run time or another agent ([`may_have_stacks`]): those hold
//!   locks that the JVM wants while the world stands still. Of the JDK's only `libzip` may: leaked deflaters are worth it.
//! * No library is being loaded or unloaded by Java code: its constructors run under the loader's lock.
//! * The JVM is not ending: whoever enters it then never returns.
//!
//! A thread may be inside `GetPrimitiveArrayCritical`, as when an `Inflater` takes its window. No collector of JDK 11 to 25 waits for
//! such threads in a stopped world: they give up and collect later, or wait before they stop it (ZGC, and all since 22). So a
//! thread that waits for the world to go on holds up nobody.
//!
//! Otherwise the block has a library and no stack.

use super::functions::LIBRARIES;
use super::loading;
use crate::agent::{self, Agent};
use crate::{log, stacks};
use flinkmem_native::jvm::{NativeState, jni};
use flinkmem_native::kernel::dynamic_linker::{self, Object};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static STATE: OnceLock<NativeState> = OnceLock::new();
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether blocks of a library may have stacks, by library number.
static ALLOWED: [AtomicBool; LIBRARIES] = [const { AtomicBool::new(false) }; LIBRARIES];

/// From now on stacks are taken, if this JVM lets itself be asked for a thread's state.
pub(super) fn begin(agent: &Agent, env: &mut jni::Env<'_>) {
    match NativeState::prove(agent.jvmti, env) {
        Some(state) => drop(STATE.set(state)),
        None => log::info(format_args!(
            "blocks of malloc have no Java stacks: this JVM does not tell the state of a thread"
        )),
    }
}

/// No stacks any more: the JVM ends.
pub(super) fn end() {
    ENDING.store(true, Ordering::Relaxed);
}

/// Says whether blocks of a library may have stacks.
pub(super) fn allow(library: u8, allowed: bool) {
    if let Some(flag) = ALLOWED.get(usize::from(library)) {
        flag.store(allowed, Ordering::Relaxed);
    }
}

/// Index of the calling thread's Java stack; [`stacks::UNKNOWN`] where it cannot be had.
pub(super) fn take(library: u32) -> u32 {
    let is_allowed = usize::try_from(library)
        .ok()
        .and_then(|library| ALLOWED.get(library))
        .is_some_and(|flag| flag.load(Ordering::Relaxed));
    if !is_allowed || ENDING.load(Ordering::Relaxed) || loading::is_under_way() {
        return stacks::UNKNOWN;
    }
    let (Some(state), Some(agent)) = (STATE.get(), agent::get()) else {
        return stacks::UNKNOWN;
    };
    if !state.is_current() {
        return stacks::UNKNOWN;
    }
    stacks::intern(&agent.jvmti.current_stack())
}

/// The directory of the JVM that this process runs, with a slash at its end.
pub(super) fn java_home() -> Option<String> {
    let function = dynamic_linker::exported(c"libjvm.so", c"JNI_CreateJavaVM")?;
    let file = dynamic_linker::file_of(function)?;
    let home = file.strip_suffix("lib/server/libjvm.so")?;
    Some(home.to_owned())
}

/// Whether an object is one whose blocks may have stacks. Without a known Java home none is.
pub(super) fn may_have_stacks(object: &Object<'_>, name: &str, java_home: Option<&str>) -> bool {
    /// The C and C++ run time, in parts that are loaded beside the C library.
    const RUN_TIME: [&str; 6] = [
        "libstdc++.",
        "libgcc_s.",
        "libpthread.",
        "libdl.",
        "librt.",
        "libm.",
    ];
    let path = object.path.to_string_lossy();
    let Some(home) = java_home.filter(|_| !path.is_empty()) else {
        return false;
    };
    if path.starts_with(home) {
        return name == "libzip.so";
    }
    let is_run_time = RUN_TIME.iter().any(|prefix| name.starts_with(prefix));
    let is_agent = || {
        [&b"Agent_OnLoad"[..], b"Agent_OnAttach"]
            .iter()
            .any(|symbol| object.defines(symbol).unwrap_or(true))
    };
    !is_run_time && !is_agent()
}
