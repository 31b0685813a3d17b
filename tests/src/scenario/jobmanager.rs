//! Faults of a JobManager.

use super::{End, Expected, Scenario, Setup};
use std::time::Duration;

/// A JobManager with 64 MiB of heap.
const SMALL: Setup = Setup {
    configuration: &[
        ("restart-strategy.type", "none"),
        ("jobmanager.memory.process.size", "640m"),
    ],
    ..Setup::JOB_MANAGER
};

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "jm-splits",
        about: "a source discovers files faster than they are read; its enumerator, in the JobManager, keeps each",
        setup: SMALL,
        plot: |stage| {
            let files = ["4000000", "enumerator"];
            stage.run_for("com.acme.SplitHoardJob", &files, Duration::from_secs(45))
        },
        ends: &[End::JobFailed, End::Exited, End::Alive],
        expected: Expected {
            labels: &["jm_heap_metadata"],
            limit: "heap",
            consumer: &[
                "com.acme.SplitHoardJob$FileEnumerator",
                "com.acme.SplitHoardJob$PendingFile",
            ],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "jm-leak",
        about: "user code in the JobManager logs every file that it finds to a static list, and empties it never",
        setup: SMALL,
        plot: |stage| {
            let files = ["4000000", "static"];
            stage.run_for("com.acme.SplitHoardJob", &files, Duration::from_secs(45))
        },
        ends: &[End::JobFailed, End::Exited, End::Alive],
        expected: Expected {
            labels: &["heap_leak", "jm_heap_metadata"],
            limit: "heap",
            consumer: &["com.acme.SplitHoardJob$"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "jobmanager-loader-driver",
        about: "the main method of each job, which the JobManager runs, registers a JDBC driver of its own",
        setup: Setup {
            configuration: &[("jobmanager.memory.jvm-metaspace.size", "112m")],
            ..Setup::JOB_MANAGER
        },
        plot: |stage| stage.repeat(9, "com.acme.LoaderLeakJob", &["main", "driver", "1500"]),
        // It refuses the next job, or ends.
        ends: &[End::JobFinished, End::Exited, End::Alive],
        expected: Expected {
            labels: &["classloader_leak"],
            limit: "metaspace",
            consumer: &["com.acme.LeftBehind$AcmeDriver in java.sql.DriverManager"],
            evidence: &["metaspace met its limit"],
            also: &[],
        },
    },
];
