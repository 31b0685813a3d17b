//! Healthy processes that look like a fault.

use super::{End, Expected, Scenario, Setup, Stage};
use anyhow::Result;
use std::time::{Duration, Instant};

/// A TaskManager of a gigabyte, of which 154 MiB are heap, looked at often: what is seen in half a minute is a plateau then.
const SMALL: Setup = Setup {
    configuration: &[("restart-strategy.type", "none")],
    agent: "interval=200ms",
    ..Setup::TASK_MANAGER
};

/// A TaskManager in a container of its own size, with a heap of 256 MiB.
const CONTAINER: Setup = Setup {
    configuration: &[
        ("restart-strategy.type", "none"),
        ("taskmanager.memory.process.size", "768m"),
        ("taskmanager.memory.jvm-metaspace.size", "128m"),
        ("taskmanager.memory.managed.size", "0"),
    ],
    memory_mib: Some(768),
    ..SMALL
};

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
    Scenario {
        name: "heap-cache",
        about: "a cache on the heap fills to its bound of 64 MiB for twelve seconds, then replaces the oldest",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.HeapFillJob", &["67108864", "12", "32"]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "heap-sawtooth",
        about: "a writer buffers 14 MB a second and writes it all at each checkpoint, every five seconds",
        setup: SMALL,
        plot: |stage| {
            let rows = ["14000000", "5000", "30"];
            stage.run("com.acme.BufferingSinkJob", &rows)
        },
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "heap-large-old",
        about: "a table that fills 85 % of the heap is loaded, and then only read",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.ReferenceCacheJob", &["96", "8", "1000"]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "backpressure",
        about: "a slow sink and a small pool of network buffers: every buffer that a task may send with is full",
        setup: Setup {
            configuration: &[
                ("parallelism.default", "2"),
                ("taskmanager.memory.network.min", "2m"),
                ("taskmanager.memory.network.max", "2m"),
            ],
            ..SMALL
        },
        plot: |stage| {
            let time = Duration::from_secs(25);
            stage.run_for("com.acme.BackpressureJob", &["200"], time)
        },
        ends: &[End::Alive],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "page-cache",
        about: "files are written and read until their pages fill the container to its limit, which the kernel takes back",
        setup: CONTAINER,
        plot: |stage| {
            let directory = stage.cluster.logs().with_file_name("archive");
            let directory = directory.display().to_string();
            stage.run("com.acme.FilePagesJob", &[&directory, "40", "4", "120"])
        },
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "warm-up",
        about: "for twelve seconds classes are made and caches filled, then a job just works",
        setup: SMALL,
        plot: |stage| {
            let warm_up = ["3000", "40000000", "12", "32"];
            stage.run("com.acme.WarmUpJob", &warm_up)
        },
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "rescale",
        about: "the same job with one, two and four tasks, one after the other",
        setup: Setup {
            configuration: &[("taskmanager.numberOfTaskSlots", "4")],
            ..SMALL
        },
        plot: |stage| {
            for parallelism in ["1", "2", "4"] {
                stage.run("com.acme.ShuffleLoad", &["300000", parallelism])?;
            }
            Ok(())
        },
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "honest-restarts",
        about: "a job fails every second and restarts, fifteen times, and leaves nothing behind",
        setup: Setup {
            configuration: &[
                ("restart-strategy.type", "fixed-delay"),
                ("restart-strategy.fixed-delay.attempts", "1000"),
                ("restart-strategy.fixed-delay.delay", "200ms"),
                ("taskmanager.memory.jvm-metaspace.size", "112m"),
            ],
            ..SMALL
        },
        plot: |stage| restarts(stage, 15),
        ends: &[End::JobCanceled],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "short-jobs",
        about: "twenty-five short jobs of 400 classes each in a small metaspace, which are unloaded when it fills",
        setup: Setup {
            configuration: &[("taskmanager.memory.jvm-metaspace.size", "112m")],
            ..SMALL
        },
        plot: |stage| stage.run("com.acme.ShortJobs", &["25", "nothing", "400"]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "thread-pool",
        about: "a pool of a hundred threads makes one for each task until it has its size",
        setup: SMALL,
        plot: |stage| stage.run("com.acme.ThreadPoolJob", &["100", "10", "30"]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "rocksdb-full",
        about: "state larger than its managed memory, read and written: RocksDB fills what it was given, in a container of the process's size",
        setup: Setup {
            configuration: &[
                ("restart-strategy.type", "none"),
                ("taskmanager.memory.process.size", "768m"),
                ("taskmanager.memory.jvm-metaspace.size", "128m"),
                ("taskmanager.memory.managed.size", "96m"),
                ("taskmanager.numberOfTaskSlots", "1"),
                ("taskmanager.memory.framework.off-heap.size", "64m"),
                ("state.backend.type", "rocksdb"),
            ],
            ..CONTAINER
        },
        plot: |stage| stage.run("com.acme.RocksDbBulkJob", &["12000000", "30", "8000"]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
    Scenario {
        name: "jm-finished-jobs",
        about: "a JobManager that remembers five finished jobs is given thirty short ones",
        setup: Setup {
            configuration: &[("jobstore.max-capacity", "5")],
            agent: "interval=200ms",
            ..Setup::JOB_MANAGER
        },
        plot: |stage| stage.run_for("com.acme.ShortJobs", &["30", "nothing", "0"], A_MOMENT),
        // The first of them is forgotten.
        ends: &[End::JobFinished, End::Alive],
        expected: Expected::HEALTHY,
    },
];

/// For what is to be seen after the end.
const A_MOMENT: Duration = Duration::from_secs(3);

/// A job that fails after a second, until it was restarted so often.
fn restarts(stage: &mut Stage, times: u64) -> Result<()> {
    let job = stage.submit("com.acme.FlakyJob", &["1"])?;
    let deadline = Instant::now() + Duration::from_secs(90);
    while stage.cluster.rest().restarts(&job)? < times && Instant::now() < deadline {
        stage.go_on_for(Duration::from_secs(1))?;
    }
    stage.cancel(&job)
}
