//! The lab's faults and look-alikes in a real Flink, by name.
//!
//! A [`Scenario`] says how a cluster is set up, what happens in it (its plot), how that must end, and what flinkmem has to say about
//! it. [`Trial`] plays one and judges the verdict; where the verdict proposes a configuration it plays the scenario once more with it.
//! What was played is [`Kept`] and can be judged again when a rule has changed, without playing it. [`table`] and [`matrix`] print many of them.

mod direct;
mod healthy;
mod heap;
mod jobmanager;
mod judgement;
mod kept;
mod metaspace;
mod midway;
mod mixed;
mod native;
mod network;
mod outside;
mod stage;
mod table;
mod threads;
mod trial;

pub use judgement::Judgement;
pub use kept::Kept;
pub use stage::Stage;
pub use table::{calibration, matrix, table};
pub use trial::{Played, Trial};

use crate::flink::Role;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One fault, or one process that only looks like one.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// The cluster it happens in.
    pub setup: Setup,
    /// What happens.
    pub plot: fn(&mut Stage) -> Result<()>,
    /// How it may end; else the fault did not happen, and the run says nothing about the verdict.
    pub ends: &'static [End],
    /// What is right to say about it.
    pub expected: Expected,
}

/// A cluster of one JobManager and one TaskManager, the agent in one of them.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// The process whose trace is diagnosed, and to which the options below belong.
    pub subject: Role,
    /// Flink's options beside those of every cluster.
    pub configuration: &'static [(&'static str, &'static str)],
    /// Options of the subject's JVM.
    pub java_options: &'static [&'static str],
    /// Variables of the subject's environment.
    pub environment: &'static [(&'static str, &'static str)],
    /// Limit of the subject's memory cgroup, MiB.
    pub memory_mib: Option<u64>,
    /// Limit of the subject's pids cgroup.
    pub threads: Option<u64>,
    /// The agent's options.
    pub agent: &'static str,
    /// Releases of Java on which it can happen; empty: all.
    pub java: &'static [u32],
    /// First parts of the versions of Flink in which it can happen; empty: all.
    pub flink: &'static [&'static str],
    /// Whether TaskManager and JobManager find each other; where not, the plot begins at once.
    pub comes_up: bool,
    /// Logs are handed over too, for what never gets so far as to have a trace.
    pub with_logs: bool,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The last job failed.
    JobFailed,
    /// The last job finished.
    JobFinished,
    /// The last job was cancelled.
    JobCanceled,
    /// The subject was killed by SIGKILL.
    Killed,
    /// The subject ended by itself.
    Exited,
    /// All still goes on.
    Alive,
}

/// What is right to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Labels of which the first finding must have one. Empty: healthy, and any finding is a false alarm.
    pub labels: &'static [&'static str],
    /// Name of the first finding's limit.
    pub limit: &'static str,
    /// The first finding's consumer must contain one of these. Empty: it must not be named, for nobody can know it.
    pub consumer: &'static [&'static str],
    /// Each must be in the text of some evidence of the first finding.
    pub evidence: &'static [&'static str],
    /// Of a second fault: labels of which some further finding must have one.
    pub also: &'static [&'static str],
}

impl Setup {
    /// The agent in the TaskManager, at five samples a second: the lab's faults are quick.
    pub const TASK_MANAGER: Self = Self {
        subject: Role::TaskManager,
        configuration: &[],
        java_options: &[],
        environment: &[],
        memory_mib: None,
        threads: None,
        agent: "interval=200ms",
        java: &[],
        flink: &[],
        comes_up: true,
        with_logs: false,
    };

    /// The agent in the JobManager.
    pub const JOB_MANAGER: Self = Self {
        subject: Role::JobManager,
        ..Self::TASK_MANAGER
    };

    /// Whether it can happen there.
    #[must_use]
    pub fn fits(&self, java: u32, flink: &str) -> bool {
        let java_fits = self.java.is_empty() || self.java.contains(&java);
        let flink_fits =
            self.flink.is_empty() || self.flink.iter().any(|begin| flink.starts_with(begin));
        java_fits && flink_fits
    }
}

impl Expected {
    /// Nothing.
    pub const HEALTHY: Self = Self {
        labels: &[],
        limit: "",
        consumer: &[],
        evidence: &[],
        also: &[],
    };

    /// Whether any finding is a false alarm.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.labels.is_empty()
    }
}

/// All of them, family by family.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    let families = [
        direct::ALL,
        heap::ALL,
        jobmanager::ALL,
        metaspace::ALL,
        threads::ALL,
        native::ALL,
        network::ALL,
        outside::ALL,
        mixed::ALL,
        healthy::ALL,
    ];
    families.into_iter().flatten()
}

/// The scenario of that name.
///
/// # Errors
/// When there is none; the message lists them.
pub fn find(name: &str) -> Result<&'static Scenario> {
    all()
        .find(|scenario| scenario.name == name)
        .with_context(|| {
            let names: Vec<_> = all().map(|scenario| scenario.name).collect();
            format!("no scenario {name}; there are {}", names.join(", "))
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn names_are_given_once() {
        let mut seen = BTreeSet::new();
        for scenario in super::all() {
            assert!(
                seen.insert(scenario.name),
                "{} is there twice",
                scenario.name
            );
        }
    }
}
