//! Each kind of exhausted memory, and what is known about it.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::trace::disk_bytes;
use flinkmem_tests::{Cgroup, Finished, Jdk, Jvm, Trace, on_every_jdk};
use flinkmem_trace::{EventKind, Incident, IncidentKind};

const MIB: u64 = 1 << 20;

// JVMTI's ResourceExhausted flags.
const OOM_ERROR: u32 = 1;
const JAVA_HEAP: u32 = 2;
const THREADS: u32 = 4;

#[test]
fn a_direct_reservation_that_fails_is_known_before_the_error() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished = direct_oom(jdk)?;
        let refused = finished
            .steps()
            .pop()
            .context("the program was not refused")?;
        let trace = finished.trace()?;
        let incident = trace
            .incidents_of(IncidentKind::DirectSlowPath)
            .last()
            .context("no incident")?;
        assert_eq!(incident.thread.as_deref(), Some("main"));
        assert_eq!(incident.error_class, None);
        assert!(
            passes(incident, "java.nio.Bits.reserveMemory"),
            "{:?}",
            incident.frames
        );
        assert!(passes(incident, "DirectOom.hoard"), "{:?}", incident.frames);
        let direct = incident
            .sample
            .direct
            .context("no direct memory in the incident")?;
        assert_eq!(direct.max_bytes, Some(16 * MIB));
        assert_eq!(direct.capacity_bytes, 16 * MIB);
        assert_eq!(direct.count, 16);
        assert!(incident.t_ms <= refused.t_ms, "told after the error");
        eprintln!(
            "{jdk}: told {} ms before the error",
            refused.t_ms - incident.t_ms
        );
        Ok(())
    })
}

#[test]
fn an_incident_names_the_consumer() -> Result<()> {
    on_every_jdk(|jdk| {
        let trace = direct_oom(jdk)?.trace()?;
        let incident = trace
            .incidents_of(IncidentKind::DirectSlowPath)
            .last()
            .context("no incident")?;
        let top = incident
            .sites
            .first()
            .context("the incident names no site")?;
        assert!(
            trace.sites_through("DirectOom.hoard").contains(&top.id),
            "{top:?}"
        );
        assert!(
            top.live_bytes > 8 * MIB && top.live_bytes < 24 * MIB,
            "{top:?}"
        );
        Ok(())
    })
}

#[test]
fn the_error_of_a_failed_reservation_is_recorded_with_its_words() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished = direct_oom(jdk)?;
        assert_eq!(finished.status.code(), Some(1));
        let trace = finished.trace()?;
        let incident = made_by_java(&trace, "java.lang.OutOfMemoryError")?;
        assert!(passes(incident, "DirectOom.hoard"), "{:?}", incident.frames);
        let message = trace.message_of(incident).context("no message")?;
        assert!(
            message.to_lowercase().contains("direct buffer memory"),
            "{message}"
        );
        Ok(())
    })
}

#[test]
fn a_reservation_that_succeeds_late_is_no_error() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished = Jvm::new(jdk, "DirectRetry")
            .options(["-XX:MaxDirectMemorySize=16m"])
            .arguments(["4194304", "40"])
            .agent("interval=100ms")
            .run_observed()?;
        assert!(finished.status.success(), "{}", finished.stderr);
        let trace = finished.trace()?;
        let incident = trace
            .incidents_of(IncidentKind::DirectSlowPath)
            .next()
            .context("no incident")?;
        assert!(
            passes(incident, "DirectRetry.replace"),
            "{:?}",
            incident.frames
        );
        let succeeded =
            |event: &&flinkmem_trace::Event| event.event == EventKind::SlowPathSucceeded;
        let event = trace
            .events
            .iter()
            .find(succeeded)
            .context("no success is recorded")?;
        assert_eq!(event.bytes, Some(4 * MIB));
        assert_eq!(
            trace.incidents_of(IncidentKind::OutOfMemoryError).count(),
            0
        );
        Ok(())
    })
}

