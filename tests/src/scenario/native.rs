//! Native memory in a container.

use super::{End, Expected, Scenario, Setup};
use std::time::Duration;

/// A small TaskManager whose container is as large as the process is configured to be.
const CONTAINER: Setup = Setup {
    configuration: &[
        ("taskmanager.memory.process.size", "704m"),
        ("taskmanager.memory.jvm-metaspace.size", "128m"),
        ("taskmanager.memory.framework.off-heap.size", "64m"),
        ("taskmanager.memory.managed.size", "64m"),
        ("taskmanager.memory.network.max", "32m"),
        ("taskmanager.memory.network.min", "32m"),
    ],
    memory_mib: Some(704),
    // Evidence that is taken once a minute is taken every six seconds then.
    agent: "interval=100ms",
    ..Setup::TASK_MANAGER
};

/// The same under jemalloc, as in Flink's images.
const JEMALLOC: &[(&str, &str)] = &[("LD_PRELOAD", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")];

/// What a leak must be called.
const fn leak(labels: &'static [&'static str], consumer: &'static [&'static str]) -> Expected {
    Expected {
        labels,
        limit: "container",
        consumer,
        evidence: &[],
        also: &[],
    }
}

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "inflater-leak",
        about: "user code makes an Inflater for each record and never ends it, until the container is full",
        setup: CONTAINER,
        plot: |stage| stage.run("com.acme.CodecLeakJob", &["inflater", "400"]),
        ends: &[End::Killed],
        expected: leak(
            &["codec_native_leak"],
            &["com.acme.CodecLeakJob$Decoder.unpack"],
        ),
    },
    Scenario {
        name: "deflater-leak-slow",
        about: "user code makes a Deflater now and then and never ends it: seen before the end",
        setup: Setup {
            agent: "interval=50ms",
            ..CONTAINER
        },
        plot: |stage| {
            let arguments = ["deflater", "12"];
            stage.run_for("com.acme.CodecLeakJob", &arguments, Duration::from_secs(50))
        },
        ends: &[End::Alive],
        expected: leak(
            &["codec_native_leak"],
            &["com.acme.CodecLeakJob$Decoder.open"],
        ),
    },
    Scenario {
        name: "unsafe-leak",
        about: "user code takes memory of sun.misc.Unsafe and frees none of it",
        setup: CONTAINER,
        plot: |stage| stage.run("com.acme.UnsafeLeakJob", &["20000000"]),
        ends: &[End::Killed],
        expected: leak(
            &["unsafe_memory_leak"],
            &["com.acme.UnsafeLeakJob$OffHeapIndex.insert"],
        ),
    },
    Scenario {
        name: "unsafe-leak-slow",
        about: "the same, three megabytes a second: seen before the end",
        setup: Setup {
            agent: "interval=50ms",
            ..CONTAINER
        },
        plot: |stage| {
            let time = Duration::from_secs(50);
            stage.run_for("com.acme.UnsafeLeakJob", &["3000000"], time)
        },
        ends: &[End::Alive],
        expected: leak(
            &["unsafe_memory_leak"],
            &["com.acme.UnsafeLeakJob$OffHeapIndex.insert"],
        ),
    },
    Scenario {
        name: "rocksdb-objects",
        about: "user code makes options with statistics for a RocksDB of its own and closes none",
        setup: CONTAINER,
        plot: |stage| stage.run("com.acme.RocksObjectsJob", &["100"]),
        ends: &[End::Killed],
        expected: leak(
            &["rocksdb_native_leak"],
            &["com.acme.RocksObjectsJob$Lookup.configure"],
        ),
    },
    Scenario {
        name: "rocksdb-unmanaged",
        about: "RocksDB without managed memory and with large write buffers",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.process.size", "704m"),
                ("taskmanager.memory.jvm-metaspace.size", "128m"),
                ("taskmanager.memory.framework.off-heap.size", "64m"),
                ("taskmanager.memory.managed.size", "96m"),
                ("taskmanager.memory.network.max", "32m"),
                ("taskmanager.memory.network.min", "32m"),
                ("state.backend.type", "rocksdb"),
                ("state.backend.rocksdb.memory.managed", "false"),
                ("state.backend.rocksdb.writebuffer.size", "512m"),
                ("state.backend.rocksdb.writebuffer.count", "4"),
            ],
            ..CONTAINER
        },
        plot: |stage| stage.run("com.acme.RocksDbBulkJob", &["16000000", "35"]),
        ends: &[End::Killed],
        expected: leak(&["rocksdb_over_budget"], &["RocksDB"]),
    },
    Scenario {
        name: "fragmentation-glibc",
        about: "workers free nearly all of what they take, but glibc's arenas keep it",
        setup: CONTAINER,
        plot: |stage| stage.run("com.acme.FragmentJob", &["34000000", "0.8", "1000"]),
        ends: &[End::Killed],
        expected: leak(&["allocator_fragmentation"], &["glibc"]),
    },
    Scenario {
        name: "fragmentation-jemalloc",
        about: "workers free nearly all of what they take, but jemalloc's slabs keep it",
        setup: Setup {
            environment: JEMALLOC,
            ..CONTAINER
        },
        plot: |stage| stage.run("com.acme.FragmentJob", &["20000000", "1", "112+224+448"]),
        ends: &[End::Killed],
        expected: leak(&["allocator_fragmentation"], &["jemalloc"]),
    },
    Scenario {
        name: "engine-leak",
        about: "a library that came with the job leaks what it takes of malloc; the agent counts by library",
        setup: Setup {
            agent: "interval=100ms,native=on",
            ..CONTAINER
        },
        plot: |stage| stage.run("com.acme.EngineLeakJob", &["20000000"]),
        ends: &[End::Killed],
        expected: leak(&["native_engine_leak"], &["libacmeengine.so"]),
    },
    Scenario {
        name: "engine-leak-unseen",
        about: "the same, but nobody counts by library: it must not be named",
        setup: CONTAINER,
        plot: |stage| stage.run("com.acme.EngineLeakJob", &["20000000"]),
        ends: &[End::Killed],
        expected: leak(&["native_growth_unattributed"], &[]),
    },
    Scenario {
        name: "overhead-undersized",
        about: "nothing leaks, but the JVM's overhead was given no room: killed when the heap first fills",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.process.size", "704m"),
                ("taskmanager.memory.jvm-metaspace.size", "64m"),
                ("taskmanager.memory.jvm-overhead.min", "1m"),
                ("taskmanager.memory.jvm-overhead.max", "1m"),
                ("taskmanager.memory.framework.off-heap.size", "16m"),
                ("taskmanager.memory.managed.size", "0"),
                ("taskmanager.memory.network.max", "32m"),
                ("taskmanager.memory.network.min", "32m"),
            ],
            // Collections that may take long come late: all of the heap is in use before the first, on every JDK.
            java_options: &["-XX:MaxGCPauseMillis=2000"],
            ..CONTAINER
        },
        plot: |stage| stage.run("com.acme.HeapFillJob", &["280000000", "10", "40"]),
        ends: &[End::Killed],
        expected: leak(&["jvm_overhead_undersized"], &["JVM"]),
    },
    Scenario {
        name: "container-below-budget",
        about: "the container is smaller than the process is configured to be",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.process.size", "1024m"),
                ("taskmanager.memory.managed.size", "64m"),
            ],
            memory_mib: Some(448),
            ..CONTAINER
        },
        plot: |stage| stage.run("com.acme.HeapFillJob", &["150000000", "15", "40"]),
        ends: &[End::Killed],
        expected: leak(&["container_limit_below_budget"], &[]),
    },
];
