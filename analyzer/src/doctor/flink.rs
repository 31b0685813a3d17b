//! Flink's configuration: whether its start scripts load the agent into both processes.

use super::environment::other_agents;
use super::{Check, Wish};
use crate::configuration::{java_options, load, version_beside};
use crate::model::changes::Behaviour;
use crate::model::{FlinkVersion, Process, Settings};
use std::path::PathBuf;

/// A configuration that was read, or why not.
#[derive(Debug)]
pub struct Configured {
    path: PathBuf,
    version: FlinkVersion,
    settings: Result<Settings, String>,
}

/// The processes that are to have the agent, each with its own option.
const PROCESSES: [(Process, &str, &str); 2] = [
    (
        Process::TaskManager,
        "flink_tm",
        "env.java.opts.taskmanager",
    ),
    (Process::JobManager, "flink_jm", "env.java.opts.jobmanager"),
];

impl Configured {
    /// The configuration that was named, or that of `$FLINK_CONF_DIR`; `None` where there is neither.
    pub(super) fn find(wish: &Wish) -> Option<Self> {
        let named = std::env::var_os("FLINK_CONF_DIR").filter(|dir| !dir.is_empty());
        let path = wish.conf.clone().or_else(|| named.map(PathBuf::from))?;
        let version = wish
            .flink_version
            .or_else(|| version_beside(&path))
            .unwrap_or(FlinkVersion::NEWEST_CHECKED);
        let loaded = load(&path, &Behaviour::of(version));
        Some(Self {
            path,
            version,
            settings: loaded
                .map(|loaded| loaded.settings)
                .map_err(|error| error.to_string()),
        })
    }

    /// What loads the agent, of whichever process comes first.
    fn agent(&self) -> Option<String> {
        PROCESSES
            .iter()
            .find_map(|(process, ..)| self.agent_of(*process))
    }

    fn agent_of(&self, process: Process) -> Option<String> {
        let words = java_options(self.settings.as_ref().ok()?, process);
        let mut agents = words
            .into_iter()
            .filter_map(|(word, _)| word.strip_prefix("-agentpath:").map(str::to_owned));
        agents.find(|agent| agent.contains("flinkmem"))
    }

    /// The library that it names.
    pub(super) fn library(&self) -> Option<PathBuf> {
        let agent = self.agent()?;
        Some(PathBuf::from(agent.split('=').next()?))
    }

    /// The agent's options that it sets.
    pub(super) fn options(&self) -> Option<String> {
        let agent = self.agent()?;
        agent.split_once('=').map(|(_, options)| options.to_owned())
    }

    /// A line for each process, and one for other agents.
    pub(super) fn checks(&self) -> Vec<Check> {
        let shown = self.path.display();
        let settings = match &self.settings {
            Ok(settings) => settings,
            Err(error) => {
                return vec![Check::problem(
                    "flink",
                    format!("Flink {} would not read {shown}: {error}", self.version),
                    "correct it, or name the version with --flink-version",
                )];
            }
        };
        let mut checks: Vec<Check> = PROCESSES.iter().map(|one| self.loads(*one)).collect();
        let words = PROCESSES
            .iter()
            .flat_map(|(process, ..)| java_options(settings, *process));
        let mut others: Vec<String> = words
            .flat_map(|(word, _)| other_agents(&word).map(str::to_owned).collect::<Vec<_>>())
            .collect();
        others.dedup();
        if !others.is_empty() {
            checks.push(Check::ok(
                "flink_agents",
                format!("beside flinkmem there will be {}", others.join(", ")),
            ));
        }
        checks
    }

    /// Whether one process gets the agent. The JobManager may well be left out on purpose.
    fn loads(&self, (process, name, key): (Process, &'static str, &'static str)) -> Check {
        let shown = self.path.display();
        if let Some(agent) = self.agent_of(process) {
            return Check::ok(name, format!("{shown} loads the agent: -agentpath:{agent}"));
        }
        let file = match self.version {
            version if (version.major, version.minor) < (1, 19) => "flink-conf.yaml",
            _ => "config.yaml",
        };
        let detail = format!(
            "{shown} does not load the agent (looked at {key}, env.java.opts.all and their env.java.default-opts, as Flink {} reads them)",
            self.version
        );
        let next =
            format!("put into {file}: {key}: -agentpath:/opt/flinkmem/libflinkmem.so=dir=/traces");
        match process {
            Process::TaskManager => Check::problem(name, detail, next),
            Process::JobManager => Check::warning(name, detail, next),
        }
    }
}
