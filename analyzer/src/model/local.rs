//! A TaskManager inside another JVM: a test, an IDE, a local environment.
//!
//! Nothing of it reaches the JVM: there are no flags, so these numbers must never be held against them.

use super::changes::Behaviour;
use super::memory_size::MemorySize;
use super::note::Note;
use super::options::{FlinkOption, tm};
use super::origin::Derived;
use super::reader::Reader;
use super::refusal::Refusal;
use super::settings::Settings;
use super::version::FlinkVersion;
use serde::Serialize;

/// The pools that a local TaskManager knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocalModel {
    /// Not a limit, only a number that operators may ask for.
    pub task_heap: Derived,
    /// The same.
    pub task_off_heap: Derived,
    /// Network buffers; allocated at the start.
    pub network: Derived,
    /// Managed memory; Flink's own accounting enforces it.
    pub managed: Derived,
    /// What Flink logs.
    #[serde(skip)]
    pub notes: Vec<Note>,
}

const WITHOUT_EFFECT: [FlinkOption; 8] = [
    tm::PROCESS,
    tm::FLINK,
    tm::FRAMEWORK_HEAP,
    tm::FRAMEWORK_OFF_HEAP,
    tm::METASPACE,
    tm::OVERHEAD_MIN,
    tm::OVERHEAD_MAX,
    tm::OVERHEAD_FRACTION,
];
const THAT_MATTER: [FlinkOption; 6] = [
    tm::CPU,
    tm::TASK_HEAP,
    tm::TASK_OFF_HEAP,
    tm::NETWORK_MIN,
    tm::NETWORK_MAX,
    tm::MANAGED,
];

impl LocalModel {
    /// Derives a local TaskManager's pools.
    ///
    /// # Errors
    /// Flink's refusal of a value.
    pub fn derive(version: FlinkVersion, settings: &Settings) -> Result<Self, Refusal> {
        let behaviour = Behaviour::of(version);
        let reader = Reader::new(settings, &behaviour);
        warn_of_options_without_effect(&reader);
        let unlimited = match version.is_since(1, 12) {
            true => MemorySize::from_mebibytes(1 << 20),
            false => MemorySize::MAX,
        };
        let size = |option, default| reader.size_or(option, default).map(Derived::new);
        let task_heap = size(&tm::TASK_HEAP, unlimited)?;
        let task_off_heap = size(
            &FlinkOption {
                default: None,
                ..tm::TASK_OFF_HEAP
            },
            unlimited,
        )?;
        let managed = size(&tm::MANAGED, MemorySize::from_mebibytes(128))?;
        let network = network(&reader)?;
        Ok(Self {
            task_heap,
            task_off_heap,
            network,
            managed,
            notes: reader.into_notes(),
        })
    }
}

/// The minimum and the maximum must be the same; one that is not set copies the other.
fn network(reader: &Reader<'_>) -> Result<Derived, Refusal> {
    let min = reader.size(&tm::NETWORK_MIN)?;
    let max = reader.size(&tm::NETWORK_MAX)?;
    if let (Some(min), Some(max)) = (min, max)
        && min != max
    {
        return Err(Refusal::configuration(format!(
            "The network memory min ({min}) and max ({max}) mismatch, the network memory has to be resolved and set to a fixed value \
             before task executor starts"
        ))
        .about(&[tm::NETWORK_MIN.key, tm::NETWORK_MAX.key]));
    }
    let option = if min.is_some() {
        tm::NETWORK_MIN
    } else {
        tm::NETWORK_MAX
    };
    let size = min.or(max).unwrap_or(MemorySize::from_mebibytes(64));
    Ok(Derived::new((size, reader.origin_of(&option))))
}

fn warn_of_options_without_effect(reader: &Reader<'_>) {
    let matter: Vec<&str> = THAT_MATTER.iter().map(|option| option.key).collect();
    for option in WITHOUT_EFFECT.iter().filter(|option| reader.has(option)) {
        reader.note(Note::warn(format!(
            "The resource configuration option {} is set but it will have no effect for local execution, \
             only the following options matter for the resource configuration: {}",
            option.print(),
            matter.join(", ")
        )));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derive(settings: &Settings) -> Result<LocalModel, Refusal> {
        LocalModel::derive(FlinkVersion::release(1, 20, 0), settings)
    }

    #[test]
    fn a_process_size_has_no_effect_and_is_warned_about() {
        let local = derive(&Settings::new().with("taskmanager.memory.process.size", "1g")).unwrap();
        assert_eq!(local.network.size, MemorySize::from_mebibytes(64));
        assert_eq!(local.managed.size, MemorySize::from_mebibytes(128));
        assert_eq!(local.notes.len(), 1);
    }

    #[test]
    fn one_network_bound_stands_for_both_and_two_must_agree() {
        let one = Settings::new().with("taskmanager.memory.network.max", "8m");
        assert_eq!(
            derive(&one).unwrap().network.size,
            MemorySize::from_mebibytes(8)
        );
        assert!(derive(&one.with("taskmanager.memory.network.min", "4m")).is_err());
    }
}
