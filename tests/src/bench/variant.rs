//! What a JVM is measured with.

use crate::{Jdk, Jvm, artefacts};
use anyhow::Result;
use std::ffi::OsString;
use std::path::Path;

/// The JVM as it is, or with something that has its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Nothing.
    Bare,
    /// The agent.
    Agent,
    /// The agent with a sample every 100 ms, its pace near a limit.
    AgentFast,
    /// Native Memory Tracking, summary.
    NmtSummary,
    /// Native Memory Tracking, detail.
    NmtDetail,
    /// The agent together with Native Memory Tracking, which makes it keep sizes in a table.
    AgentNmtSummary,
    /// A flight recording with the default profile.
    Jfr,
    /// The agent with `malloc` of every library sampled.
    AgentNative,
    /// The agent in a JVM with ZGC.
    AgentZgc,
    /// async-profiler in its native memory mode; the library that `$ASYNC_PROFILER` names.
    AsyncProfiler,
}

/// Names the library of async-profiler, which is built elsewhere.
const ASYNC_PROFILER: &str = "ASYNC_PROFILER";

impl Variant {
    /// Its name in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Agent => "agent",
            Self::AgentFast => "agent, 10 Hz",
            Self::NmtSummary => "NMT summary",
            Self::NmtDetail => "NMT detail",
            Self::AgentNmtSummary => "agent + NMT summary",
            Self::Jfr => "JFR default",
            Self::AgentNative => "agent, native=on",
            Self::AgentZgc => "agent, ZGC",
            Self::AsyncProfiler => "async-profiler nativemem",
        }
    }

    /// Adds it to a JVM of the lab.
    #[must_use]
    pub fn apply(self, jvm: Jvm) -> Jvm {
        let jvm = jvm.options(self.jvm_options().iter().map(String::as_str));
        match self.agent_options() {
            Some(options) => jvm.agent(options),
            None => jvm,
        }
    }

    /// The same as arguments of `java`, with the trace in `traces`.
    ///
    /// # Errors
    /// When the agent is not built.
    pub fn arguments(self, traces: &Path) -> Result<Vec<OsString>> {
        let mut arguments: Vec<_> = self.jvm_options().into_iter().map(OsString::from).collect();
        if let Some(options) = self.agent_options() {
            arguments.push(artefacts::agent_argument(Some(traces), options)?);
        }
        Ok(arguments)
    }

    /// Whether `jdk` has it.
    ///
    /// # Errors
    /// When the JVM cannot be started at all.
    pub fn exists_in(self, jdk: &Jdk) -> Result<bool> {
        match self {
            Self::Jfr => jdk.accepts(&["--add-modules=jdk.jfr"]),
            Self::AgentZgc => jdk.accepts(&["-XX:+UseZGC"]),
            Self::AsyncProfiler => Ok(std::env::var_os(ASYNC_PROFILER).is_some()),
            _ => Ok(true),
        }
    }

    /// Whether the agent is in it.
    #[must_use]
    pub fn has_agent(self) -> bool {
        self.agent_options().is_some()
    }

    /// The agent's options, where it is in it.
    #[must_use]
    pub fn agent_options(self) -> Option<&'static str> {
        match self {
            Self::Agent | Self::AgentNmtSummary | Self::AgentZgc => Some(""),
            Self::AgentFast => Some("interval=100ms"),
            Self::AgentNative => Some("native=on"),
            _ => None,
        }
    }

    /// Options of the JVM, the agent apart.
    #[must_use]
    pub fn jvm_options(self) -> Vec<String> {
        let options: &[&str] = match self {
            Self::Bare | Self::Agent | Self::AgentFast | Self::AgentNative => &[],
            Self::NmtSummary | Self::AgentNmtSummary => &["-XX:NativeMemoryTracking=summary"],
            Self::NmtDetail => &["-XX:NativeMemoryTracking=detail"],
            Self::AgentZgc => &["-XX:+UseZGC"],
            // The working directory of the JVM is removed after it.
            Self::Jfr => &[
                "-XX:StartFlightRecording",
                "-XX:FlightRecorderOptions=repository=jfr",
            ],
            Self::AsyncProfiler => {
                let library = std::env::var(ASYNC_PROFILER).unwrap_or_default();
                return vec![format!(
                    "-agentpath:{library}=start,nativemem,file=nativemem.jfr"
                )];
            }
        };
        options.iter().map(|&option| option.to_owned()).collect()
    }
}
