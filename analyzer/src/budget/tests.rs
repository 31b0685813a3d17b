//! Budgets of recorded processes, against the figures of Flink's own command lines.

use super::*;
use crate::configuration::from_trace_header;
use crate::model::{FlinkVersion, Process, Question, Settings, derive};
use flinkmem_trace::{FlinkFacts, Header};
use std::collections::BTreeMap;

const MIB: u64 = 1 << 20;

/// The `-D` options of a real TaskManager 1.20.5 whose process size is 1200m, started with
/// `-XX:MaxDirectMemorySize=213070644 -Xmx260046843`.
const TASK_MANAGER: [(&str, &str); 10] = [
    ("taskmanager.memory.network.min", "78852916b"),
    ("taskmanager.memory.task.off-heap.size", "0b"),
    ("taskmanager.memory.jvm-metaspace.size", "268435456b"),
    ("taskmanager.memory.jvm-overhead.min", "201326592b"),
    ("taskmanager.memory.framework.off-heap.size", "134217728b"),
    ("taskmanager.memory.network.max", "78852916b"),
    ("taskmanager.memory.framework.heap.size", "134217728b"),
    ("taskmanager.memory.managed.size", "315411665b"),
    ("taskmanager.memory.task.heap.size", "125829115b"),
    ("taskmanager.memory.jvm-overhead.max", "201326592b"),
];

/// The `-D` options of a real JobManager 1.20.5 whose process size is 768m, started with `-Xmx201326592`.
const JOB_MANAGER: [(&str, &str); 5] = [
    ("jobmanager.memory.heap.size", "201326592b"),
    ("jobmanager.memory.off-heap.size", "134217728b"),
    ("jobmanager.memory.jvm-metaspace.size", "268435456b"),
    ("jobmanager.memory.jvm-overhead.min", "201326592b"),
    ("jobmanager.memory.jvm-overhead.max", "201326592b"),
];

fn header(process: &str, options: &[(&str, &str)], arguments: &[&str]) -> Header {
    let options = options
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Header {
        flink: Some(FlinkFacts {
            process: process.to_owned(),
            version: Some("1.20.5".to_owned()),
            options: options.collect(),
        }),
        jvm: flinkmem_trace::Jvm {
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            ..flinkmem_trace::Jvm::default()
        },
        ..Header::default()
    }
}

fn recorded(header: &Header) -> Budget {
    Budget::recorded(&from_trace_header(header)).unwrap()
}

pub(super) fn task_manager() -> Budget {
    recorded(&header("tm", &TASK_MANAGER, &[]))
}

pub(super) fn job_manager() -> Budget {
    recorded(&header("jm", &JOB_MANAGER, &["-Xmx201326592"]))
}

