//! A JVM that runs one of the lab's programs, with or without the agent.
//!
//! Each has a directory of its own: the working directory, with `stdout`, `stderr` and, under `traces/`, the trace.

use crate::cgroup::Cgroup;
use crate::process::Process;
use crate::trace::Trace;
use crate::wait::{PATIENCE, wait_for};
use crate::{Jdk, artefacts, javac};
use anyhow::{Context, Result, bail};
use flinkmem_trace::control::{SNAPSHOT_REQUEST, SNAPSHOT_UNDER_WAY};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// A JVM to be started.
#[derive(Debug)]
pub struct Jvm {
    java: PathBuf,
    agent: Option<Agent>,
    options: Vec<OsString>,
    /// In place of the lab's programs.
    class_path: Option<String>,
    main_class: String,
    arguments: Vec<String>,
    environment: Vec<(String, OsString)>,
    cgroups: Vec<File>,
}

#[derive(Debug)]
enum Agent {
    /// The trace goes to `traces/` of the JVM's directory; these options are added.
    With(String),
    /// Exactly these options.
    Exactly(String),
    /// As `With`, the build that fails where `$FLINKMEM_FAULT` says.
    Failing(String),
}

impl Jvm {
    /// A JVM that runs `main_class` of the lab's programs, without the agent.
    #[must_use]
    pub fn new(jdk: &Jdk, main_class: &str) -> Self {
        Self {
            java: jdk.tool("java"),
            agent: None,
            options: Vec::new(),
            class_path: None,
            main_class: main_class.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            cgroups: Vec::new(),
        }
    }

    /// With the agent, its trace in the JVM's directory, and these further options (which may be empty).
    #[must_use]
    pub fn agent(mut self, options: &str) -> Self {
        self.agent = Some(Agent::With(options.to_owned()));
        self
    }

    /// With the agent and exactly this option string.
    #[must_use]
    pub fn agent_exactly(mut self, options: &str) -> Self {
        self.agent = Some(Agent::Exactly(options.to_owned()));
        self
    }

    /// With the agent that fails at `point`, and these further options.
    #[must_use]
    pub fn failing_agent(mut self, point: &str, options: &str) -> Self {
        self.agent = Some(Agent::Failing(options.to_owned()));
        self.environment("FLINKMEM_FAULT", point)
    }

    /// With that class path, in place of the lab's programs.
    #[must_use]
    pub fn class_path(mut self, class_path: String) -> Self {
        self.class_path = Some(class_path);
        self
    }

    /// Options of the JVM.
    #[must_use]
    pub fn options<'a>(mut self, options: impl IntoIterator<Item = &'a str>) -> Self {
        self.options.extend(options.into_iter().map(OsString::from));
        self
    }

    /// Arguments of the program.
    #[must_use]
    pub fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// In `cgroup`, which must outlive the JVM.
    ///
    /// # Errors
    /// When the group cannot be entered.
    pub fn within(mut self, cgroup: &Cgroup) -> Result<Self> {
        self.cgroups.push(cgroup.procs()?);
        Ok(self)
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the agent is not built, the programs do not compile or the JVM cannot be started.
    pub fn start(self) -> Result<Running> {
        let directory = tempfile::Builder::new().prefix("flinkmem-lab-").tempdir()?;
        let path = directory.path();

        let mut command = Command::new(&self.java);
        let traces = path.join("traces");
        match &self.agent {
            None => {}
            Some(Agent::With(options)) => {
                command.arg(artefacts::agent_argument(Some(&traces), options)?);
            }
            Some(Agent::Exactly(options)) => {
                command.arg(artefacts::agent_argument(None, options)?);
            }
            Some(Agent::Failing(options)) => {
                command.arg(artefacts::failing_agent_argument(&traces, options)?);
            }
        }
        let class_path = match &self.class_path {
            Some(class_path) => class_path.into(),
            None => javac::programs()?.into_os_string(),
        };
        command
            .args(&self.options)
            .arg("-cp")
            .arg(class_path)
            .arg(&self.main_class)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(path)
            .stdin(Stdio::piped())
            .stdout(File::create(path.join("stdout"))?)
            .stderr(File::create(path.join("stderr"))?);
        let mut process = Process::start(&mut command, self.cgroups)?;
        let stdin = process.take_stdin();
        Ok(Running {
            process,
            directory,
            stdin,
            steps_seen: 0,
        })
    }

    /// Starts it, lets it run through all its steps once the agent has sampled it, and waits for its end. The program must
    /// begin with a step that pauses.
    ///
    /// # Errors
    /// When it cannot be started, is not sampled or does not end.
    pub fn run_observed(self) -> Result<Finished> {
        let mut running = self.start()?;
        running.wait_for_trace("the first sample", |trace| {
            (!trace.samples.is_empty()).then_some(())
        })?;
        running.go_on_without_waiting()?;
        running.finish()
    }

    /// Starts it, lets it run through all its steps, and waits for its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end.
    pub fn run(self) -> Result<Finished> {
        let mut running = self.start()?;
        running.go_on_without_waiting()?;
        running.finish()
    }
}

/// A JVM that was started. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    process: Process,
    directory: TempDir,
    stdin: Option<ChildStdin>,
    steps_seen: usize,
}

/// One line that a program said with `Steps.say`: its name, when, and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// First word.
    pub name: String,
    /// Wall clock of the program, milliseconds since the epoch.
    pub t_ms: i64,
    /// The other words.
    pub values: Vec<String>,
}

