//! Healthy processes that look like a fault.

use super::{End, Expected, Scenario, Setup};

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "direct-plateau",
        about: "a client's pool of 32 MiB of direct buffers fills for 15 seconds, then stays for 30",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.framework.off-heap.size", "96m"),
                ("taskmanager.memory.task.off-heap.size", "0"),
                ("restart-strategy.type", "none"),
            ],
            agent: "interval=500ms",
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.DirectPoolJob", &["33554432", "15", "2250"]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "rocksdb",
        about: "keyed state in RocksDB, with checkpoints, for 50 seconds",
        setup: Setup {
            configuration: &[
                ("state.backend.type", "rocksdb"),
                ("parallelism.default", "2"),
            ],
            agent: "interval=500ms",
            ..Setup::TASK_MANAGER
        },
        plot: |stage| stage.run("com.acme.RocksDbJob", &["2000", "100000"]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
];
