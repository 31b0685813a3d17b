//! What is legal but likely not meant.

use crate::configuration::{JvmLimits, java_options};
use crate::model::RocksDbSource;
use crate::model::changes::Behaviour;
use crate::model::options::{jm, tm};
use crate::model::{
    Answer, ContainerRequest, Deployment, Derived, MemorySize, Model, Origin, Process, Question,
    TaskManagerModel,
};
use serde::Serialize;

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// A short name that does not change.
    pub code: &'static str,
    /// What it is, with its numbers.
    pub text: String,
}

/// What is known beside the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances {
    /// The container's real limit, bytes.
    pub container_limit: Option<u64>,
    /// The largest parallelism of a job; decides how many network buffers one shuffle needs.
    pub parallelism: Option<u64>,
}

impl Warning {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

/// Everything worth a look in an accepted configuration.
#[must_use]
pub fn warnings(
    question: &Question,
    answer: &Answer,
    circumstances: Circumstances,
) -> Vec<Warning> {
    let mut found = Vec::new();
    match &answer.model {
        Model::TaskManager(model) => {
            clamped("overhead", "JVM overhead", &model.overhead, &mut found);
            clamped("network", "network memory", &model.network, &mut found);
            managed_unused(question, model, &mut found);
            small_task_heap(model, &mut found);
            rocksdb_arena(question, answer, &mut found);
            rocksdb_source(question, answer, &mut found);
            batch_shuffle(question, model, &mut found);
            shuffle(answer, model, circumstances, &mut found);
            container(question, &model.total_process, circumstances, &mut found);
        }
        Model::JobManager(model) => {
            clamped("overhead", "JVM overhead", &model.overhead, &mut found);
            if !model.direct_limit {
                found.push(Warning::new(
                    "direct_unlimited",
                    format!(
                        "the {} of off-heap memory are an accounting number: without {} the JVM allows direct memory up to the heap size",
                        model.off_heap.size.to_human(),
                        jm::DIRECT_LIMIT.key
                    ),
                ));
            }
            container(question, &model.total_process, circumstances, &mut found);
        }
        Model::Shell(_) | Model::Container(_) => {}
    }
    overriding_flags(question, answer, &mut found);
    found
}

fn clamped(code: &'static str, what: &str, derived: &Derived, found: &mut Vec<Warning>) {
    let (verb, key, share) = match &derived.origin {
        Origin::RaisedToMin { key, share } => ("raised", key, share),
        Origin::CutToMax { key, share } => ("cut", key, share),
        _ => return,
    };
    let code = match (code, verb) {
        ("overhead", "raised") => "overhead_at_min",
        ("overhead", _) => "overhead_at_max",
        (_, "raised") => "network_at_min",
        _ => "network_at_max",
    };
    found.push(Warning::new(
        code,
        format!(
            "{what} is {verb} from {} to {} by {key}; its fraction has no effect",
            share.to_human(),
            derived.size.to_human()
        ),
    ));
}

/// Backends that keep state on the heap.
const HEAP_BACKENDS: [&str; 4] = ["hashmap", "filesystem", "jobmanager", "heap"];

fn backend(question: &Question) -> Option<String> {
    let (_, setting) = question.settings.find(&tm::STATE_BACKEND)?;
    Some(setting.value.to_string().to_lowercase())
}

fn managed_unused(question: &Question, model: &TaskManagerModel, found: &mut Vec<Warning>) {
    let Some(name) = backend(question).filter(|name| HEAP_BACKENDS.contains(&name.as_str())) else {
        return;
    };
    if model.managed.bytes() > 0 {
        found.push(Warning::new(
            "managed_unused",
            format!(
                "state backend {name} keeps state on the heap: the {} of managed memory are used by batch operators and Python alone",
                model.managed.size.to_human()
            ),
        ));
    }
}

/// A heap below this hardly runs a task.
const SMALL_TASK_HEAP: MemorySize = MemorySize::from_mebibytes(64);

fn small_task_heap(model: &TaskManagerModel, found: &mut Vec<Warning>) {
    if model.task_heap.size < SMALL_TASK_HEAP {
        let text = format!(
            "only {} of task heap are left for operators and user code",
            model.task_heap.size.to_human()
        );
        found.push(Warning::new("task_heap_small", text));
    }
}

fn rocksdb_arena(question: &Question, answer: &Answer, found: &mut Vec<Warning>) {
    let is_rocksdb = backend(question).is_some_and(|name| name == "rocksdb" || name == "forst");
    let share = answer
        .shares
        .as_ref()
        .and_then(|shares| shares.rocksdb.as_ref());
    let Some(Ok(share)) = share.filter(|_| is_rocksdb) else {
        return;
    };
    if let Some(text) = share.invalid_ratios() {
        found.push(Warning::new("rocksdb_ratios", text));
    }
    if share.flushes_constantly() {
        found.push(Warning::new(
            "rocksdb_arena",
            format!(
                "RocksDB will flush without end: one arena block takes {} bytes and {} bytes are allowed; \
                 give a slot more managed memory or fewer slots to the process",
                share.default_arena_block(),
                share.mutable_limit()
            ),
        ));
    }
}

/// RocksDB outside managed memory is outside every pool.
fn rocksdb_source(question: &Question, answer: &Answer, found: &mut Vec<Warning>) {
    let slots = answer
        .shares
        .as_ref()
        .and_then(|shares| shares.slot.as_ref().ok())
        .map_or(1, |slot| slot.slots);
    let is_rocksdb = backend(question).is_none_or(|name| name == "rocksdb");
    let Some(Ok(source)) = is_rocksdb.then(|| RocksDbSource::of(question)) else {
        return;
    };
    let (amount, size) = match source {
        RocksDbSource::Managed => return,
        RocksDbSource::Unbounded => {
            found.push(Warning::new(
                "rocksdb_unbounded",
                "RocksDB's memory is not bounded: each column family of each slot has its own block cache and write buffers, outside every pool",
            ));
            return;
        }
        RocksDbSource::FixedPerSlot(size) => ("in each slot", size.bytes().saturating_mul(slots)),
        RocksDbSource::FixedPerProcess(size) => ("for the process", size.bytes()),
    };
    found.push(Warning::new(
        "rocksdb_outside_pools",
        format!(
            "RocksDB has a fixed size {amount}, {} together, outside managed memory: no pool has room for it",
            MemorySize::from_bytes(size).to_human()
        ),
    ));
}

/// What batch jobs read with is a part of framework off-heap memory, and Flink does not check that it fits.
fn batch_shuffle(question: &Question, model: &TaskManagerModel, found: &mut Vec<Warning>) {
    let Some(default) = Behaviour::of(question.version).batch_shuffle_bytes else {
        return;
    };
    let text = question
        .settings
        .get(tm::BATCH_SHUFFLE.key)
        .map(|setting| setting.value.to_string());
    let size = text
        .and_then(|text| MemorySize::parse(&text).ok())
        .unwrap_or(MemorySize::from_bytes(default));
    if size > model.framework_off_heap.size {
        found.push(Warning::new(
            "batch_shuffle_beyond_framework",
            format!(
                "batch jobs may read with {}, a part of framework off-heap memory, which has {}",
                size.to_human(),
                model.framework_off_heap.size.to_human()
            ),
        ));
    }
}

/// Buffers that one all-to-all exchange of a single slot needs on both sides.
fn shuffle(
    answer: &Answer,
    model: &TaskManagerModel,
    circumstances: Circumstances,
    found: &mut Vec<Warning>,
) {
    let (Some(parallelism), Some(shares)) = (circumstances.parallelism, &answer.shares) else {
        return;
    };
    let (Ok(network), Ok(slot)) = (&shares.network, &shares.slot) else {
        return;
    };
    let per_channel = u64::try_from(network.buffers_per_channel).unwrap_or_default();
    let gate = parallelism.saturating_mul(per_channel).saturating_add(1);
    let partition = parallelism.saturating_add(1);
    let needed = gate.saturating_add(partition).saturating_mul(slot.slots);
    if needed > network.count {
        found.push(Warning::new(
            "network_short",
            format!(
                "one all-to-all exchange of parallelism {parallelism} takes {needed} network buffers in {} slots, and {} hold {}",
                slot.slots,
                model.network.size.to_human(),
                network.count
            ),
        ));
    }
}

fn container(
    question: &Question,
    process: &Derived,
    circumstances: Circumstances,
    found: &mut Vec<Warning>,
) {
    if let Some(limit) = circumstances
        .container_limit
        .filter(|limit| *limit < process.bytes())
    {
        found.push(Warning::new(
            "container_below_process",
            format!(
                "the container's limit of {} is below the process size of {}",
                MemorySize::from_bytes(limit).to_human(),
                process.size.to_human()
            ),
        ));
    }
    if question.deployment != Deployment::Container {
        return;
    }
    let lost = process.bytes() % (1 << 20);
    if lost > 0 {
        found.push(Warning::new(
            "container_rounded_down",
            format!("the container is asked for in whole mebibytes: {lost} bytes of the process size are not"),
        ));
    }
    let request = ContainerRequest::of(question, process.size);
    if let Some(request) = request.filter(|request| request.limit_mib < request.request_mib) {
        found.push(Warning::new(
            "limit_factor_below_one",
            format!("the limit factor puts the container's limit at {} MiB, below its request of {} MiB", request.limit_mib, request.request_mib),
        ));
    }
}

/// JVM flags in `env.java.opts*` that come behind Flink's and win.
fn overriding_flags(question: &Question, answer: &Answer, found: &mut Vec<Warning>) {
    let arguments = answer.model.jvm_args();
    let flink = JvmLimits::from_arguments(arguments.split_whitespace());
    let process = match question.process {
        Process::TaskManager => "TaskManager",
        Process::JobManager => "JobManager",
    };
    for (word, source) in java_options(&question.settings, question.process) {
        let limits = JvmLimits::from_arguments([word.as_str()]);
        for (pool, theirs, ours) in [
            ("heap", limits.heap, flink.heap),
            ("direct memory", limits.direct, flink.direct),
            ("metaspace", limits.metaspace, flink.metaspace),
        ] {
            let Some(theirs) = theirs.filter(|theirs| Some(*theirs) != ours) else {
                continue;
            };
            let ours = ours.map_or_else(
                || "no limit".to_owned(),
                |ours| MemorySize::from_bytes(ours).to_human(),
            );
            found.push(Warning::new(
                "flag_overrides",
                format!(
                    "{word} ({source}) comes behind Flink's own flag and wins: the {process}'s {pool} is limited to {}, not {ours}, \
                     and Flink's table of pools does not show it",
                    MemorySize::from_bytes(theirs).to_human()
                ),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlinkVersion, Settings, derive};

    fn codes(settings: Settings, circumstances: Circumstances) -> Vec<&'static str> {
        let settings = settings.with("taskmanager.memory.process.size", "8g");
        let question = Question::new(
            FlinkVersion::release(1, 20, 5),
            Process::TaskManager,
            settings,
        );
        let answer = derive(&question).unwrap();
        warnings(&question, &answer, circumstances)
            .into_iter()
            .map(|warning| warning.code)
            .collect()
    }

    #[test]
    fn each_circumstance_has_its_warning_and_a_plain_configuration_none() {
        let none = Circumstances::default();
        assert!(codes(Settings::new(), none).is_empty());
        for (key, value, code) in [
            ("state.backend.type", "hashmap", "managed_unused"),
            (
                "state.backend.rocksdb.memory.fixed-per-slot",
                "1g",
                "rocksdb_outside_pools",
            ),
            (
                "state.backend.rocksdb.memory.managed",
                "false",
                "rocksdb_unbounded",
            ),
            (
                "taskmanager.memory.framework.off-heap.batch-shuffle.size",
                "129m",
                "batch_shuffle_beyond_framework",
            ),
            (
                "taskmanager.memory.jvm-overhead.max",
                "200m",
                "overhead_at_max",
            ),
            (
                "taskmanager.memory.network.fraction",
                "0.001",
                "network_at_min",
            ),
            (
                "env.java.opts.taskmanager",
                "-XX:MaxMetaspaceSize=1g",
                "flag_overrides",
            ),
            (
                "taskmanager.memory.task.off-heap.size",
                "3260m",
                "task_heap_small",
            ),
        ] {
            assert_eq!(
                codes(Settings::new().with(key, value), none),
                [code],
                "{key}"
            );
        }
        let tight = Circumstances {
            container_limit: Some(7 << 30),
            parallelism: Some(20_000),
        };
        assert_eq!(
            codes(Settings::new(), tight),
            ["network_short", "container_below_process"]
        );
    }

    #[test]
    fn rocksdb_with_a_sliver_of_managed_memory_flushes_without_end() {
        let settings = Settings::new()
            .with("state.backend.type", "rocksdb")
            .with("taskmanager.memory.managed.size", "27m");
        assert_eq!(codes(settings, Circumstances::default()), ["rocksdb_arena"]);
    }

    #[test]
    fn a_flag_that_says_the_same_as_flink_overrides_nothing() {
        let settings =
            Settings::new().with("env.java.opts", "-XX:MaxMetaspaceSize=256m -XX:+UseG1GC");
        assert!(codes(settings, Circumstances::default()).is_empty());
    }
}
