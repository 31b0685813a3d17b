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
}

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
        }
    }

    /// Adds it to a JVM of the lab.
    #[must_use]
    pub fn apply(self, jvm: Jvm) -> Jvm {
        let jvm = jvm.options(self.jvm_options().iter().copied());
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
        let mut arguments: Vec<_> = self.jvm_options().iter().map(OsString::from).collect();
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
            _ => Ok(true),
        }
    }

    /// Whether the agent is in it.
    #[must_use]
    pub fn has_agent(self) -> bool {
        self.agent_options().is_some()
    }

    fn agent_options(self) -> Option<&'static str> {
        match self {
            Self::Agent | Self::AgentNmtSummary => Some(""),
            Self::AgentFast => Some("interval=100ms"),
            _ => None,
        }
    }

    fn jvm_options(self) -> &'static [&'static str] {
        match self {
            Self::Bare | Self::Agent | Self::AgentFast => &[],
            Self::NmtSummary | Self::AgentNmtSummary => &["-XX:NativeMemoryTracking=summary"],
            Self::NmtDetail => &["-XX:NativeMemoryTracking=detail"],
            // The working directory of the JVM is removed after it.
            Self::Jfr => &[
                "-XX:StartFlightRecording",
                "-XX:FlightRecorderOptions=repository=jfr",
            ],
        }
    }
}
