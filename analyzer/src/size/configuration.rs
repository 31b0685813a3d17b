//! Needs to options, and the proof by deriving them again.

use super::Derived;
use crate::budget::Pools;
use crate::model::options::{FlinkOption, jm, tm};
use crate::model::{MemorySize, Process, Question, Settings, Source, derive};
use crate::plan::changed_options;
use crate::units::round_up;
use std::collections::BTreeMap;

/// Why there are no sizes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDerived {
    /// The present configuration is not known.
    #[error(
        "the pools that the process was started with do not add up to a configuration; give it with --conf"
    )]
    NoConfiguration,
    /// The model before 1.10 (JobManagers: 1.11) has no pools that could be sized one by one.
    #[error("this version of Flink has no options for single pools; use flinkmem plan")]
    NoPools,
    /// Flink would refuse the sizes.
    #[error("Flink would refuse the sizes: {0}")]
    Refused(String),
    /// The configuration fixes something else that keeps a pool below its need.
    #[error("with the rest of the configuration {pool} derives to less than its need")]
    NotMet {
        /// The pool.
        pool: &'static str,
    },
}

const MIB: u64 = 1 << 20;

/// The configuration, around `present`, that gives every pool its need, and everything else no more than it has.
///
/// # Errors
/// [`NotDerived`].
pub fn derived(
    present: Option<&Question>,
    needs: &BTreeMap<&'static str, u64>,
    before: &Pools,
) -> Result<Derived, NotDerived> {
    let present = present.ok_or(NotDerived::NoConfiguration)?;
    let mut question = present.clone();
    let sizes = match present.process {
        Process::TaskManager => task_manager(needs, before),
        Process::JobManager => job_manager(needs),
    };
    for option in decided(present.process) {
        question.settings.remove_option(option);
    }
    for (option, bytes) in sizes {
        let size = MemorySize::from_bytes(bytes).to_option();
        question.settings.set(option.key, size, Source::Given);
    }
    let refused =
        |refused: Box<crate::model::Refused>| NotDerived::Refused(refused.refusal.message);
    let answer = derive(&question).map_err(refused)?;
    let after = Pools::of(&answer.model);
    if after.jvm_overhead.is_none() {
        return Err(NotDerived::NoPools);
    }
    for (pool, need) in needs {
        if after.size(pool) < Some(*need) {
            return Err(NotDerived::NotMet { pool });
        }
    }
    let (config, remove) = changes(&present.settings, &question);
    Ok(Derived {
        config,
        remove,
        after,
    })
}

/// A whole configuration names what stays as well: what it sets, and what must go.
fn changes(present: &Settings, question: &Question) -> (BTreeMap<String, String>, Vec<String>) {
    let decided = decided(question.process);
    let config = decided
        .iter()
        .filter_map(|option| {
            let setting = question.settings.get(option.key)?;
            Some((option.key.to_owned(), setting.value.to_string()))
        })
        .collect();
    let gone = changed_options(present, &question.settings).into_iter();
    let remove = gone.filter(|(_, _, to)| to.is_none()).map(|(key, ..)| key);
    (config, remove.collect())
}

/// The options that say how large pools are: all that are not set are taken out.
fn decided(process: Process) -> &'static [FlinkOption] {
    const TASK_MANAGER: &[FlinkOption] = &[
        tm::PROCESS,
        tm::FLINK,
        tm::FRAMEWORK_HEAP,
        tm::TASK_HEAP,
        tm::FRAMEWORK_OFF_HEAP,
        tm::TASK_OFF_HEAP,
        tm::MANAGED,
        tm::MANAGED_FRACTION,
        tm::NETWORK_MIN,
        tm::NETWORK_MAX,
        tm::NETWORK_FRACTION,
        tm::NUMBER_OF_BUFFERS,
        tm::METASPACE,
        tm::OVERHEAD_MIN,
        tm::OVERHEAD_MAX,
        tm::OVERHEAD_FRACTION,
        tm::LEGACY_HEAP,
        tm::LEGACY_HEAP_MB,
    ];
    const JOB_MANAGER: &[FlinkOption] = &[
        jm::PROCESS,
        jm::FLINK,
        jm::HEAP,
        jm::OFF_HEAP,
        jm::METASPACE,
        jm::OVERHEAD_MIN,
        jm::OVERHEAD_MAX,
        jm::OVERHEAD_FRACTION,
        jm::LEGACY_HEAP,
        jm::LEGACY_HEAP_MB,
    ];
    match process {
        Process::TaskManager => TASK_MANAGER,
        Process::JobManager => JOB_MANAGER,
    }
}

/// Every pool but the task heap is fixed, and the process is their sum: the task heap is what is left, which is its need.
fn task_manager(needs: &BTreeMap<&str, u64>, before: &Pools) -> Vec<(FlinkOption, u64)> {
    let need = |pool: &str| round_up(needs.get(pool).copied().unwrap_or(0), MIB);
    let framework_heap = round_up(before.framework_heap.unwrap_or(128 * MIB), MIB);
    let heap = need("jvm_heap").max(framework_heap.saturating_add(LEAST_TASK_HEAP));
    let parts = [
        (tm::FRAMEWORK_OFF_HEAP, need("framework_off_heap")),
        (tm::TASK_OFF_HEAP, need("task_off_heap")),
        (tm::MANAGED, need("managed")),
        (tm::METASPACE, need("jvm_metaspace")),
        (tm::NETWORK_MIN, need("network")),
        (tm::OVERHEAD_MIN, need("jvm_overhead")),
    ];
    let sum = parts
        .iter()
        .fold(heap, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let mut sizes = vec![
        (tm::PROCESS, sum),
        (tm::FRAMEWORK_HEAP, framework_heap),
        (tm::NETWORK_MAX, need("network")),
        (tm::OVERHEAD_MAX, need("jvm_overhead")),
    ];
    sizes.extend(parts);
    sizes
}

/// Flink's own code runs in the task heap too.
const LEAST_TASK_HEAP: u64 = 64 * MIB;

fn job_manager(needs: &BTreeMap<&str, u64>) -> Vec<(FlinkOption, u64)> {
    let need = |pool: &str| round_up(needs.get(pool).copied().unwrap_or(0), MIB);
    // Flink warns below it.
    let heap = need("jvm_heap").max(128 * MIB);
    let parts = [
        (jm::OFF_HEAP, need("off_heap")),
        (jm::METASPACE, need("jvm_metaspace")),
        (jm::OVERHEAD_MIN, need("jvm_overhead")),
    ];
    let sum = parts
        .iter()
        .fold(heap, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let mut sizes = vec![(jm::PROCESS, sum), (jm::OVERHEAD_MAX, need("jvm_overhead"))];
    sizes.extend(parts);
    sizes
}
