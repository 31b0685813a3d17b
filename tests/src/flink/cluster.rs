//! The cluster as a whole.

use super::configuration::{Configuration, free_port};
use super::launch::{Launch, Places, Role};
use super::turn::Turn;
use super::{DEFAULT_VERSION, Home, JobId, Rest};
use crate::process::Process;
use crate::wait::{PATIENCE, wait_for};
use crate::{Cgroup, Jdk, artefacts, javac};
use anyhow::{Context, Result, bail, ensure};
use std::cell::OnceCell;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use tempfile::TempDir;

/// A cluster to be started.
#[derive(Debug)]
pub struct ClusterBuilder {
    jdk: Jdk,
    version: String,
    configuration: Vec<(String, String)>,
    unset: Vec<String>,
    jobmanager: Member,
    taskmanager: Member,
}

/// What one of the processes is started with beside what Flink derives.
#[derive(Debug, Default)]
struct Member {
    /// Options of the agent, which may be empty; without the agent where absent.
    agent: Option<String>,
    traces: Option<PathBuf>,
    options: Vec<OsString>,
    environment: Vec<(String, String)>,
    cgroups: Vec<File>,
}

impl Member {
    /// Loads the agent, with its trace in `usual` unless told otherwise. Returns where that is, and the argument that does it.
    fn observe(&mut self, usual: PathBuf) -> Result<(PathBuf, OsString)> {
        let traces = self.traces.take().unwrap_or(usual);
        let mut argument = OsString::new();
        if let Some(agent) = &self.agent {
            argument = artefacts::agent_argument(Some(&traces), agent)?;
            self.options.push(argument.clone());
        }
        Ok((traces, argument))
    }
}

