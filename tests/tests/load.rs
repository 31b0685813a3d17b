//! The agent loads into any JVM, describes it, samples it, and the program notices nothing.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Jdk, Jvm, Running, Trace, on_every_jdk};
use flinkmem_trace::{EndReason, FORMAT, PoolKind, Sample};

const COLLECTORS: [(&str, &[&str]); 5] = [
    ("G1", &["-XX:+UseG1GC"]),
    ("Parallel", &["-XX:+UseParallelGC"]),
    ("Serial", &["-XX:+UseSerialGC"]),
    ("ZGC", &["-XX:+UnlockExperimentalVMOptions", "-XX:+UseZGC"]),
    (
        "Shenandoah",
        &["-XX:+UnlockExperimentalVMOptions", "-XX:+UseShenandoahGC"],
    ),
];

#[test]
fn the_header_says_what_runs() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "Idle")
            .options([
                "-Xmx96m",
                "-XX:MaxDirectMemorySize=48m",
                "-Dpassword=secret",
            ])
            .agent("")
            .start()?;
        let pid = jvm.id();
        let trace = until_sampled(&mut jvm, "idle")?;
        let header = &trace.header;
        assert_eq!(header.format, FORMAT);
        assert_eq!(header.pid, pid);
        assert_eq!(header.jvm.version, jdk.version);
        assert_eq!(header.jvm.main_class.as_deref(), Some("Idle"));
        assert_eq!(header.jvm.max_direct_bytes, Some(48 << 20));
        assert!(
            header.jvm.arguments.contains(&"-Xmx96m".to_owned()),
            "{header:?}"
        );
        assert!(!format!("{header:?}").contains("secret"), "{header:?}");
        assert_eq!(header.jvm.arguments_withheld, 1, "{header:?}");
        assert_eq!(header.flink, None);
        assert!(header.start_ms <= header.t_ms, "{header:?}");
        assert!(header.system.page_size_bytes.is_power_of_two());
        Ok(())
    })
}

#[test]
fn samples_come_from_every_source() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "Idle")
            .options(["-Xmx96m"])
            .agent("interval=100ms")
            .start()?;
        let trace = until_sampled(&mut jvm, "idle")?;
        let sample = trace.last_sample()?;
        let heap = sample.heap.context("no heap")?;
        assert!(heap.used_bytes > 0 && heap.used_bytes <= heap.committed_bytes);
        assert!(
            heap.max_bytes > 64 << 20 && heap.max_bytes <= 96 << 20,
            "{heap:?}"
        );
        assert!(sample.direct.is_some() && sample.off_heap.is_some());
        for kind in [PoolKind::Heap, PoolKind::Metaspace, PoolKind::CodeCache] {
            assert!(
                sample.pools.iter().any(|pool| pool.kind == kind),
                "no {kind:?}"
            );
        }
        let threads = sample.threads.context("no threads")?;
        assert!(
            threads.live >= 1 && threads.peak >= threads.live,
            "{threads:?}"
        );
        assert!(sample.classes.context("no classes")?.loaded > 100);
        let process = sample.process.context("no process")?;
        assert!(process.rss_anon_bytes > 0 && process.rss_anon_bytes <= process.vm_rss_bytes);
        assert!(process.threads > threads.live);
        assert!(sample.cpu.context("no cpu")?.process_us > 0);
        assert_eq!(sample.agent.dropped_records, 0);
        Ok(())
    })
}

#[test]
fn even_a_short_life_leaves_a_trace() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished = Jvm::new(jdk, "Hello").agent("").run()?;
        let trace = finished.trace()?;
        assert_eq!(
            trace.end.context("no end record")?.reason,
            EndReason::VmDeath
        );
        assert!(!trace.samples.is_empty(), "even a short life has a sample");
        assert!(trace.damage.is_none(), "{:?}", trace.damage);
        Ok(())
    })
}

#[test]
fn the_program_notices_nothing() -> Result<()> {
    on_every_jdk(|jdk| {
        let program = || Jvm::new(jdk, "Hello").arguments(["a", "b"]);
        let bare = program().run()?;
        let with_agent = program().agent("").run_observed()?;
        assert_eq!(bare.status.code(), Some(7));
        assert_eq!(with_agent.status, bare.status);
        assert_eq!(with_agent.stdout, bare.stdout);
        assert_eq!(with_agent.stderr, bare.stderr);
        assert!(with_agent.trace()?.end.is_some(), "the agent was not there");
        Ok(())
    })
}

#[test]
fn every_collector_is_observed() -> Result<()> {
    on_every_jdk(|jdk| {
        for (name, options) in COLLECTORS {
            if !jdk.accepts(options)? {
                skipped(
                    "every_collector_is_observed",
                    format!("{jdk} has no {name}"),
                );
                continue;
            }
            collections_are_counted(jdk, options).context(name)?;
        }
        Ok(())
    })
}

fn collections_are_counted(jdk: &Jdk, options: &[&str]) -> Result<()> {
    let mut jvm = Jvm::new(jdk, "Busy")
        .options(["-Xmx128m"])
        .options(options.iter().copied())
        .agent("interval=100ms")
        .start()?;
    let trace = until_sampled(&mut jvm, "worked")?;
    let sample = trace.last_sample()?;
    let collections: u64 = sample
        .collectors
        .iter()
        .map(|collector| collector.count)
        .sum();
    ensure!(
        collections >= 1,
        "System.gc() is not counted: {:?}",
        sample.collectors
    );
    let after = sample.heap.and_then(|heap| heap.after_gc_bytes);
    ensure!(
        after.is_some_and(|bytes| bytes > 0),
        "no heap after a collection: {:?}",
        sample.heap
    );
    jvm.go_on()?;
    let finished = jvm.finish()?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    ensure!(finished.stderr.is_empty(), "{}", finished.stderr);
    Ok(())
}

#[test]
fn jni_is_used_by_the_book() -> Result<()> {
    on_every_jdk(|jdk| {
        for main_class in [
            "Busy",
            "JavaMadeOom",
            "HeapOom",
            "UnsafeSteps",
            "DirectRetry",
        ] {
            let with_options = |jvm: Jvm| {
                jvm.options(["-Xcheck:jni", "-Xmx64m"])
                    .arguments(["1048576", "200"])
            };
            let bare = with_options(Jvm::new(jdk, main_class)).run()?;
            let with_agent = with_options(Jvm::new(jdk, main_class))
                .agent("interval=50ms")
                .run_observed()?;
            assert!(with_agent.status.success(), "{}", with_agent.stderr);
            assert!(with_agent.trace()?.end.is_some(), "the agent was not there");
            let complaints = |text: &str| -> Vec<String> {
                let of_jni = |line: &&str| {
                    line.contains("in native method") || line.starts_with("WARNING: JNI")
                };
                text.lines().filter(of_jni).map(str::to_owned).collect()
            };
            assert_eq!(
                complaints(&with_agent.stdout),
                complaints(&bare.stdout),
                "{main_class}"
            );
            assert_eq!(
                complaints(&with_agent.stderr),
                complaints(&bare.stderr),
                "{main_class}"
            );
        }
        Ok(())
    })
}

/// Waits for the program's step and then for a sample that was taken after it.
fn until_sampled(jvm: &mut Running, step: &str) -> Result<Trace> {
    let step = jvm.step(step)?;
    let after = |sample: &Sample| sample.t_ms > step.t_ms;
    jvm.wait_for_trace("a sample after the step", |trace| {
        trace.samples.last().is_some_and(after).then_some(())
    })?;
    jvm.trace()
}
