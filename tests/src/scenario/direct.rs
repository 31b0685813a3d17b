//! Direct memory.

use super::{End, Expected, Scenario, Setup};
use std::time::Duration;

/// A TaskManager that can spare some 90 MB of direct memory, and jobs that fail once.
const SMALL: Setup = Setup {
    configuration: &[
        ("taskmanager.memory.framework.off-heap.size", "96m"),
        ("taskmanager.memory.task.off-heap.size", "0"),
        ("restart-strategy.type", "none"),
    ],
    agent: "interval=500ms",
    ..Setup::TASK_MANAGER
};

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "direct-leak",
        about: "user code keeps a direct buffer per record, for ever: 3 MB a second",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.DirectLeakJob", &["3000000"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.DirectLeakJob$Enricher.lookUp"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "direct-burst",
        about: "a client takes a fixed pool of 128 MiB of direct buffers when it starts, more than there is for tasks",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.DirectPoolJob", &["134217728", "0", "500"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_undersized"],
            limit: "direct",
            consumer: &["com.acme.DirectPoolJob$PooledClient.fillTo"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "direct-slow-leak",
        about: "user code keeps 0.4 MB a second of direct buffers: seen long before the end",
        setup: Setup {
            // Garbage is collected often, as in a process that has run for hours.
            java_options: &["-Xmn8m"],
            ..SMALL
        },
        plot: |stage| {
            let time = Duration::from_secs(85);
            stage.run_for("com.acme.DirectLeakJob", &["400000"], time)
        },
        ends: &[End::Alive],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.DirectLeakJob$Enricher.lookUp"],
            evidence: &["has not levelled off"],
            also: &[],
        },
    },
    Scenario {
        name: "direct-netty-pool",
        about: "a client with a Netty pool of its own never releases what it is handed: 6 MB a second",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.NettyClientJob", &["6000000"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.NettyClientJob$HttpClient.call"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "direct-netty-limit",
        about: "the same where Netty makes its buffers without a cleaner and counts them itself",
        setup: Setup {
            java_options: &[
                "-Dorg.apache.flink.shaded.netty4.io.netty.tryReflectionSetAccessible=true",
            ],
            // Later ones give Netty no way to do without.
            java: &[11, 17],
            ..SMALL
        },
        plot: |stage| stage.run("com.acme.NettyClientJob", &["10000000"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.NettyClientJob$HttpClient.call"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "direct-nio-cache",
        about: "two more threads a second write blocks of 8 MiB from the heap: NIO keeps a buffer for each",
        setup: Setup {
            // Later ones do not hold these buffers against the limit.
            java: &[11, 17, 21],
            ..SMALL
        },
        plot: |stage| stage.run("com.acme.NioCacheJob", &["32", "8388608", "24"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_nio_thread_cache"],
            limit: "direct",
            consumer: &["com.acme.NioCacheJob$Lane"],
            evidence: &["NIO keeps"],
            also: &[],
        },
    },
    Scenario {
        name: "direct-nio-container",
        about: "the same on a Java that does not hold them against the limit: the container does",
        setup: Setup {
            java: &[25],
            memory_mib: Some(1088),
            ..SMALL
        },
        plot: |stage| stage.run("com.acme.NioCacheJob", &["80", "16777216", "45"]),
        ends: &[End::Killed],
        expected: Expected {
            labels: &["direct_nio_thread_cache"],
            limit: "container",
            consumer: &["com.acme.NioCacheJob$Lane"],
            evidence: &["NIO keeps"],
            also: &[],
        },
    },
    Scenario {
        name: "direct-parent-library",
        about: "a library in the class path of the process keeps a direct buffer for each key: 6 MB a second",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.ParentLibraryJob", &["6000000"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.lib.FrameCache.frame"],
            evidence: &["outlives every job"],
            also: &[],
        },
    },
    Scenario {
        name: "direct-arena",
        about: "user code opens an arena of the foreign memory API for each record and closes none: 6 MB a second",
        setup: Setup {
            // Earlier ones have no arenas; later ones do not hold these against the limit.
            java: &[21],
            ..SMALL
        },
        plot: |stage| stage.run("com.acme.ArenaLeakJob", &["6000000"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_leak"],
            limit: "direct",
            consumer: &["com.acme.ArenaLeakJob$Decoder.decode"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "direct-batch-shuffle",
        about: "a blocking exchange is read through more direct memory than there is for Flink itself",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.framework.off-heap.size", "40m"),
                ("taskmanager.memory.task.off-heap.size", "0"),
                ("execution.batch-shuffle-mode", "ALL_EXCHANGES_BLOCKING"),
                ("restart-strategy.type", "none"),
            ],
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.BatchShuffleJob", &["100000"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["direct_framework_shuffle"],
            limit: "direct",
            consumer: &["BatchShuffleReadBufferPool"],
            evidence: &[],
            also: &[],
        },
    },
];
