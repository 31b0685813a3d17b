//! The configuration of a process as its user may have written it.
//!
//! Flink's start scripts hand every pool to the process as a fixed `-D` option. A change to one of those is none that
//! a user can make: it is the few options of the configuration file that have to change, and the others follow. The
//! fewest options that derive to the same pools are taken for what was written.

use super::Pools;
use crate::model::options::{FlinkOption, jm, tm};
use crate::model::{FlinkVersion, MemorySize, Process, Question, Settings, derive};

/// The smallest configuration, around the total, that derives to exactly these pools. `None` where they do not add up, or
/// no total is known.
#[must_use]
pub(super) fn as_written(
    version: FlinkVersion,
    process: Process,
    pools: &Pools,
    direct_limit: bool,
) -> Option<Question> {
    let (total, parts) = match process {
        Process::TaskManager => task_manager(pools),
        Process::JobManager => job_manager(pools),
    };
    let mut settings = Settings::new();
    let (option, bytes) = total?;
    put(&mut settings, &option, bytes);
    // Since it exists, a limit of the JVM's own is only there when it was asked for.
    if direct_limit && process == Process::JobManager {
        settings = settings.with(jm::DIRECT_LIMIT.key, "true");
    }
    let known: Vec<(Vec<FlinkOption>, u64)> = parts
        .into_iter()
        .filter_map(|(options, bytes)| Some((options, bytes?)))
        .collect();
    for (options, bytes) in &known {
        for option in options {
            put(&mut settings, option, *bytes);
        }
    }
    let mut question = Question::new(version, process, settings);
    if !derives_to(&question, pools) {
        return None;
    }
    for (options, _) in &known {
        let mut without = question.clone();
        for option in options {
            without.settings.remove_option(option);
        }
        if derives_to(&without, pools) {
            question = without;
        }
    }
    Some(question)
}

type Total = Option<(FlinkOption, u64)>;
type Parts = Vec<(Vec<FlinkOption>, Option<u64>)>;

/// The task heap is what the others leave.
fn task_manager(pools: &Pools) -> (Total, Parts) {
    let total = total(pools, tm::PROCESS, tm::FLINK);
    let parts = vec![
        (vec![tm::METASPACE], pools.jvm_metaspace),
        (vec![tm::OVERHEAD_MIN, tm::OVERHEAD_MAX], pools.jvm_overhead),
        (vec![tm::FRAMEWORK_HEAP], pools.framework_heap),
        (vec![tm::FRAMEWORK_OFF_HEAP], pools.framework_off_heap),
        (vec![tm::TASK_OFF_HEAP], pools.task_off_heap),
        (vec![tm::MANAGED], pools.managed),
        (vec![tm::NETWORK_MIN, tm::NETWORK_MAX], pools.network),
    ];
    (total, parts)
}

/// The heap is what the others leave.
fn job_manager(pools: &Pools) -> (Total, Parts) {
    let total = total(pools, jm::PROCESS, jm::FLINK);
    let parts = vec![
        (vec![jm::METASPACE], pools.jvm_metaspace),
        (vec![jm::OVERHEAD_MIN, jm::OVERHEAD_MAX], pools.jvm_overhead),
        (vec![jm::OFF_HEAP], pools.off_heap),
    ];
    (total, parts)
}

fn total(pools: &Pools, process: FlinkOption, flink: FlinkOption) -> Total {
    let of_process = pools.total_process.map(|bytes| (process, bytes));
    of_process.or_else(|| pools.total_flink.map(|bytes| (flink, bytes)))
}

fn put(settings: &mut Settings, option: &FlinkOption, bytes: u64) {
    let size = MemorySize::from_bytes(bytes).to_option();
    *settings = std::mem::take(settings).with(option.key, size);
}

/// Whether the model gives every pool that is known its size.
fn derives_to(question: &Question, pools: &Pools) -> bool {
    derive(question).is_ok_and(|answer| pools.agree_with(&Pools::of(&answer.model)))
}
