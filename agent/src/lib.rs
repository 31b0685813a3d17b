//! The agent `libflinkmem.so`: a guest in someone else's JVM that reads, accounts and appends. It never judges.
//!
//! The first rule: a failure of the agent never changes what the JVM does. Every entry is guarded ([`guard`]), every
//! table is of fixed size, one thread of our own does all reading and writing ([`reporter`]), and Java threads only
//! count ([`off_heap`]) or leave a note ([`incident`]).

mod address_table;
mod agent;
mod attach;
mod callbacks;
mod classes;
mod earlier;
mod evidence;
mod fault;
mod gc_clock;
mod guard;
mod incident;
mod inside;
mod log;
mod malloc;
mod native_objects;
mod natives;
mod off_heap;
mod options;
mod own_heap;
mod pauses;
mod reporter;
mod sampling;
mod stacks;
mod survivors;
mod thread_starts;
mod trace_directory;

use agent::Coming;
use flinkmem_native::jvm::raw::{JavaVM, jint};
use flinkmem_native::jvm::{JvmError, Jvmti, current_env};
use flinkmem_trace::control::AttachAnswer;
use flinkmem_trace::version::AGENT_BUILD;
use options::Options;
use std::ffi::{CStr, c_char, c_void};

/// Which build this is, a C string: for whoever has the file, or a debugger at the process.
#[unsafe(export_name = "flinkmem_version")]
#[allow(unsafe_code)]
pub static AGENT_VERSION: [u8; AGENT_BUILD.len()] = AGENT_BUILD;

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
        // SAFETY: the JVM's promises.
        let (text, jvmti) = unsafe { (text(options), Jvmti::new(vm)) };
        if agent::get().is_some() {
            return log::warn(format_args!(
                "the agent is loaded already; the second -agentpath is ignored"
            ));
        }
        load(jvmti, &text, Coming::WithTheJvm);
    });
    0
}

/// Entry point of `flinkmem attach` and of `jcmd JVMTI.agent_load`. Answers with the code of an [`AttachAnswer`].
///
/// # Safety
/// Called by the JVM with its invocation table and a NUL-terminated string or null, in a Java thread in the live phase.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub unsafe extern "system" fn Agent_OnAttach(
    vm: *mut JavaVM,
    options: *mut c_char,
    _reserved: *mut c_void,
) -> jint {
    guard::install_panic_hook();
    let answer = guard::entry(|| {
        if attach::somebody_is_at_work() {
            return AttachAnswer::AtWorkAlready;
        }
        // SAFETY: the JVM's promises.
        let (text, jvmti, env) = unsafe { (text(options), Jvmti::new(vm), current_env(vm)) };
        load(jvmti, &text, Coming::Late);
        match (agent::get(), env) {
            // SAFETY: the environment of this thread, in which no exception is pending.
            (Some(agent), Some(env)) if !guard::is_disabled() => unsafe {
                attach::begin(agent, env)
            },
            _ => AttachAnswer::Refused,
        }
    });
    answer.unwrap_or(AttachAnswer::Refused).code()
}

/// # Safety
/// `options` is null or a NUL-terminated string.
#[allow(unsafe_code)]
unsafe fn text(options: *const c_char) -> String {
    if options.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(options) }
        .to_string_lossy()
        .into_owned()
}

fn load(jvmti: Result<Jvmti, JvmError>, text: &str, coming: Coming) {
    fault::point("load");
    let (options, messages) = Options::parse(text);
    log::set_level(options.log);
    for message in messages {
        log::warn(format_args!("{message}"));
    }
    let native = options.native;
    let jvmti = match jvmti {
        Ok(jvmti) => jvmti,
        Err(error) => return guard::disable(&format!("this JVM offers no JVMTI: {error}")),
    };
    if !agent::set(jvmti, options, coming) {
        return;
    }
    gc_clock::start();
    off_heap::prepare();
    native_objects::prepare();
    if native {
        malloc::begin();
    }
    if let Err(error) = jvmti
        .add_capabilities(coming == Coming::Late)
        .and_then(|()| jvmti.enable(callbacks::table()))
    {
        guard::disable(&format!("this JVM lacks what it needs: {error}"));
    }
}
