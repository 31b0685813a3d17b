//! What fills a container beside the JVM.

use super::{End, Expected, Scenario, Setup};

const NO_RESTART: &[(&str, &str)] = &[("restart-strategy.type", "none")];

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "child-process",
        about: "a program that the job has started holds all that it is handed, until the container is full: 40 MB a second",
        setup: Setup {
            configuration: NO_RESTART,
            memory_mib: Some(1088),
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ChildJob", &["tool", "40000000", "60"]),
        // The kernel kills the largest: the child, and then the job fails, or the JVM.
        ends: &[End::JobFailed, End::Killed],
        expected: Expected {
            labels: &["other_child_process"],
            limit: "container",
            consumer: &["tail"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "python-worker",
        about: "a Python worker that the job has started keeps its bundle, until the container is full: 40 MB a second",
        setup: Setup {
            configuration: NO_RESTART,
            memory_mib: Some(1088),
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ChildJob", &["python", "40000000", "60"]),
        ends: &[End::JobFailed, End::Killed],
        expected: Expected {
            labels: &["python_process_memory"],
            limit: "container",
            consumer: &["python"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "mapped-file",
        about: "a job looks up records in a mapped file of 900 MiB: resident, the container is full, and all is well",
        setup: Setup {
            configuration: NO_RESTART,
            memory_mib: Some(1088),
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.MappedFileJob", &["943718400", "15", "28"]),
        ends: &[End::JobFinished],
        expected: Expected {
            labels: &["mmap_file_accounting"],
            limit: "container",
            consumer: &["mapped files"],
            evidence: &["taken back"],
            also: &[],
        },
    },
];