impl Step {
    /// A line's step, if it is one.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let t_ms = words.next()?.parse().ok()?;
        let values = words.map(str::to_owned).collect();
        Some(Self { name, t_ms, values })
    }

    /// A value that is a number.
    ///
    /// # Errors
    /// When there is none at that place.
    pub fn number(&self, index: usize) -> Result<u64> {
        let value = self.values.get(index);
        let value = value.with_context(|| format!("{self:?} has no value {index}"))?;
        value.parse().with_context(|| format!("in {self:?}"))
    }
}

impl Running {
    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The JVM's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The JVM's process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it printed so far.
    ///
    /// # Errors
    /// When its output cannot be read.
    pub fn stdout(&self) -> Result<String> {
        read(&self.directory.path().join("stdout"))
    }

    /// What it printed on stderr so far.
    ///
    /// # Errors
    /// When its output cannot be read.
    pub fn stderr(&self) -> Result<String> {
        read(&self.directory.path().join("stderr"))
    }

    /// Waits for the program's next step, which must be called `name`.
    ///
    /// # Errors
    /// When the next step is another one, or the program ends or hangs before it.
    pub fn step(&mut self, name: &str) -> Result<Step> {
        let what = format!("step {name:?}");
        let found = wait_for(&what, PATIENCE, || {
            // In this order: what a program printed before it ended must not be missed.
            let ended = self.process.status()?;
            let stdout = self.stdout()?;
            let whole = stdout.rfind('\n').map_or("", |end| &stdout[..end]);
            let step = whole.lines().filter_map(Step::parse).nth(self.steps_seen);
            match (step, ended) {
                (None, Some(status)) => bail!("ended with {status} before {what}"),
                (step, _) => Ok(step),
            }
        });
        let step = found.with_context(|| self.outputs())?;
        if step.name != name {
            bail!("expected {what}, found {step:?}");
        }
        self.steps_seen += 1;
        Ok(step)
    }

    /// Lets a program that pauses go on.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn go_on(&mut self) -> Result<()> {
        let stdin = self
            .stdin
            .as_mut()
            .context("the program's input is closed")?;
        stdin.write_all(b"\n").context("the program is gone")
    }

    /// The trace as it is now.
    ///
    /// # Errors
    /// When there is none or it cannot be read.
    pub fn trace(&self) -> Result<Trace> {
        Trace::open(&self.directory.path().join("traces"))
    }

    /// Waits until the trace is as wanted.
    ///
    /// # Errors
    /// When it does not become so, or the JVM ends before.
    pub fn wait_for_trace<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Trace) -> Option<T>,
    ) -> Result<T> {
        let found = wait_for(what, PATIENCE, || {
            let ended = self.process.status()?;
            let found = self.trace().ok().as_ref().and_then(&mut look);
            match (found, ended) {
                (None, Some(status)) => bail!("ended with {status} before {what}"),
                (found, _) => Ok(found),
            }
        });
        found.with_context(|| self.outputs())
    }

    /// Has the agent take everything, and gives the trace when it has.
    ///
    /// # Errors
    /// When there is no trace, the agent does not take up the request, or the JVM ends before.
    pub fn demand(&mut self) -> Result<Trace> {
        let directory = self.wait_for_trace("a trace", |trace| Some(trace.directory.clone()))?;
        let [left, under_way] =
            [SNAPSHOT_REQUEST, SNAPSHOT_UNDER_WAY].map(|name| directory.join(name));
        // Exact counts are compared: however busy the machine, the walk is to be complete.
        std::fs::write(&left, "10000")?;
        self.wait_for_trace("what was asked for", |_| {
            // In this order: the one becomes the other.
            (!left.exists() && !under_way.exists()).then_some(())
        })?;
        self.trace()
    }

    /// Waits for the program's end.
    ///
    /// # Errors
    /// When it does not end.
    pub fn finish(mut self) -> Result<Finished> {
        let status = self
            .process
            .wait(PATIENCE)
            .with_context(|| self.outputs())?;
        self.finished(status)
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// When its output cannot be read.
    pub fn kill(mut self) -> Result<Finished> {
        let status = self.process.kill()?;
        self.finished(status)
    }

    fn finished(self, status: ExitStatus) -> Result<Finished> {
        Ok(Finished {
            status,
            stdout: self.stdout()?,
            stderr: self.stderr()?,
            directory: self.directory,
        })
    }

    /// Permission for more steps than any program has.
    fn go_on_without_waiting(&mut self) -> Result<()> {
        let stdin = self
            .stdin
            .as_mut()
            .context("the program's input is closed")?;
        // A program that is already gone needs none.
        let _ = stdin.write_all(&[b'\n'; 100]);
        Ok(())
    }

    fn outputs(&self) -> String {
        let text = |output: Result<String>| output.unwrap_or_default();
        format!(
            "stdout:\n{}\nstderr:\n{}",
            text(self.stdout()),
            text(self.stderr())
        )
    }
}

/// A JVM that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it printed on stderr.
    pub stderr: String,
    directory: TempDir,
}

impl Finished {
    /// The JVM's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The steps that the program said.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.stdout.lines().filter_map(Step::parse).collect()
    }

    /// The trace that it left.
    ///
    /// # Errors
    /// When there is none or it cannot be read.
    pub fn trace(&self) -> Result<Trace> {
        Trace::open(&self.directory.path().join("traces")).with_context(|| self.stderr.clone())
    }
}

fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
