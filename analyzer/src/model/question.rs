//! What can be asked of the model, and its answer.

use super::changes::Behaviour;
use super::jobmanager::{self, JobManagerModel};
use super::legacy::{self, ContainerModel, ShellModel};
use super::legacy_heap;
use super::note::Note;
use super::reader::Reader;
use super::refusal::Refusal;
use super::settings::Settings;
use super::shares::{self, Shares};
use super::taskmanager::{self, TaskManagerModel};
use super::version::FlinkVersion;

/// Which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Process {
    /// Runs tasks.
    TaskManager,
    /// Runs the cluster.
    JobManager,
}

/// How the process is started; it decides what the legacy heap options mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Deployment {
    /// By Flink's start scripts.
    #[default]
    Standalone,
    /// By YARN or Kubernetes.
    Container,
    /// Inside another JVM: a test, an IDE.
    Local,
}

/// The environment variables that matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// `FLINK_TM_HEAP`.
    pub tm_heap: Option<String>,
    /// `FLINK_JM_HEAP`.
    pub jm_heap: Option<String>,
}

impl Environment {
    /// The variable that holds the legacy heap of `process`.
    pub(crate) fn legacy_heap(&self, process: Process) -> Option<(&'static str, &str)> {
        let (name, value) = match process {
            Process::TaskManager => ("FLINK_TM_HEAP", &self.tm_heap),
            Process::JobManager => ("FLINK_JM_HEAP", &self.jm_heap),
        };
        value.as_deref().map(|text| (name, text))
    }
}

/// A configuration to derive.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The Flink release.
    pub version: FlinkVersion,
    /// Which process.
    pub process: Process,
    /// How it is started.
    pub deployment: Deployment,
    /// The options.
    pub settings: Settings,
    /// The environment.
    pub environment: Environment,
    /// The container, mebibytes; used by the heap cut-off of 1.9 and the JobManager's of 1.10.
    pub container_mb: Option<u64>,
}

impl Question {
    /// A configuration of a process started by Flink's scripts.
    #[must_use]
    pub fn new(version: FlinkVersion, process: Process, settings: Settings) -> Self {
        Self {
            version,
            process,
            deployment: Deployment::Standalone,
            settings,
            environment: Environment::default(),
            container_mb: None,
        }
    }
}

/// What Flink derives.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// A TaskManager since 1.10.
    TaskManager(Box<TaskManagerModel>),
    /// A JobManager since 1.11.
    JobManager(Box<JobManagerModel>),
    /// A process of the start scripts before.
    Shell(ShellModel),
    /// A process in a container before.
    Container(ContainerModel),
}

impl Model {
    /// The JVM arguments that Flink uses.
    #[must_use]
    pub fn jvm_args(&self) -> String {
        match self {
            Self::TaskManager(model) => model.jvm_args(),
            Self::JobManager(model) => model.jvm_args(),
            Self::Shell(model) => model.jvm_args.clone(),
            Self::Container(model) => model.jvm_args(),
        }
    }
}

/// An accepted configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Every pool.
    pub model: Model,
    /// A TaskManager's shares per slot and consumer.
    pub shares: Option<Box<Shares>>,
    /// What Flink logs on the way.
    pub notes: Vec<Note>,
}

/// A refused configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// What Flink logs on the way.
    pub notes: Vec<Note>,
}

/// Derives a configuration as Flink would.
///
/// # Errors
/// [`Refused`] when Flink would not start with it. Boxed, for it is rare and large.
pub fn derive(question: &Question) -> Result<Answer, Box<Refused>> {
    let behaviour = Behaviour::of(question.version);
    let reader = Reader::new(&question.settings, &behaviour);
    match derive_with(&reader, question) {
        Ok((model, shares, mut more)) => {
            let mut notes = reader.into_notes();
            more.retain(|note| !notes.contains(note));
            notes.append(&mut more);
            Ok(Answer {
                model,
                shares,
                notes,
            })
        }
        Err(refusal) => Err(Box::new(Refused {
            refusal,
            notes: reader.into_notes(),
        })),
    }
}

type Outcome = Result<(Model, Option<Box<Shares>>, Vec<Note>), Refusal>;

fn derive_with(reader: &Reader<'_>, question: &Question) -> Outcome {
    let pools = match question.process {
        Process::TaskManager => reader.behaviour.task_manager_pools,
        Process::JobManager => reader.behaviour.job_manager_pools,
    };
    if !pools {
        return legacy::derive(reader, question).map(|model| (model, None, Vec::new()));
    }
    let translated = legacy_heap::translate(
        reader,
        question.process,
        question.deployment,
        &question.environment,
    )?;
    match &translated {
        None => derive_pools(reader, question.process),
        Some(settings) => {
            let inner = Reader::new(settings, reader.behaviour);
            let outcome = derive_pools(&inner, question.process);
            let notes = inner.into_notes();
            match outcome {
                Ok((model, shares, _)) => Ok((model, shares, notes)),
                Err(refusal) => {
                    notes.into_iter().for_each(|note| reader.note(note));
                    Err(refusal)
                }
            }
        }
    }
}

fn derive_pools(reader: &Reader<'_>, process: Process) -> Outcome {
    Ok(match process {
        Process::TaskManager => {
            let model = taskmanager::derive(reader)?;
            let shares = shares::derive(reader, &model);
            (
                Model::TaskManager(Box::new(model)),
                Some(Box::new(shares)),
                Vec::new(),
            )
        }
        Process::JobManager => (
            Model::JobManager(Box::new(jobmanager::derive(reader)?)),
            None,
            Vec::new(),
        ),
    })
}