fn assumed(budget: &Budget) -> BTreeMap<String, String> {
    budget.assumed().into_iter().collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// A change that the model does not confirm is no remedy.
fn check_derives(budget: &Budget, raise: &Raise) {
    let mut settings = Settings::new();
    let all = budget.assumed().into_iter().chain(raise.config.clone());
    for (key, value) in all.filter(|(key, _)| !raise.remove.contains(key)) {
        settings = settings.with(&key, value);
    }
    let question = Question::new(FlinkVersion::release(1, 20, 5), budget.process, settings);
    assert_eq!(Pools::of(&derive(&question).unwrap().model), raise.after);
}

#[test]
fn the_sums_are_those_of_flinks_own_jvm_arguments() {
    let pools = task_manager().pools;
    assert_eq!(pools.jvm_heap, Some(260_046_843));
    assert_eq!(pools.jvm_direct, Some(213_070_644));
    assert_eq!(pools.total_process, Some(1200 * MIB));
}

#[test]
fn what_is_not_recorded_stays_unknown() {
    let without: Vec<_> = TASK_MANAGER
        .into_iter()
        .filter(|(key, _)| !key.contains("network"))
        .collect();
    let pools = recorded(&header("tm", &without, &[])).pools;
    assert_eq!(
        (pools.network, pools.jvm_direct, pools.total_process),
        (None, None, None)
    );
    assert_eq!(pools.jvm_heap, Some(260_046_843));
}

#[test]
fn pools_that_follow_from_the_process_size_are_no_options_of_the_user() {
    assert_eq!(
        assumed(&task_manager()),
        map(&[("taskmanager.memory.process.size", "1200m")])
    );
    let job_manager = recorded(&header("jm", &JOB_MANAGER, &["-Xmx201326592"]));
    assert_eq!(
        assumed(&job_manager),
        map(&[("jobmanager.memory.process.size", "768m")])
    );
}

#[test]
fn a_pool_that_does_not_follow_is_an_option_of_the_user() {
    // 32 MiB from framework off-heap to task heap, everything else alike.
    let moved = TASK_MANAGER.map(|(key, value)| match key {
        "taskmanager.memory.framework.off-heap.size" => (key, "100663296b"),
        "taskmanager.memory.task.heap.size" => (key, "159383547b"),
        _ => (key, value),
    });
    assert_eq!(
        assumed(&recorded(&header("tm", &moved, &[]))),
        map(&[
            ("taskmanager.memory.framework.off-heap.size", "96m"),
            ("taskmanager.memory.process.size", "1200m")
        ])
    );
}

#[test]
fn a_heap_that_can_spare_it_gives_and_the_process_keeps_its_size() {
    let budget = task_manager();
    let raise = budget
        .raise(DirectPool::TaskOffHeap, 64 * MIB, Some(180 * MIB))
        .unwrap();
    assert_eq!(raise.from, Giver::Heap);
    assert_eq!(raise.after.total_process, raise.before.total_process);
    assert_eq!(
        raise.config,
        map(&[("taskmanager.memory.task.off-heap.size", "64m")])
    );
    assert_eq!(raise.after.jvm_heap, Some(260_046_843 - 64 * MIB));
    assert_eq!(raise.after.managed, raise.before.managed);
    check_derives(&budget, &raise);
}

#[test]
fn a_heap_that_is_needed_does_not_give_and_the_process_grows_for_all_pools() {
    let budget = task_manager();
    let cases = [
        (Some(200 * MIB), Giver::HeapInUse),
        (None, Giver::HeapNotMeasured),
    ];
    for (heap_needs, from) in cases {
        let raise = budget
            .raise(DirectPool::TaskOffHeap, 64 * MIB, heap_needs)
            .unwrap();
        assert_eq!(raise.from, from);
        assert!(raise.after.total_process > raise.before.total_process);
        assert!(raise.after.jvm_heap >= raise.before.jvm_heap);
        assert!(raise.after.managed >= raise.before.managed);
        assert_eq!(raise.after.task_off_heap, Some(64 * MIB));
        check_derives(&budget, &raise);
    }
}

#[test]
fn more_than_the_heap_has_is_never_taken_from_it() {
    let budget = task_manager();
    let raise = budget
        .raise(DirectPool::TaskOffHeap, 512 * MIB, Some(0))
        .unwrap();
    assert_eq!(raise.from, Giver::TooSmallAHeap);
    assert!(raise.after.jvm_heap >= raise.before.jvm_heap);
    check_derives(&budget, &raise);
}

#[test]
fn a_job_managers_off_heap_size_is_made_a_limit() {
    let free = recorded(&header("jm", &JOB_MANAGER, &["-Xmx201326592"]));
    assert!(!free.direct_is_enforced());
    let raise = free
        .raise(DirectPool::JobManagerOffHeap, 256 * MIB, None)
        .unwrap();
    assert_eq!(
        raise.config["jobmanager.memory.enable-jvm-direct-memory-limit"],
        "true"
    );
    assert_eq!(raise.after.jvm_direct, Some(256 * MIB));
    let limited = ["-Xmx201326592", "-XX:MaxDirectMemorySize=134217728"];
    let limited = recorded(&header("jm", &JOB_MANAGER, &limited));
    assert!(limited.direct_is_enforced());
    assert_eq!(limited.pools.jvm_direct, Some(128 * MIB));
}

#[test]
fn a_later_flag_that_wins_over_flinks_is_told() {
    let flags = [
        "-XX:MaxDirectMemorySize=213070644",
        "-XX:MaxDirectMemorySize=1g",
    ];
    let budget = recorded(&header("tm", &TASK_MANAGER, &flags));
    assert!(budget.direct_limit_overridden);
    let found = &budget.disagreements[0];
    assert_eq!(
        (found.pool, found.expected, found.found),
        ("jvm_direct", 213_070_644, 1 << 30)
    );
    assert!(!task_manager().direct_limit_overridden);
}

#[test]
fn a_given_configuration_is_held_against_the_recorded_one() {
    let observed = from_trace_header(&header("tm", &TASK_MANAGER, &[]));
    let given = |settings: Settings| {
        let question = Question::new(
            FlinkVersion::release(1, 20, 5),
            Process::TaskManager,
            settings,
        );
        let answer = derive(&question).unwrap();
        let given = Given {
            question,
            answer,
            is_whole: true,
        };
        Budget::given(&observed, &given).unwrap()
    };
    let same = Settings::new().with("taskmanager.memory.process.size", "1200m");
    let budget = given(same.clone());
    assert_eq!(budget.disagreements, []);
    assert!(budget.assumed().is_empty(), "nothing is guessed");

    let other = same.with("taskmanager.memory.task.off-heap.size", "64m");
    let budget = given(other);
    let pools: Vec<&str> = budget.disagreements.iter().map(|one| one.pool).collect();
    assert_eq!(
        pools,
        ["task_heap", "task_off_heap", "jvm_heap", "jvm_direct"]
    );
    let raise = budget
        .raise(DirectPool::TaskOffHeap, 64 * MIB, None)
        .unwrap();
    assert_eq!(raise.from, Giver::Nobody, "it has that already");
}