#[test]
fn errors_made_in_java_are_recorded_with_their_words() -> Result<()> {
    on_every_jdk(|jdk| {
        let trace = Jvm::new(jdk, "JavaMadeOom")
            .agent("")
            .run_observed()?
            .trace()?;
        let table = [
            (
                "java.lang.OutOfMemoryError",
                "JavaMadeOom.plain",
                "made by hand",
            ),
            (
                "JavaMadeOom$OutOfDirectMemoryError",
                "JavaMadeOom.subclass",
                "failed to allocate 16777216 byte(s) of direct memory (used: 1, max: 2)",
            ),
        ];
        for (class, method, message) in table {
            let incident = made_by_java(&trace, class)?;
            assert_eq!(trace.message_of(incident), Some(message), "{class}");
            assert_eq!(incident.thread.as_deref(), Some("main"), "{class}");
            assert!(passes(incident, method), "{:?}", incident.frames);
        }
        Ok(())
    })
}

#[test]
fn a_storm_of_errors_is_counted_and_bounded() -> Result<()> {
    const TIMES: u64 = 20_000;
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "OomStorm")
            .arguments([TIMES.to_string().as_str()])
            .agent("interval=100ms")
            .start()?;
        jvm.step("ready")?;
        jvm.wait_for_trace("the first sample", |trace| {
            (!trace.samples.is_empty()).then_some(())
        })?;
        jvm.go_on()?;
        let stormed = jvm.step("stormed")?;
        jvm.wait_for_trace("a sample after the storm", |trace| {
            let last = trace.samples.last()?;
            (last.t_ms > stormed.t_ms).then_some(())
        })?;
        jvm.go_on()?;
        let finished = jvm.finish()?;
        assert!(finished.status.success(), "{}", finished.stderr);
        let trace = finished.trace()?;
        let written = trace.incidents_of(IncidentKind::OutOfMemoryError).count() as u64;
        let dropped = trace.last_sample()?.agent.dropped_incidents;
        assert_eq!(
            written + dropped,
            2 * TIMES,
            "{written} written, {dropped} dropped"
        );
        assert!(disk_bytes(&trace.directory) < 8 * MIB);
        Ok(())
    })
}

#[test]
fn an_exhausted_heap_is_recorded() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished = run_to_refusal(Jvm::new(jdk, "HeapOom").options(["-Xmx48m"]))?;
        let trace = finished.trace()?;
        let incident = exhausted(&trace, OOM_ERROR | JAVA_HEAP)?;
        assert_eq!(incident.thread.as_deref(), Some("main"));
        assert!(passes(incident, "HeapOom.fill"), "{:?}", incident.frames);
        let heap = incident.sample.heap.context("no heap in the incident")?;
        assert!(heap.max_bytes <= 48 * MIB, "{heap:?}");
        Ok(())
    })
}

#[test]
fn an_array_that_no_heap_holds_is_recorded() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished = run_to_refusal(Jvm::new(jdk, "HugeArray").options(["-Xmx48m"]))?;
        let trace = finished.trace()?;
        // The JVM says "array size" or "heap", depending on how far beyond the heap the array is.
        let incident = exhausted(&trace, OOM_ERROR)?;
        assert!(passes(incident, "HugeArray.main"), "{:?}", incident.frames);
        Ok(())
    })
}

#[test]
fn exhausted_metaspace_is_recorded() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished =
            run_to_refusal(Jvm::new(jdk, "MetaspaceOom").options(["-XX:MaxMetaspaceSize=24m"]))?;
        let trace = finished.trace()?;
        let incident = exhausted(&trace, OOM_ERROR)?;
        assert!(
            passes(incident, "MetaspaceOom.main"),
            "{:?}",
            incident.frames
        );
        let message = trace
            .message_of(incident)
            .context("the JVM's words are missing")?;
        assert!(
            ["Metaspace", "Compressed class space"].contains(&message),
            "{message}"
        );
        Ok(())
    })
}