impl ClusterBuilder {
    /// Another version of Flink than the default.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// An option of Flink.
    #[must_use]
    pub fn configure(mut self, key: &str, value: &str) -> Self {
        self.configuration.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Takes out an option that every cluster has.
    #[must_use]
    pub fn unset(mut self, key: &str) -> Self {
        self.unset.push(key.to_owned());
        self
    }

    /// The agent in the TaskManager, with these options beside its directory (which may be empty).
    #[must_use]
    pub fn agent(self, options: &str) -> Self {
        self.agent_in(Role::TaskManager, options)
    }

    /// The agent in the JobManager as well, with these options; its trace is apart ([`Cluster::jobmanager_traces`]).
    #[must_use]
    pub fn jobmanager_agent(self, options: &str) -> Self {
        self.agent_in(Role::JobManager, options)
    }

    /// The agent in one of the processes, with these options beside its directory (which may be empty).
    #[must_use]
    pub fn agent_in(mut self, role: Role, options: &str) -> Self {
        self.member(role).agent = Some(options.to_owned());
        self
    }

    /// Where the agent in the TaskManager writes; else in a directory of the cluster's that goes with it.
    #[must_use]
    pub fn traces(self, directory: &Path) -> Self {
        self.traces_of(Role::TaskManager, directory)
    }

    /// Where the agent in one of the processes writes.
    #[must_use]
    pub fn traces_of(mut self, role: Role, directory: &Path) -> Self {
        self.member(role).traces = Some(directory.to_owned());
        self
    }

    /// An option of the TaskManager's JVM.
    #[must_use]
    pub fn taskmanager_option(self, option: &str) -> Self {
        self.java_option(Role::TaskManager, option)
    }

    /// An option of the JVM of one of the processes.
    #[must_use]
    pub fn java_option(mut self, role: Role, option: &str) -> Self {
        self.member(role).options.push(option.into());
        self
    }

    /// A variable in the environment of one of the processes.
    #[must_use]
    pub fn environment(mut self, role: Role, key: &str, value: &str) -> Self {
        let variable = (key.to_owned(), value.to_owned());
        self.member(role).environment.push(variable);
        self
    }

    /// One of the processes in `cgroup`, which must outlive the cluster.
    ///
    /// # Errors
    /// When the group cannot be entered.
    pub fn within(mut self, role: Role, cgroup: &Cgroup) -> Result<Self> {
        let procs = cgroup.procs()?;
        self.member(role).cgroups.push(procs);
        Ok(self)
    }

    /// Starts JobManager and TaskManager and waits until they know each other.
    ///
    /// # Errors
    /// When Flink cannot be fetched or does not come up; with the ends of its logs.
    pub fn start(self) -> Result<Cluster> {
        let mut cluster = self.launch()?;
        cluster.wait_until_up()?;
        Ok(cluster)
    }

    /// Starts JobManager and TaskManager, for those that will not come up.
    ///
    /// # Errors
    /// When Flink cannot be fetched, or refuses the configuration.
    pub fn launch(mut self) -> Result<Cluster> {
        let turn = Turn::take();
        let home = Home::fetch(&self.version)?;
        let directory = tempfile::Builder::new().prefix("flinkmem-lab-").tempdir()?;
        let places = Places::create(directory.path())?;
        let rest_port = free_port()?;
        let mut configuration = Configuration::small(directory.path(), rest_port)?;
        configuration.0.retain(|key, _| !self.unset.contains(key));
        let own = std::mem::take(&mut self.configuration);
        configuration.0.extend(own);
        configuration.write(&home, &places.conf())?;
        for role in [Role::JobManager, Role::TaskManager] {
            let options = configuration.java_options(role);
            self.member(role).options.extend(options);
        }

        let (traces, agent_argument) = self.taskmanager.observe(places.root.join("traces"))?;
        let jobmanager_traces = places.root.join("jobmanager-traces");
        let (jobmanager_traces, of_jobmanager) = self.jobmanager.observe(jobmanager_traces)?;
        let launch = |member: Member| Launch {
            jdk: &self.jdk,
            home: &home,
            places: &places,
            options: member.options,
            environment: member.environment,
            cgroups: member.cgroups,
        };
        Ok(Cluster {
            jobmanager: launch(self.jobmanager).start(Role::JobManager)?,
            taskmanager: launch(self.taskmanager).start(Role::TaskManager)?,
            rest: Rest::at(rest_port),
            jdk: self.jdk.clone(),
            home: home.clone(),
            places: places.clone(),
            agent_argument: if agent_argument.is_empty() {
                of_jobmanager
            } else {
                agent_argument
            },
            traces,
            jobmanager_traces,
            uploaded: OnceCell::new(),
            _directory: directory,
            _turn: turn,
        })
    }

    fn member(&mut self, role: Role) -> &mut Member {
        match role {
            Role::JobManager => &mut self.jobmanager,
            Role::TaskManager => &mut self.taskmanager,
        }
    }
}

/// A running cluster. It ends when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    // The processes first: they are dropped before their directory.
    taskmanager: Process,
    jobmanager: Process,
    rest: Rest,
    jdk: Jdk,
    home: Home,
    places: Places,
    agent_argument: OsString,
    traces: PathBuf,
    jobmanager_traces: PathBuf,
    /// The jar with the lab's jobs, once the JobManager has it.
    uploaded: OnceCell<String>,
    // Removed last.
    _directory: TempDir,
    _turn: Turn,
}

impl Cluster {
    /// A cluster on that Java.
    #[must_use]
    pub fn builder(jdk: &Jdk) -> ClusterBuilder {
        ClusterBuilder {
            jdk: jdk.clone(),
            version: DEFAULT_VERSION.to_owned(),
            configuration: Vec::new(),
            unset: Vec::new(),
            jobmanager: Member::default(),
            taskmanager: Member::default(),
        }
    }

    /// The JobManager's REST interface.
    #[must_use]
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// The TaskManager's process.
    pub fn taskmanager(&mut self) -> &mut Process {
        &mut self.taskmanager
    }

    /// The JobManager's process.
    pub fn jobmanager(&mut self) -> &mut Process {
        &mut self.jobmanager
    }

    /// Where the TaskManager's trace goes.
    #[must_use]
    pub fn traces(&self) -> &Path {
        &self.traces
    }

    /// Where the JobManager's trace goes, if the agent is in it.
    #[must_use]
    pub fn jobmanager_traces(&self) -> &Path {
        &self.jobmanager_traces
    }

