//! Two faults in one process: the one that ends it first, and the other beside it.

use super::{End, Expected, Scenario, Setup};
use std::time::Duration;

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "direct-and-heap",
        about: "user code leaks direct buffers until its task fails and restarts, and other user code of the same job remembers every session",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.framework.off-heap.size", "96m"),
                ("taskmanager.memory.task.off-heap.size", "0"),
                ("restart-strategy.type", "fixed-delay"),
                ("restart-strategy.fixed-delay.attempts", "1000"),
                ("restart-strategy.fixed-delay.delay", "500ms"),
            ],
            agent: "interval=200ms",
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let faults = ["direct", "6000000", "session", "7000000"];
            let time = Duration::from_secs(40);
            stage.run_for("com.acme.TwoFaultsJob", &faults, time)
        },
        // An exhausted heap hits whatever thread asks next.
        ends: &[End::JobFailed, End::Exited, End::Alive],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.DirectLeakJob$Enricher.lookUp"],
            evidence: &[],
            also: &["heap_leak"],
        },
    },
    Scenario {
        name: "direct-and-threads",
        about: "user code leaks direct buffers, and starts a thread for some records that never ends: 2.5 MB and 6 threads a second",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.framework.off-heap.size", "96m"),
                ("taskmanager.memory.task.off-heap.size", "0"),
                ("restart-strategy.type", "none"),
            ],
            agent: "interval=200ms",
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let faults = ["direct", "2500000", "threads", "6"];
            stage.run("com.acme.TwoFaultsJob", &faults)?;
            // Until threads are counted once more: that they outlive the job tells them from a pool that fills.
            std::thread::sleep(Duration::from_secs(20));
            Ok(())
        },
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.DirectLeakJob$Enricher.lookUp"],
            evidence: &[],
            also: &["thread_leak"],
        },
    },
    Scenario {
        name: "unsafe-and-page-cache",
        about: "user code leaks memory of sun.misc.Unsafe in a container that is full of files' pages: these are not what kills it",
        setup: Setup {
            configuration: &[
                ("restart-strategy.type", "none"),
                ("taskmanager.memory.process.size", "768m"),
                ("taskmanager.memory.jvm-metaspace.size", "128m"),
                ("taskmanager.memory.managed.size", "0"),
            ],
            memory_mib: Some(768),
            agent: "interval=100ms",
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let directory = stage.cluster.logs().with_file_name("archive");
            let directory = directory.display().to_string();
            let faults = ["unsafe", "16000000", "files", "64000000", &directory];
            stage.run("com.acme.TwoFaultsJob", &faults)
        },
        ends: &[End::Killed],
        expected: Expected {
            labels: &["unsafe_memory_leak"],
            limit: "container",
            consumer: &["com.acme.UnsafeLeakJob$OffHeapIndex.insert"],
            evidence: &[],
            also: &[],
        },
    },
];
