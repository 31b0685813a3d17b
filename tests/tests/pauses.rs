//! Pauses with their cause, and what else keeps a process from running.

use anyhow::{Context, Result};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Cgroup, Jdk, Jvm, Running, Trace, on_every_jdk};
use flinkmem_trace::{Pause, Record, Sample, SiteUse};
use std::time::Duration;

/// Whose collections are one pause each.
const STOP_THE_WORLD: [(&str, &str); 3] = [
    ("-XX:+UseG1GC", "G1"),
    ("-XX:+UseParallelGC", "Parallel"),
    ("-XX:+UseSerialGC", "Serial"),
];

/// Whose collections have several pauses.
const CONCURRENT: [&str; 2] = ["-XX:+UseZGC", "-XX:+UseShenandoahGC"];

#[test]
fn a_pause_is_told_with_cause_and_collector() -> Result<()> {
    on_every_jdk(|jdk| {
        for (option, name) in STOP_THE_WORLD {
            let mut jvm = start(jdk, &[option], &["2"])?;
            ready(&mut jvm)?;
            let before = jvm.trace()?.last_sample()?.clone();
            let sample = collected(&mut jvm)?;
            let trace = jvm.trace()?;
            let pauses = caused_by_program(&trace);
            assert_eq!(pauses.len(), 2, "{name}: {:?}", trace.evidence);
            for pause in &pauses {
                let collector = pause.collector.as_deref().context("no collector")?;
                assert!(!collector.contains("young"), "{name}: {collector}");
            }
            let told: u64 = pauses.iter().map(|pause| pause.duration_us).sum();
            let (pauses_before, pauses) = (before.pauses.unwrap(), sample.pauses.unwrap());
            // Parallel collects the young generation first, in the same pause.
            assert!(
                pauses.collections - pauses_before.collections >= 2,
                "{name}"
            );
            assert!(pauses.total_us - pauses_before.total_us >= told, "{name}");
            let (before, after) = (before.safepoints.unwrap(), sample.safepoints.unwrap());
            assert!(after.count - before.count >= 2, "{name}: {after:?}");
            assert!(
                1000 * (after.stopped_ms + 1) >= told,
                "{name}: {after:?}, pauses of {told} us"
            );
            assert_eq!(sample.agent.dropped_pauses, 0);
        }
        Ok(())
    })
}

#[test]
fn without_performance_data_a_pause_has_no_cause() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = start(jdk, &["-XX:-UsePerfData"], &["1"])?;
        ready(&mut jvm)?;
        let sample = collected(&mut jvm)?;
        assert_eq!(sample.safepoints, None);
        let trace = jvm.trace()?;
        let pauses: Vec<&Pause> = pauses(&trace).collect();
        assert!(!pauses.is_empty());
        assert!(
            pauses.iter().all(|pause| pause.cause.is_none()),
            "{pauses:?}"
        );
        Ok(())
    })
}

/// A block is old after three collections, not after three pauses.
#[test]
fn memory_ages_by_collections_with_concurrent_collectors_too() -> Result<()> {
    on_every_jdk(|jdk| {
        for collector in CONCURRENT {
            let options = ["-XX:+UnlockExperimentalVMOptions", collector];
            if !jdk.accepts(&options)? {
                skipped(
                    "memory_ages_by_collections",
                    format!("no {collector} on {jdk}"),
                );
                continue;
            }
            let mut jvm = start(jdk, &options, &["2", "3"])?;
            ready(&mut jvm)?;
            let before = jvm.trace()?.last_sample()?.pauses.context("no pauses")?;
            let after_two = collected(&mut jvm)?;
            let pauses = after_two.pauses.context("no pauses")?;
            assert_eq!(pauses.collections - before.collections, 2, "{collector}");
            assert!(pauses.count - before.count > 3, "{collector}: {pauses:?}");
            assert_eq!(
                old_bytes(&after_two),
                0,
                "{collector}: {:?}",
                after_two.sites
            );
            jvm.go_on()?;
            let after_five = collected(&mut jvm)?;
            assert!(
                old_bytes(&after_five) >= 8 << 20,
                "{collector}: {after_five:?}"
            );
        }
        Ok(())
    })
}

