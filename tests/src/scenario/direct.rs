//! Direct memory.

use super::{End, Expected, Scenario, Setup};

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
];
