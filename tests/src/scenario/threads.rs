//! Threads that never end, and limits on them.

use super::{End, Expected, Scenario, Setup};

/// The owner of the threads.
const UPLOADER: &[&str] =
    &["acme-uploader-# started by com.acme.ThreadHoardJob$Uploader.startUpload"];

/// A job that restarts ten times, soon.
const RESTARTS: &[(&str, &str)] = &[
    ("restart-strategy.type", "fixed-delay"),
    ("restart-strategy.fixed-delay.attempts", "10"),
    ("restart-strategy.fixed-delay.delay", "200ms"),
];

const NO_RESTARTS: &[(&str, &str)] = &[("restart-strategy.type", "none")];

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "thread-leak-restarts",
        about: "each attempt of a job starts a dozen threads that nobody ends: seen before any limit",
        setup: Setup {
            configuration: RESTARTS,
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ThreadHoardJob", &["attempt", "12", "2"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["thread_leak"],
            limit: "threads",
            consumer: UPLOADER,
            evidence: &["they outlive what started them"],
            also: &[],
        },
    },
    Scenario {
        name: "thread-leak-records",
        about: "a thread for each record, which never ends, until the container's limit on threads",
        setup: Setup {
            configuration: NO_RESTARTS,
            threads: Some(180),
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ThreadHoardJob", &["record", "8", "60"]),
        ends: &[End::JobFailed, End::Exited],
        expected: Expected {
            labels: &["thread_leak"],
            limit: "threads",
            consumer: UPLOADER,
            evidence: &["could not start a thread", "pids.max"],
            also: &[],
        },
    },
    Scenario {
        name: "thread-limit",
        about: "a job opens a pool of more threads than its container may have",
        setup: Setup {
            configuration: NO_RESTARTS,
            threads: Some(130),
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ThreadHoardJob", &["pool", "200", "10"]),
        ends: &[End::JobFailed, End::Exited],
        expected: Expected {
            labels: &["thread_limit"],
            limit: "threads",
            consumer: UPLOADER,
            evidence: &["130 of at most 130"],
            also: &[],
        },
    },
    Scenario {
        name: "threads-closed",
        about: "each attempt of a job opens a pool of 60 threads, and closes it: healthy",
        setup: Setup {
            configuration: RESTARTS,
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ThreadHoardJob", &["pool", "60", "2"]),
        ends: &[End::JobFailed],
        expected: Expected::HEALTHY,
    },
];
