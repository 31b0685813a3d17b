//! The Java heap. An error hits whatever thread asks next, so the same fault fails the job, ends the process, or leaves both behind
//! alive: all of these count.

use super::{End, Expected, Scenario, Setup, Stage};
use crate::artefacts;
use crate::wait::wait_for;
use anyhow::Result;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A TaskManager of a gigabyte, of which 154 MiB are heap, and jobs that fail once.
const SMALL: Setup = Setup {
    configuration: &[("restart-strategy.type", "none")],
    ..Setup::TASK_MANAGER
};

/// Has the agent take everything, as somebody who sees the heap grow would.
fn somebody_looks(stage: &mut Stage) -> Result<()> {
    let pid = stage.cluster.taskmanager().id().to_string();
    wait_for(
        "flinkmem to take a snapshot",
        Duration::from_secs(20),
        || {
            let status = Command::new(artefacts::flinkmem()?)
                .args(["snapshot", "--patience", "5", &pid])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            Ok(status.success().then_some(()))
        },
    )
}

/// How an exhausted heap may end.
const EXHAUSTED: &[End] = &[End::JobFailed, End::Exited, End::Alive];

const fn expected(
    labels: &'static [&'static str],
    consumer: &'static [&'static str],
    evidence: &'static [&'static str],
) -> Expected {
    Expected {
        labels,
        limit: "heap",
        consumer,
        evidence,
        also: &[],
    }
}

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "heap-undersized",
        about: "a job loads a table of 160 MiB when it opens; its heap has 154 MiB",
        setup: SMALL,
        plot: |stage| {
            let table = ["160", "5", "300"];
            stage.run_for(
                "com.acme.ReferenceCacheJob",
                &table,
                Duration::from_secs(45),
            )
        },
        ends: &[End::JobFailed, End::JobFinished, End::Exited, End::Alive],
        expected: expected(
            &["heap_undersized"],
            &["com.acme.ReferenceCacheJob$Lookup.loadTable"],
            &["ReferenceCacheJob"],
        ),
    },
    Scenario {
        name: "heap-state",
        about: "a job keeps state on the heap for each record's own key, for ever: 9 MB a second",
        setup: Setup {
            configuration: &[
                ("restart-strategy.type", "none"),
                ("state.backend.type", "hashmap"),
            ],
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let endless = ["9000000", "0", "0"];
            stage.run_for("com.acme.KeyedStateJob", &endless, Duration::from_secs(45))
        },
        ends: EXHAUSTED,
        expected: expected(
            &["heap_state_growth"],
            &["com.acme.KeyedStateJob$Remember", "CopyOnWriteStateMap"],
            &["CopyOnWriteStateMap"],
        ),
    },
    Scenario {
        name: "heap-session-leak",
        about: "user code remembers every session in a static map: 9 MB a second",
        setup: SMALL,
        plot: |stage| {
            stage.run_for(
                "com.acme.SessionLeakJob",
                &["9000000"],
                Duration::from_secs(45),
            )
        },
        ends: EXHAUSTED,
        expected: expected(
            &["heap_leak"],
            &[
                "com.acme.SessionLeakJob$Sessions",
                "com.acme.SessionLeakJob$Session",
            ],
            &["SessionLeakJob$Session"],
        ),
    },
    Scenario {
        name: "heap-checkpoint-leak",
        about: "user code registers a listener of 1.8 MB at each checkpoint, five a second, and takes none away",
        setup: SMALL,
        plot: |stage| {
            let listeners = ["200", "1800000"];
            stage.run_for(
                "com.acme.CheckpointLeakJob",
                &listeners,
                Duration::from_secs(45),
            )
        },
        ends: EXHAUSTED,
        expected: expected(
            &["heap_leak"],
            &["com.acme.CheckpointLeakJob$"],
            &["CheckpointLeakJob"],
        ),
    },
    Scenario {
        name: "heap-bulk",
        about: "after many small results a job asks for a whole table, which the driver reads at once",
        setup: SMALL,
        plot: |stage| {
            let rows = ["300000", "500"];
            stage.run_for("com.acme.BulkQueryJob", &rows, Duration::from_secs(45))
        },
        ends: EXHAUSTED,
        expected: expected(
            &["heap_bulk_materialization"],
            &["com.acme.BulkQueryJob$Driver.fetchAll"],
            &[],
        ),
    },
    Scenario {
        name: "heap-writers",
        about: "a sink keeps a file open for each of 400 partitions, and buffers half a megabyte for each",
        setup: SMALL,
        plot: |stage| {
            let directory = stage.cluster.logs().with_file_name("sink");
            let directory = directory.display().to_string();
            let sink = [directory.as_str(), "400", "8", "65536"];
            stage.run_for(
                "com.acme.PartitionedSinkJob",
                &sink,
                Duration::from_secs(45),
            )
        },
        ends: EXHAUSTED,
        expected: expected(
            &["heap_many_writers"],
            &["com.acme.PartitionedSinkJob$ColumnFileWriter"],
            &["byte[]"],
        ),
    },
    Scenario {
        name: "heap-array",
        about: "a job wants one record in one array that is longer than the JVM allows",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.HugeRecordJob", &["array"]),
        ends: &[End::JobFailed],
        expected: of_the_array(),
    },
    Scenario {
        name: "heap-array-builder",
        about: "the same, but a string builder asks for it, and the JDK refuses",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.HugeRecordJob", &["builder"]),
        ends: &[End::JobFailed],
        expected: of_the_array(),
    },
    Scenario {
        name: "heap-slow-leak",
        about: "the static map again, so slow that the heap is far from full when somebody looks",
        // So that marking, which tells what is live, begins long before the heap is half full.
        setup: Setup {
            java_options: &["-XX:+UseG1GC", "-XX:InitiatingHeapOccupancyPercent=10"],
            ..SMALL
        },
        plot: |stage| {
            stage.run_for(
                "com.acme.SessionLeakJob",
                &["1000000"],
                Duration::from_secs(75),
            )?;
            somebody_looks(stage)
        },
        ends: &[End::Alive],
        expected: expected(
            &["heap_leak"],
            &["com.acme.SessionLeakJob$Session"],
            &["live set"],
        ),
    },
    Scenario {
        name: "gc-heartbeat",
        about: "SerialGC collects a heap full of small objects, seconds each time; peers wait for two seconds only",
        setup: Setup {
            configuration: &[
                ("restart-strategy.type", "none"),
                ("taskmanager.memory.process.size", "1600m"),
                ("taskmanager.memory.managed.size", "64m"),
                ("heartbeat.interval", "500"),
                ("heartbeat.timeout", "2000"),
            ],
            java_options: &["-XX:+UseSerialGC"],
            with_logs: true,
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let graph = ["440", "1", "200"];
            stage.run_for("com.acme.LongPausesJob", &graph, Duration::from_secs(50))
        },
        ends: &[End::JobFailed, End::Alive, End::Exited],
        expected: Expected {
            labels: &["gc_pause_heartbeat"],
            limit: "heartbeat",
            consumer: &["MSC", "Copy", "Serial", "collection"],
            evidence: &["longest pause"],
            also: &[],
        },
    },
];

const fn of_the_array() -> Expected {
    Expected {
        labels: &["array_limit"],
        limit: "array",
        consumer: &["com.acme.HugeRecordJob$Encoder.encode"],
        evidence: &["in use"],
        also: &[],
    }
}