#[test]
fn exhausted_threads_are_recorded() -> Result<()> {
    let group = match Cgroup::pids(80) {
        Ok(group) => group,
        Err(why) => {
            skipped("exhausted_threads_are_recorded", format!("{why:#}"));
            return Ok(());
        }
    };
    // Few threads of the JVM's own, so that the program meets the limit and not the JVM.
    let options = ["-XX:+UseSerialGC", "-XX:CICompilerCount=2"];
    on_every_jdk(|jdk| {
        let jvm = Jvm::new(jdk, "ThreadOom").options(options).within(&group)?;
        let trace = run_to_refusal(jvm)?.trace()?;
        let incident = exhausted(&trace, OOM_ERROR | THREADS)?;
        assert!(passes(incident, "ThreadOom.main"), "{:?}", incident.frames);
        let threads = incident.sample.threads.or(trace.last_sample()?.threads);
        assert!(threads.context("no threads")?.peak > 20, "{threads:?}");
        Ok(())
    })
}

/// Leaks 16 buffers of 1 MiB into a limit of 16 MiB.
fn direct_oom(jdk: &Jdk) -> Result<Finished> {
    Jvm::new(jdk, "DirectOom")
        .options(["-XX:MaxDirectMemorySize=16m"])
        .arguments(["1048576"])
        .agent("")
        .run_observed()
}

/// Runs a program that meets a limit and lives on.
fn run_to_refusal(jvm: Jvm) -> Result<Finished> {
    let finished = jvm.agent("").run_observed()?;
    ensure!(
        finished.status.success(),
        "{}\n{}",
        finished.stdout,
        finished.stderr
    );
    let names: Vec<String> = finished.steps().into_iter().map(|step| step.name).collect();
    ensure!(names == ["ready", "refused", "done"], "{names:?}");
    Ok(finished)
}

fn made_by_java<'a>(trace: &'a Trace, class: &str) -> Result<&'a Incident> {
    let of_class = |incident: &&Incident| incident.error_class.as_deref() == Some(class);
    let mut found = trace
        .incidents_of(IncidentKind::OutOfMemoryError)
        .filter(of_class);
    found
        .next()
        .with_context(|| format!("no incident of {class} in {:?}", trace.incidents))
}

fn exhausted(trace: &Trace, flags: u32) -> Result<&Incident> {
    let flagged = |incident: &&Incident| incident.flags.is_some_and(|given| given & flags == flags);
    let mut found = trace
        .incidents_of(IncidentKind::ResourceExhausted)
        .filter(flagged);
    found
        .next()
        .with_context(|| format!("no incident with flags {flags} in {:?}", trace.incidents))
}

fn passes(incident: &Incident, qualified: &str) -> bool {
    incident
        .frames
        .iter()
        .any(|frame| frame.qualified() == qualified)
}

#[test]
fn a_storm_of_exhausted_resources_does_not_flood_the_programs_output() -> Result<()> {
    const TIMES: usize = 300;
    // Ten incidents are written at once and the eleventh ends the listening; a few more lines may come from a second storm
    // after ten seconds of deafness, should the machine be that slow.
    const MOST_LINES: usize = 40;
    on_every_jdk(|jdk| {
        let finished = Jvm::new(jdk, "HeapStorm")
            .options(["-Xmx32m"])
            .arguments([TIMES.to_string().as_str()])
            .agent("interval=100ms")
            .run_observed()?;
        let done = finished.steps().pop().context("the program did not end")?;
        assert_eq!(
            (done.name.as_str(), done.number(0)?),
            ("done", TIMES as u64)
        );
        let lines = finished
            .stdout
            .matches("Posting Resource Exhausted")
            .count();
        assert!(lines <= MOST_LINES, "{lines} lines on {jdk}");
        let incidents = finished
            .trace()?
            .incidents_of(IncidentKind::ResourceExhausted)
            .count();
        assert!(incidents >= 10, "{incidents} incidents on {jdk}");
        Ok(())
    })
}
