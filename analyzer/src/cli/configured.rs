//! The arguments that say which configuration of which process is meant; shared by the commands that derive one.

use crate::configuration::{
    LoadError, Loaded, Observed, from_command_line, from_log_head, from_trace_header, load,
    parse_dynamic, version_beside,
};
use crate::model::changes::Behaviour;
use crate::model::{
    Deployment, Environment, FlinkVersion, Note, Process, Question, Refusal, Settings, Source,
};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use flinkmem_trace::TraceReader;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Which configuration of which process.
#[derive(Debug, Clone, Args)]
pub(super) struct ConfiguredArguments {
    /// Which process: started by Flink's scripts, in a container (YARN, Kubernetes), or inside another JVM
    #[arg(long, value_enum)]
    pub(super) process: Option<ProcessName>,
    #[command(flatten)]
    pub(super) given: GivenArguments,
    /// `FLINK_TM_HEAP` or `FLINK_JM_HEAP` as the start script saw it
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) env: Vec<String>,
    /// Log whose head tells the configuration and what Flink made of it
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
    /// Trace whose header tells what the process was started with
    #[arg(long, value_name = "DIR")]
    pub(super) trace: Option<PathBuf>,
    /// Running process whose command line tells what it was started with
    #[arg(long, value_name = "PID")]
    pub(super) pid: Option<u32>,
    /// The container, MiB; sizes the processes of 1.9 and older
    #[arg(long, value_name = "MIB")]
    pub(super) container_mb: Option<u64>,
}

/// The configuration that whoever asks gives beside what the process tells of itself.
#[derive(Debug, Clone, Args)]
pub(super) struct GivenArguments {
    /// Flink's version; otherwise that of the log, the trace, the process or the distribution around the configuration
    #[arg(long, value_name = "V")]
    pub(super) flink_version: Option<FlinkVersion>,
    /// Configuration folder or file, instead of what the process tells of itself
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) conf: Option<PathBuf>,
    /// An option, over those of the file or else over the recorded ones; may be repeated
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub(super) dynamic: Vec<String>,
}

/// Options for one version, with what Flink logs while it reads them.
pub(super) struct Options {
    pub(super) version: FlinkVersion,
    pub(super) settings: Settings,
    pub(super) loading: Vec<Note>,
}

impl GivenArguments {
    /// Whether nothing is given.
    pub(super) fn is_empty(&self) -> bool {
        self.flink_version.is_none() && self.conf.is_none() && self.dynamic.is_empty()
    }

    /// The options that are meant: of the file, otherwise what the process says of itself; `-D` goes over either.
    ///
    /// # Errors
    /// When an input cannot be used.
    pub(super) fn read(
        &self,
        observed: &Observed,
    ) -> anyhow::Result<Result<Options, Box<Refusal>>> {
        let version = self.version(observed);
        let loaded = match &self.conf {
            None => Loaded {
                settings: observed_settings(observed),
                notes: Vec::new(),
            },
            Some(path) => match load(path, &Behaviour::of(version)) {
                Ok(loaded) => loaded,
                Err(LoadError::Refused(refusal)) => return Ok(Err(refusal)),
                Err(error) => return Err(error.into()),
            },
        };
        let mut settings = loaded.settings;
        let dynamic = self.dynamic.iter().map(String::as_str);
        settings.override_with(parse_dynamic(dynamic, &Source::Dynamic)?);
        Ok(Ok(Options {
            version,
            settings,
            loading: loaded.notes,
        }))
    }

    /// The version that was told or found; the newest known, and a word about it, where none was.
    fn version(&self, observed: &Observed) -> FlinkVersion {
        let newest = FlinkVersion::NEWEST_CHECKED;
        let beside = || self.conf.as_deref().and_then(version_beside);
        match self.flink_version.or(observed.version).or_else(beside) {
            Some(version) => {
                if (version.major, version.minor) > (newest.major, newest.minor) {
                    eprintln!(
                        "flinkmem: Flink {version} is newer than {newest}, up to which the model was checked"
                    );
                }
                version
            }
            None => {
                eprintln!(
                    "flinkmem: Flink's version is not known, taking {newest}; tell it with --flink-version"
                );
                newest
            }
        }
    }
}

