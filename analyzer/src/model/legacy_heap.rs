//! The heap options of the model before 1.10, as 1.10 to 1.20 translate them.
//!
//! Standalone scripts read them as Flink's memory (the JobManager's: heap); on YARN and Kubernetes they mean the whole
//! container.

use super::jobmanager;
use super::memory_size::MemorySize;
use super::note::Note;
use super::options::{FlinkOption, jm, tm};
use super::question::{Deployment, Environment, Process};
use super::reader::Reader;
use super::refusal::Refusal;
use super::settings::{Settings, Source};

const TASK_MANAGER_PREFIX: &str =
    "TaskManager failed to map legacy JVM heap option to the new one: ";

/// The new option that stands for a legacy heap, with its value; none if the new option is set, or no legacy one is.
pub(crate) fn translate(
    reader: &Reader<'_>,
    process: Process,
    deployment: Deployment,
    environment: &Environment,
) -> Result<Option<Settings>, Refusal> {
    let target = target(process, deployment);
    if !reader.behaviour.legacy_options || reader.has(&target) {
        return Ok(None);
    }
    let prefix = match process {
        Process::TaskManager if reader.behaviour.task_manager_prefix => TASK_MANAGER_PREFIX,
        Process::JobManager if reader.behaviour.job_manager_prefix => jobmanager::PREFIX,
        _ => "",
    };
    let found = find(reader, process, environment).map_err(|refusal| match prefix {
        "" => refusal,
        prefix => refusal.wrapped(prefix),
    })?;
    let Some((size, source)) = found else {
        return Ok(None);
    };
    reader.note(Note::info(format!(
        "'{}' is not specified, use the configured deprecated task manager heap value ({size}) for it.",
        target.key
    )));
    let mut settings = reader.settings.clone();
    settings.set(target.key, format!("{}b", size.bytes()), source);
    Ok(Some(settings))
}

fn target(process: Process, deployment: Deployment) -> FlinkOption {
    match (process, deployment) {
        (Process::TaskManager, Deployment::Container) => tm::PROCESS,
        (Process::TaskManager, _) => tm::FLINK,
        (Process::JobManager, Deployment::Container) => jm::PROCESS,
        (Process::JobManager, _) => jm::HEAP,
    }
}

/// The environment variable, the size, or the mebibytes: the first that is there.
fn find(
    reader: &Reader<'_>,
    process: Process,
    environment: &Environment,
) -> Result<Option<(MemorySize, Source)>, Refusal> {
    let (size, mebibytes) = match process {
        Process::TaskManager => (tm::LEGACY_HEAP, tm::LEGACY_HEAP_MB),
        Process::JobManager => (jm::LEGACY_HEAP, jm::LEGACY_HEAP_MB),
    };
    if let Some((name, text)) = environment.legacy_heap(process) {
        let size = MemorySize::parse(text).map_err(|cause| {
            let message = format!(
                "Cannot read total process memory size from environment variable value {text}."
            );
            Refusal::configuration(message).caused_by(cause)
        })?;
        let name = name.to_owned();
        return Ok(Some((size, Source::Environment { name })));
    }
    if let Some(found) = reader.size(&size)? {
        return Ok(Some((found, source_of(reader, &size))));
    }
    let Some(number) = reader.int(&mebibytes)? else {
        return Ok(None);
    };
    let number = u64::try_from(number).map_err(|_| {
        let message =
            format!("Configured total process memory size ({number}MB) must not be less than 0.");
        Refusal::configuration(message).about(&[mebibytes.key])
    })?;
    let size = MemorySize::from_mebibytes(number);
    Ok(Some((size, source_of(reader, &mebibytes))))
}

fn source_of(reader: &Reader<'_>, option: &FlinkOption) -> Source {
    let setting = reader.settings.find(option);
    setting.map_or(Source::Given, |(_, setting)| setting.source.clone())
}
