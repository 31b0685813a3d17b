//! The agent `libflinkmem.so`: a guest in someone else's JVM that reads, accounts and appends. It never judges.
//!
//! The first rule: a failure of the agent never changes what the JVM does. Every entry is guarded ([`guard`]), every
//! table is of fixed size, one thread of our own does all reading and writing ([`reporter`]), and Java threads only
//! count ([`off_heap`]) or leave a note ([`incident`]).

mod agent;
mod callbacks;
mod classes;
mod evidence;
mod fault;
mod gc_clock;
mod guard;
mod incident;
mod log;
mod natives;
mod off_heap;
mod options;
mod own_heap;
mod reporter;
mod stacks;
mod trace_directory;

use flinkmem_native::jvm::Jvmti;
use flinkmem_native::jvm::raw::{JavaVM, jint};
use options::Options;
use std::ffi::{CStr, c_char, c_void};

/// Entry point of `-agentpath`. Always succeeds, for a failure would keep the JVM from starting.
///
/// # Safety
/// Called by the JVM with its invocation table and a NUL-terminated string or null.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub unsafe extern "system" fn Agent_OnLoad(
    vm: *mut JavaVM,
    options: *mut c_char,
    _reserved: *mut c_void,
) -> jint {
    guard::install_panic_hook();
    guard::entry(|| {
        // SAFETY: the JVM's promise.
        let text =
            unsafe { (!options.is_null()).then(|| CStr::from_ptr(options).to_string_lossy()) };
        // SAFETY: the JVM's promise.
        let jvmti = unsafe { Jvmti::new(vm) };
        load(jvmti, &text.unwrap_or_default());
    });
    0
}

fn load(jvmti: Result<Jvmti, flinkmem_native::jvm::JvmError>, text: &str) {
    fault::point("load");
    let (options, messages) = Options::parse(text);
    log::set_level(options.log);
    for message in messages {
        log::warn(format_args!("{message}"));
    }
    if options.native {
        log::warn(format_args!(
            "option native=on: this version does not sample malloc of libraries; off is used"
        ));
    }
    let jvmti = match jvmti {
        Ok(jvmti) => jvmti,
        Err(error) => return guard::disable(&format!("this JVM offers no JVMTI: {error}")),
    };
    if !agent::set(jvmti, options) {
        return log::warn(format_args!(
            "the agent is loaded already; the second -agentpath is ignored"
        ));
    }
    gc_clock::start();
    off_heap::prepare();
    if let Err(error) = jvmti
        .add_capabilities()
        .and_then(|()| jvmti.enable(callbacks::table()))
    {
        guard::disable(&format!("this JVM lacks what it needs: {error}"));
    }
}
