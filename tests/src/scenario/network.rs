//! Network buffers and managed memory.

use super::{End, Expected, Scenario, Setup};
use std::time::Duration;

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "network-insufficient",
        about: "two exchanges of eight with eight, and network memory for a quarter of that",
        setup: Setup {
            configuration: &[
                ("taskmanager.numberOfTaskSlots", "8"),
                ("parallelism.default", "8"),
                ("taskmanager.memory.network.min", "4m"),
                ("taskmanager.memory.network.max", "4m"),
                ("restart-strategy.type", "fixed-delay"),
                ("restart-strategy.fixed-delay.attempts", "3"),
                ("restart-strategy.fixed-delay.delay", "1s"),
            ],
            with_logs: true,
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ShuffleNeedJob", &["4000"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["network_buffers_insufficient"],
            limit: "network_buffers",
            consumer: &["Source: Sequence Source, Map"],
            evidence: &["Insufficient number of network buffers"],
            also: &[],
        },
    },
    Scenario {
        name: "network-unallocatable",
        about: "a flag of the user's limits direct memory to less than the network pool: it cannot be allocated at the start",
        setup: Setup {
            configuration: &[("env.java.opts.taskmanager", "-XX:MaxDirectMemorySize=48m")],
            comes_up: false,
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.go_on_for(Duration::from_secs(60)),
        ends: &[End::Exited],
        expected: Expected {
            labels: &["network_pool_unallocatable"],
            limit: "direct",
            consumer: &["pool of network buffers"],
            evidence: &["the JVM allows 48.0 MiB"],
            also: &[],
        },
    },
    Scenario {
        name: "network-buffer-leak",
        about: "each of three jobs takes ten network buffers that never come back to the pool, though all its tasks end",
        setup: Setup {
            configuration: &[
                ("taskmanager.numberOfTaskSlots", "2"),
                ("restart-strategy.type", "none"),
            ],
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            for _ in 0..3 {
                stage.run("com.acme.BufferTakerJob", &["5", "4"])?;
                // A pool may take some time to have everything back; only what is missing long after is lost.
                std::thread::sleep(Duration::from_secs(13));
            }
            Ok(())
        },
        ends: &[End::JobFinished],
        expected: Expected {
            labels: &["network_buffer_leak"],
            limit: "network_buffers",
            consumer: &[],
            evidence: &["30 of"],
            also: &[],
        },
    },
    Scenario {
        name: "managed-undersized",
        about: "an operator reserves 240 MiB of managed memory in a slot that has half of that",
        setup: Setup {
            configuration: &[("restart-strategy.type", "none")],
            with_logs: true,
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.ManagedReserveJob", &["251658240", "10"]),
        ends: &[End::JobFailed],
        expected: Expected {
            labels: &["managed_undersized"],
            limit: "managed",
            consumer: &["com.acme.ManagedReserveJob$IndexOperator"],
            evidence: &[],
            also: &[],
        },
    },
    Scenario {
        name: "config-inconsistent",
        about: "the parts of the process's memory exceed the whole, and Flink refuses to start",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.task.heap.size", "512m"),
                ("taskmanager.memory.managed.size", "512m"),
            ],
            comes_up: false,
            with_logs: true,
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.go_on_for(Duration::from_secs(30)),
        ends: &[End::Exited],
        expected: Expected {
            labels: &["memory_config_inconsistent"],
            limit: "none",
            consumer: &[],
            evidence: &["IllegalConfigurationException"],
            also: &[],
        },
    },
];
