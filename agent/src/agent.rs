//! What the whole agent shares: the JVMTI environment, the options, the clock.

use crate::options::Options;
use flinkmem_native::jvm::Jvmti;
use flinkmem_native::kernel::clock;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Instant;

/// Set once, when the JVM loads the agent.
pub(crate) struct Agent {
    pub(crate) jvmti: Jvmti,
    pub(crate) options: Options,
    pub(crate) coming: Coming,
    started: Instant,
    /// The JVM's flags, as in the trace's header.
    flags: OnceLock<BTreeMap<String, String>>,
}

impl Agent {
    /// Remembers the JVM's flags, once they are known.
    pub(crate) fn set_flags(&self, flags: &BTreeMap<String, String>) {
        let _ = self.flags.set(flags.clone());
    }

    /// Value of a flag of the JVM; `None` when it has no such flag or could not be asked.
    pub(crate) fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get()?.get(name).map(String::as_str)
    }
}

/// When the agent was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coming {
    /// By `-agentpath`, before any Java code ran.
    WithTheJvm,
    /// By an attach, into a JVM that ran.
    Late,
}

static AGENT: OnceLock<Agent> = OnceLock::new();

/// Sets the agent up. False when it was loaded before: a second `-agentpath` of the same library changes nothing.
pub(crate) fn set(jvmti: Jvmti, options: Options, coming: Coming) -> bool {
    AGENT
        .set(Agent {
            jvmti,
            options,
            coming,
            started: Instant::now(),
            flags: OnceLock::new(),
        })
        .is_ok()
}

/// The agent, once it was loaded.
#[inline]
pub(crate) fn get() -> Option<&'static Agent> {
    AGENT.get()
}

/// The JVMTI environment.
#[inline]
pub(crate) fn jvmti() -> Option<Jvmti> {
    get().map(|agent| agent.jvmti)
}

/// A moment on both clocks of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    /// Wall clock, milliseconds since the epoch.
    pub(crate) t_ms: i64,
    /// Milliseconds since the agent was loaded.
    pub(crate) up_ms: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let up = get()
            .map(|agent| agent.started.elapsed())
            .unwrap_or_default();
        Self {
            t_ms: clock::wall_ms(),
            up_ms: u64::try_from(up.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