#[test]
fn a_process_that_is_held_back_shows_it() -> Result<()> {
    const QUOTA_PERCENT: u64 = 20;
    let group = match Cgroup::cpu(QUOTA_PERCENT) {
        Ok(group) => group,
        Err(why) => {
            skipped("a_process_that_is_held_back_shows_it", format!("{why:#}"));
            return Ok(());
        }
    };
    let jdk = Jdk::find(17)?;
    let mut jvm = Jvm::new(&jdk, "Spin")
        .agent("interval=50ms")
        .within(&group)?
        .start()?;
    jvm.step("spinning")?;
    // Nothing of this is the JVM's doing: it paused for less than the agent overslept.
    jvm.wait_for_trace("throttling in a sample, and oversleeping", |trace| {
        let throttled = |sample: &Sample| sample.cpu?.throttled_us.filter(|&us| us > 100_000);
        let overslept: u64 = trace.samples.iter().map(|s| s.agent.overslept_us).sum();
        let paused = trace.samples.last()?.pauses?.total_us;
        let throttled = trace.samples.iter().find_map(throttled)?;
        (overslept > paused).then_some(throttled)
    })?;
    let trace = jvm.trace()?;
    let cpu = |sample: &Sample| sample.cpu.filter(|cpu| cpu.throttled_us.is_some());
    let cpu = trace.samples.iter().rev().find_map(cpu).context("no cpu")?;
    let (periods, throttled) = (cpu.periods.unwrap(), cpu.throttled_periods.unwrap());
    assert!(throttled > 0 && throttled <= periods, "{cpu:?}");
    assert_eq!(trace.header.system.cpu_quota, Some(0.2));
    Ok(())
}

#[test]
fn a_stopped_process_is_told_from_a_pause() -> Result<()> {
    let mut jvm = start(&Jdk::find(17)?, &[], &[])?;
    ready(&mut jvm)?;
    const STOPPED: Duration = Duration::from_millis(300);
    jvm.process().stop_for(STOPPED)?;
    let stopped_us = u64::try_from(STOPPED.as_micros())?;
    let (before, late) = jvm.wait_for_trace("a sample that came late", |trace| {
        let late = |pair: &&[Sample]| pair[1].agent.overslept_us > stopped_us / 2;
        let pair = trace.samples.windows(2).find(late)?;
        Some((pair[0].clone(), pair[1].clone()))
    })?;
    let pauses = |sample: &Sample| sample.pauses.map(|pauses| pauses.count);
    assert_eq!(pauses(&before), pauses(&late));
    Ok(())
}

fn start(jdk: &Jdk, options: &[&str], times: &[&str]) -> Result<Running> {
    Jvm::new(jdk, "Pauses")
        .options(options.iter().copied())
        .arguments(times.iter().copied())
        .agent("interval=50ms")
        .start()
}

/// Waits until the agent has sampled what was there before the first collection.
fn ready(jvm: &mut Running) -> Result<()> {
    let ready = jvm.step("ready")?;
    sampled_after(jvm, ready.t_ms)?;
    jvm.go_on()
}

/// The first sample with sites after the next collections.
fn collected(jvm: &mut Running) -> Result<Sample> {
    let step = jvm.step("collected")?;
    sampled_after(jvm, step.t_ms)
}

fn sampled_after(jvm: &mut Running, t_ms: i64) -> Result<Sample> {
    jvm.wait_for_trace("a sample after the step", |trace| {
        let after = |sample: &&Sample| sample.t_ms > t_ms && !sample.sites.is_empty();
        trace.samples.iter().find(after).cloned()
    })
}

fn old_bytes(sample: &Sample) -> u64 {
    sample
        .sites
        .iter()
        .map(|site: &SiteUse| site.old_bytes)
        .sum()
}

fn pauses(trace: &Trace) -> impl Iterator<Item = &Pause> {
    trace.evidence.iter().filter_map(|record| match record {
        Record::Pause(pause) => Some(pause),
        _ => None,
    })
}

fn caused_by_program(trace: &Trace) -> Vec<&Pause> {
    let by_program = |pause: &&Pause| pause.cause.as_deref() == Some("System.gc()");
    pauses(trace).filter(by_program).collect()
}