    /// The version of Flink.
    #[must_use]
    pub fn version(&self) -> &str {
        self.home.version()
    }

    /// The argument with which the TaskManager, else the JobManager, loaded the agent; empty without it.
    #[must_use]
    pub fn agent_argument(&self) -> String {
        self.agent_argument.to_string_lossy().into_owned()
    }

    /// Where the configuration is.
    #[must_use]
    pub fn conf(&self) -> PathBuf {
        self.places.conf()
    }

    /// Where the logs are.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.places.log()
    }

    /// The log of one of the processes, and what it printed.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn logs_of(&self, role: Role) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.logs())? {
            let entry = entry?;
            let is_its = entry.file_name().to_string_lossy().contains(role.name());
            if is_its && entry.metadata()?.len() > 0 {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Submits one of the lab's jobs through Flink's client.
    ///
    /// # Errors
    /// When the jobs do not compile, or Flink refuses.
    pub fn submit(&self, main_class: &str, arguments: &[&str]) -> Result<JobId> {
        let launch = Launch {
            jdk: &self.jdk,
            home: &self.home,
            places: &self.places,
            options: Vec::new(),
            environment: Vec::new(),
            cgroups: Vec::new(),
        };
        let output = launch
            .client()?
            .args(["run", "--detached", "--class", main_class])
            .arg(javac::jobs(&self.home)?)
            .args(arguments)
            .output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        JobId::in_client_output(&stdout).with_context(|| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            format!("{main_class} was not accepted:\n{stdout}\n{stderr}")
        })
    }

    /// Submits one of the lab's jobs through the JobManager, which runs its main method: quicker than a client.
    ///
    /// # Errors
    /// When the jobs do not compile, or Flink refuses.
    pub fn submit_by_rest(&self, main_class: &str, arguments: &[&str]) -> Result<JobId> {
        let jar = match self.uploaded.get() {
            Some(jar) => jar,
            None => {
                let jar = self.rest.upload(&javac::jobs(&self.home)?)?;
                self.uploaded.get_or_init(|| jar)
            }
        };
        self.rest.run(jar, main_class, arguments)
    }

    /// Waits until the job is in one of `states`, and says in which.
    ///
    /// # Errors
    /// When it does not get there, with the ends of the logs.
    pub fn wait_for_job(&self, job: &JobId, states: &[&str], deadline: Duration) -> Result<String> {
        let what = format!("the job to be one of {states:?}");
        let found = wait_for(&what, deadline, || {
            let state = self.rest.job_state(job)?;
            let final_state = ["FAILED", "FINISHED", "CANCELED"].contains(&state.as_str());
            if states.contains(&state.as_str()) {
                Ok(Some(state))
            } else if final_state {
                bail!("the job is {state}, while waiting for {what}")
            } else {
                Ok(None)
            }
        });
        found.with_context(|| self.ends_of_logs())
    }

    /// Asks the TaskManager to end and waits for it.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_taskmanager(&mut self) -> Result<ExitStatus> {
        self.taskmanager.terminate()?;
        self.taskmanager.wait(PATIENCE)
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let up = wait_for("the TaskManager to register", PATIENCE, || {
            for process in [&mut self.jobmanager, &mut self.taskmanager] {
                let ended = process.status()?;
                ensure!(ended.is_none(), "a process of the cluster ended: {ended:?}");
            }
            // Refused until the JobManager listens.
            let registered = self.rest.taskmanagers().unwrap_or(0);
            Ok((registered > 0).then_some(()))
        });
        up.with_context(|| self.ends_of_logs())
    }

    /// The ends of the logs, for errors.
    #[must_use]
    pub fn ends_of_logs(&self) -> String {
        let mut text = String::new();
        for role in [Role::JobManager, Role::TaskManager] {
            for extension in ["log", "out", "err"] {
                let name = format!("flink-{}.{extension}", role.name());
                text.push_str(&format!("--- {name}\n{}\n", tail(&self.logs().join(&name))));
            }
        }
        text
    }
}

/// The last lines of a file.
fn tail(path: &Path) -> String {
    const LINES: usize = 40;
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
