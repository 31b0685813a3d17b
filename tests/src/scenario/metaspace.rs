//! Metaspace: class loaders that jobs leave behind, in each of the known ways, and classes that are too many.

use super::{End, Expected, Scenario, Setup};
use std::time::Duration;

/// Room for Flink and four or five generations of the job.
const CONFIGURATION: &[(&str, &str)] = &[
    ("taskmanager.memory.jvm-metaspace.size", "96m"),
    ("restart-strategy.type", "none"),
];

const SESSION: Setup = Setup {
    configuration: CONFIGURATION,
    ..Setup::TASK_MANAGER
};

/// At its limit a TaskManager ends, or hangs.
const EXHAUSTED: &[End] = &[End::Exited, End::Alive, End::JobFailed];

/// Jobs of 1,500 classes, some 10 MiB, until they no longer fit.
const JOBS: usize = 9;
const CLASSES: &str = "1500";
/// More jobs fit, so that more threads show whose they are.
const FEWER_CLASSES: &str = "1100";

/// What a leak must be called: `kind` is the words for its path.
const fn leak(consumer: &'static [&'static str], kind: &'static [&'static str]) -> Expected {
    Expected {
        labels: &["classloader_leak"],
        limit: "metaspace",
        consumer,
        evidence: kind,
        also: &[],
    }
}

