//! `malloc` by library (`native=on`): which loaded library holds how much, from sampled blocks.
//!
//! | module | what |
//! | --- | --- |
//! | [`functions`] | the allocation functions that are stood before, and the real ones behind them |
//! | [`hooks`] | what libraries call instead: an entry for each function and library, so the caller needs no finding |
//! | [`imports`] | puts the hooks into the import tables of loaded libraries, and of those that are loaded later |
//! | [`loading`] | sees libraries come as soon as Java code loads them |
//! | [`java_stack`] | the Java stack of a sampled block, where asking for it is surely legal |
//! | [`account`] | sampled blocks, run in whatever thread allocates |
//!
//! A hook runs everywhere: in the collector's threads, in a stopped world, in threads the JVM has never heard of, in ones that are
//! ending, in a child between `fork` and `exec`. So it takes no lock, allocates nothing, needs no thread-local storage,
//! and calls nobody but the real function.

mod account;
mod functions;
#[cfg(target_arch = "x86_64")]
mod hooks;
mod imports;
mod java_stack;
mod loading;
mod usage;

#[cfg(not(target_arch = "x86_64"))]
mod hooks {
    //! The entries are written for one processor; on others nothing is stood before.

    pub(super) const SUPPORTED: bool = false;

    pub(super) fn entry(_: super::functions::Name, _: u8) -> usize {
        0
    }

    pub(super) fn own_code() -> usize {
        0
    }
}

pub(crate) use usage::read;

use crate::agent;
use crate::log;
use crate::natives::Native;
use flinkmem_native::jvm::jni;
use imports::Imports;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

/// Used by the thread that loads the agent, then by the agent's own; hooks never touch it.
static IMPORTS: Mutex<Option<Imports>> = Mutex::new(None);

static ON: AtomicBool = AtomicBool::new(false);

/// Stands before the allocation functions of everything that is loaded.
pub(crate) fn begin() {
    if !hooks::SUPPORTED {
        return log::warn(format_args!(
            "option native=on: not available on this processor; off is used"
        ));
    }
    account::prepare();
    let mut imports = Imports::default();
    if imports.find_real_functions() {
        imports.look();
        with_imports(|place| *place = Some(imports));
        ON.store(true, Ordering::Relaxed);
    } else {
        log::warn(format_args!(
            "option native=on: this process has no malloc that can be found; off is used"
        ));
    }
}

/// Takes Java stacks from now on, where that is legal; called once, in the live phase.
///
/// # Errors
/// Never: without stacks blocks still have libraries. The type is what `with_env` takes.
pub(crate) fn begin_stacks(env: &mut jni::Env<'_>) -> jni::errors::Result<()> {
    if let Some(agent) = agent::get().filter(|_| ON.load(Ordering::Relaxed)) {
        java_stack::begin(agent, env);
    }
    Ok(())
}

/// The JVM ends.
pub(crate) fn end_stacks() {
    java_stack::end();
}

/// The native methods that load libraries, where that is of interest.
pub(crate) fn loading() -> &'static [&'static Native] {
    if ON.load(Ordering::Relaxed) {
        &loading::LOADING
    } else {
        &[]
    }
}

/// Looks for libraries that were loaded since, and relaxes the sampling; called at every tick.
pub(crate) fn tick(elapsed: Option<Duration>) {
    with_imports(|imports| {
        if let Some(imports) = imports {
            imports.look();
            if let Some(elapsed) = elapsed {
                account::relax(elapsed);
            }
        }
    });
}

/// Bytes that the live samples take.
pub(crate) fn memory_bytes() -> u64 {
    u64::try_from(account::used_bytes()).unwrap_or(u64::MAX)
}

fn with_imports<T>(body: impl FnOnce(&mut Option<Imports>) -> T) -> Option<T> {
    match IMPORTS.try_lock() {
        Ok(mut imports) => Some(body(&mut imports)),
        Err(TryLockError::Poisoned(poisoned)) => Some(body(&mut poisoned.into_inner())),
        Err(TryLockError::WouldBlock) => None,
    }
}