/// A process and how it is started, by one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProcessName {
    /// A TaskManager of the start scripts.
    Tm,
    /// A JobManager of the start scripts.
    Jm,
    /// A TaskManager in a container.
    TmContainer,
    /// A JobManager in a container.
    JmContainer,
    /// A TaskManager inside another JVM: a test, an IDE.
    TmLocal,
}

impl ProcessName {
    /// The two things that the name says.
    #[must_use]
    pub(super) fn parts(self) -> (Process, Deployment) {
        match self {
            Self::Tm => (Process::TaskManager, Deployment::Standalone),
            Self::Jm => (Process::JobManager, Deployment::Standalone),
            Self::TmContainer => (Process::TaskManager, Deployment::Container),
            Self::JmContainer => (Process::JobManager, Deployment::Container),
            Self::TmLocal => (Process::TaskManager, Deployment::Local),
        }
    }
}

/// A configuration, read.
#[derive(Debug)]
pub(super) struct Configured {
    /// What to derive.
    pub(super) question: Question,
    /// What the process says of itself, where one was asked.
    pub(super) observed: Observed,
    /// What Flink logs while it reads the files.
    pub(super) loading: Vec<Note>,
}

/// A configuration that is read, or that Flink would refuse to read.
pub(super) type Reading = Result<Configured, Box<Refusal>>;

/// The bytes of a log that are read for its head.
const LOG_HEAD: u64 = 4 << 20;

impl ConfiguredArguments {
    /// Reads everything that the arguments name.
    ///
    /// # Errors
    /// When an input cannot be used.
    pub(super) fn read(&self) -> anyhow::Result<Reading> {
        let observed = self.observe()?;
        let options = match self.given.read(&observed)? {
            Ok(options) => options,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (process, deployment) = self.process.map_or_else(
            || {
                (
                    observed.process.unwrap_or(Process::TaskManager),
                    Deployment::Standalone,
                )
            },
            ProcessName::parts,
        );
        let question = Question {
            deployment,
            environment: self.environment()?,
            container_mb: self.container_mb,
            ..Question::new(options.version, process, options.settings)
        };
        Ok(Ok(Configured {
            question,
            observed,
            loading: options.loading,
        }))
    }

    fn environment(&self) -> anyhow::Result<Environment> {
        let mut environment = Environment::default();
        for variable in &self.env {
            match variable.split_once('=') {
                Some(("FLINK_TM_HEAP", value)) => environment.tm_heap = Some(value.to_owned()),
                Some(("FLINK_JM_HEAP", value)) => environment.jm_heap = Some(value.to_owned()),
                _ => bail!("`{variable}` is not FLINK_TM_HEAP=SIZE or FLINK_JM_HEAP=SIZE"),
            }
        }
        Ok(environment)
    }

    fn observe(&self) -> anyhow::Result<Observed> {
        if let Some(path) = &self.log {
            return observe_log(path);
        }
        if let Some(path) = &self.trace {
            let reader = TraceReader::open(path)?;
            return Ok(from_trace_header(reader.header()));
        }
        if let Some(pid) = self.pid {
            return observe_process(pid);
        }
        Ok(Observed::default())
    }
}

/// What the process itself says was configured; otherwise what it was started with.
fn observed_settings(observed: &Observed) -> Settings {
    match observed.configured.is_empty() {
        true => observed.resolved.clone(),
        false => observed.configured.clone(),
    }
}

fn observe_log(path: &Path) -> anyhow::Result<Observed> {
    let context = || format!("cannot read {}", path.display());
    let mut head = Vec::new();
    let file = std::fs::File::open(path).with_context(context)?;
    file.take(LOG_HEAD)
        .read_to_end(&mut head)
        .with_context(context)?;
    let observed = from_log_head(&String::from_utf8_lossy(&head));
    if observed.is_empty() {
        bail!(
            "{} has no head of a Flink log: it tells nothing about memory",
            path.display()
        );
    }
    Ok(observed)
}

fn observe_process(pid: u32) -> anyhow::Result<Observed> {
    let path = format!("/proc/{pid}/cmdline");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let observed = from_command_line(text.split('\0').filter(|word| !word.is_empty()));
    if observed.process.is_none() {
        bail!("process {pid} is neither a TaskManager nor a JobManager");
    }
    Ok(observed)
}