/// All of the family.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "loader-thread",
        about: "each job leaves a thread that runs its code; jobs are submitted until metaspace is full",
        setup: SESSION,
        plot: |stage| stage.repeat(JOBS, "com.acme.LoaderLeakJob", &["task", "thread", CLASSES]),
        ends: EXHAUSTED,
        expected: leak(
            &["acme-metrics-flusher"],
            &["kept by a live thread", "com.acme.LeftBehind.start"],
        ),
    },
    Scenario {
        name: "loader-thread-slow",
        about: "each job leaves a thread that runs its code; there is room for some more of them: seen before the end",
        setup: SESSION,
        plot: |stage| {
            stage.repeat(5, "com.acme.LoaderLeakJob", &["task", "thread", "900"])?;
            stage.go_on_for(Duration::from_secs(3))
        },
        ends: &[End::JobFinished],
        expected: leak(&["acme-metrics-flusher"], &["kept by a live thread"]),
    },
    Scenario {
        name: "loader-inherited-context",
        about: "each job leaves a pool of the JDK's whose thread inherited its context class loader",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.jvm-metaspace.size", "96m"),
                ("restart-strategy.type", "none"),
                // Else Flink's wrapper lets go of the loader when it is closed.
                ("classloader.check-leaked-classloader", "false"),
            ],
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let arguments = ["task", "inherited_context", CLASSES];
            stage.repeat(JOBS, "com.acme.LoaderLeakJob", &arguments)
        },
        ends: EXHAUSTED,
        expected: leak(
            &["thread pool-#-thread-#"],
            &[
                "kept by a thread's inherited context class loader",
                "com.acme.LeftBehind.inheritedContext",
            ],
        ),
    },
    Scenario {
        name: "loader-inherited-access-context",
        about: "the same as Flink comes: the thread remembers who started it",
        setup: Setup {
            java: &[11, 17, 21],
            ..SESSION
        },
        plot: |stage| {
            let arguments = ["task", "inherited_context", CLASSES];
            stage.repeat(JOBS, "com.acme.LoaderLeakJob", &arguments)
        },
        ends: EXHAUSTED,
        expected: leak(
            &["thread pool-#-thread-#"],
            &["kept by a thread's inherited access control context"],
        ),
    },
    Scenario {
        name: "loader-thread-local",
        about: "each job leaves the value of a ThreadLocal with a thread of the JVM's",
        setup: Setup {
            // Later ones run such code in a pool whose threads forget.
            java: &[11, 17, 21],
            ..SESSION
        },
        plot: |stage| {
            let arguments = ["task", "thread_local_of_pool", CLASSES];
            stage.repeat(JOBS, "com.acme.LoaderLeakJob", &arguments)
        },
        ends: EXHAUSTED,
        expected: leak(
            &["com.acme.LeftBehind$Session in a ThreadLocal"],
            &["kept by a ThreadLocal of a live thread"],
        ),
    },
    Scenario {
        name: "loader-driver",
        about: "each job registers a JDBC driver of its own",
        setup: SESSION,
        plot: |stage| stage.repeat(JOBS, "com.acme.LoaderLeakJob", &["task", "driver", CLASSES]),
        ends: EXHAUSTED,
        expected: leak(
            &["com.acme.LeftBehind$AcmeDriver in java.sql.DriverManager"],
            &["kept by a static field of a class that is never unloaded"],
        ),
    },
    Scenario {
        name: "loader-static",
        about: "each job adds something to a list of the JDK's that only a walk over the heap finds; somebody asks for it before the end",
        setup: SESSION,
        plot: |stage| {
            let arguments = ["task", "provider", CLASSES];
            stage.repeat(3, "com.acme.LoaderLeakJob", &arguments)?;
            // The two seconds of an incident suffice on a machine that is not busy.
            stage.snapshot(Duration::from_secs(10))?;
            stage.repeat(JOBS, "com.acme.LoaderLeakJob", &arguments)
        },
        ends: EXHAUSTED,
        expected: leak(
            &["com.acme.LeftBehind$AcmeProvider in sun.security.jca.Providers"],
            &["kept by a static field of a class that is never unloaded"],
        ),
    },
    Scenario {
        name: "loader-shutdown-hook",
        about: "each job adds a shutdown hook",
        setup: SESSION,
        plot: |stage| {
            let arguments = ["task", "shutdown_hook", CLASSES];
            stage.repeat(JOBS, "com.acme.LoaderLeakJob", &arguments)
        },
        ends: EXHAUSTED,
        expected: leak(
            &["com.acme.LeftBehind$Goodbye in shutdown hook"],
            &["kept by a shutdown hook"],
        ),
    },
    Scenario {
        name: "loader-many-threads",
        about: "each job leaves a dozen threads, which fill metaspace: the threads are the cause",
        setup: SESSION,
        plot: |stage| {
            stage.repeat(
                JOBS,
                "com.acme.LoaderLeakJob",
                &["task", "threads", FEWER_CLASSES],
            )
        },
        ends: EXHAUSTED,
        expected: Expected {
            labels: &["thread_leak"],
            limit: "metaspace",
            consumer: &["acme-metrics-flusher"],
            evidence: &["they outlive", "metaspace met its limit"],
            also: &["classloader_leak"],
        },
    },
    Scenario {
        name: "metaspace-undersized",
        about: "one job makes more classes than fit",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.jvm-metaspace.size", "144m"),
                ("restart-strategy.type", "none"),
            ],
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let arguments = ["16000", "1000", "fails"];
            stage.run_for(
                "com.acme.ManyClassesJob",
                &arguments,
                Duration::from_secs(25),
            )
        },
        ends: EXHAUSTED,
        expected: Expected {
            labels: &["metaspace_undersized"],
            limit: "metaspace",
            consumer: &["ChildFirstClassLoader"],
            evidence: &["one generation", "com.acme.Generated.define"],
            also: &[],
        },
    },
    Scenario {
        name: "oom-swallowed",
        about: "a job catches the error of a full metaspace, and hangs",
        setup: Setup {
            configuration: &[
                ("taskmanager.memory.jvm-metaspace.size", "72m"),
                ("restart-strategy.type", "none"),
            ],
            ..Setup::TASK_MANAGER
        },
        plot: |stage| {
            let arguments = ["60000", "1500", "swallowed"];
            stage.run_for(
                "com.acme.ManyClassesJob",
                &arguments,
                Duration::from_secs(38),
            )
        },
        ends: &[End::Alive],
        expected: Expected {
            labels: &["oom_swallowed_zombie"],
            limit: "metaspace",
            consumer: &["com.acme"],
            evidence: &["the process is alive", "OutOfMemoryError: Metaspace"],
            also: &["metaspace_undersized"],
        },
    },
    Scenario {
        name: "session-honest-jobs",
        about: "many jobs one after the other in a session cluster, none of which leaves anything: healthy",
        setup: SESSION,
        plot: |stage| stage.repeat(12, "com.acme.LoaderLeakJob", &["task", "nothing", CLASSES]),
        ends: &[End::JobFinished],
        expected: Expected::HEALTHY,
    },
];
