//! `malloc` by library (`native=on`): whose the bytes are, and that nobody notices.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::flink::Home;
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Jdk, Jvm, Running, Step, Trace, on_every_jdk};
use flinkmem_trace::{Libraries, LibraryUse, Record, SkipReason};
use std::path::Path;

const NATIVE: &str = "native=on,interval=50ms";

/// Where Debian's `libjemalloc2` puts it.
const JEMALLOC: &str = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";

/// What zlib documents a deflater to need: `(1 << (15 + 2)) + (1 << (8 + 9))`, "plus a few kilobytes for small objects".
const DEFLATER: u64 = 1 << 18;
const SMALL_OBJECTS: u64 = 32 << 10;

#[test]
fn deflaters_belong_to_the_library_that_compresses_and_to_whoever_made_them() -> Result<()> {
    on_every_jdk(|jdk| {
        let collector = if jdk.feature == 21 {
            &["-XX:+UseZGC"][..]
        } else {
            &["-XX:+UseG1GC"]
        };
        let jvm = Jvm::new(jdk, "DeflaterHoard")
            .options(collector.iter().copied())
            .arguments(["400"]);
        hoard(jvm).context("glibc")
    })
}

#[test]
fn a_preloaded_allocator_changes_nothing() -> Result<()> {
    if !Path::new(JEMALLOC).is_file() {
        skipped(
            "a_preloaded_allocator_changes_nothing",
            format!("{JEMALLOC} is missing (Debian: apt-get install libjemalloc2)"),
        );
        return Ok(());
    }
    for feature in [11, 25] {
        let jvm = Jvm::new(&Jdk::find(feature)?, "DeflaterHoard")
            .options(["-Xcheck:jni"])
            .environment("LD_PRELOAD", JEMALLOC)
            .arguments(["400"]);
        hoard(jvm).with_context(|| format!("JDK {feature}"))?;
    }
    Ok(())
}

fn hoard(jvm: Jvm) -> Result<()> {
    let mut jvm = jvm.agent(NATIVE).start()?;
    let step = jvm.step("hoarded")?;
    let (trace, told) = told_after(&mut jvm, &step)?;
    let count = step.number(0)?;
    let held: Vec<&LibraryUse> = told
        .libraries
        .iter()
        .filter(|it| compresses(&it.name))
        .collect();
    let live: u64 = held.iter().map(|library| library.live_bytes).sum();
    within(
        live,
        count * DEFLATER,
        count * SMALL_OBJECTS,
        told.sampling_bytes,
    )?;
    let makers = trace.sites_through("DeflaterHoard.hoard");
    let under_maker = |site: &&flinkmem_trace::LibrarySite| makers.contains(&site.id);
    let by_site: u64 = told
        .sites
        .iter()
        .filter(under_maker)
        .map(|site| site.live_bytes)
        .sum();
    within(
        by_site,
        count * DEFLATER,
        count * SMALL_OBJECTS,
        told.sampling_bytes,
    )
    .context("under the maker's stack")?;
    let allocators = |name: &str| {
        told.skipped
            .iter()
            .any(|it| it.reason == SkipReason::Allocator && it.name.starts_with(name))
    };
    ensure!(allocators("libc."), "{:?}", told.skipped);

    jvm.go_on()?;
    let step = jvm.step("ended")?;
    let (trace, told) = told_after(&mut jvm, &step)?;
    let makers = trace.sites_through("DeflaterHoard.hoard");
    let left: Vec<_> = told
        .sites
        .iter()
        .filter(|site| makers.contains(&site.id))
        .collect();
    ensure!(left.is_empty(), "ended deflaters are still held: {left:?}");
    jvm.go_on()?;
    let finished = jvm.finish()?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    Ok(())
}

/// Debian links the JDK with the system's zlib, others bundle it.
fn compresses(name: &str) -> bool {
    name.starts_with("libz.") || name == "libzip.so"
}

#[test]
fn a_library_that_java_loads_later_holds_what_it_allocates_from_then_on() -> Result<()> {
    let rocksdb = Home::fetch("1.20.5")?.class_path()?;
    for feature in [11, 17] {
        let mut jvm = Jvm::new(&Jdk::find(feature)?, "Memtable")
            .arguments([rocksdb.as_str(), "64"])
            .agent(NATIVE)
            .start()?;
        let step = jvm.step("filled")?;
        let (trace, told) = told_after(&mut jvm, &step)?;
        let of_rocksdb = |library: &&LibraryUse| library.name.starts_with("librocksdbjni");
        let held = told
            .libraries
            .iter()
            .find(of_rocksdb)
            .context("RocksDB is not named")?;
        let memtables = step.number(0)?;
        ensure!(memtables >= 64 << 20, "{step:?}");
        // Beside its memtable, an open database holds a few mebibytes.
        within(held.live_bytes, memtables, 8 << 20, told.sampling_bytes)?;
        let writers = trace.sites_through("org.rocksdb.RocksDB.put");
        let written: u64 = told
            .sites
            .iter()
            .filter(|it| writers.contains(&it.id))
            .map(|it| it.live_bytes)
            .sum();
        within(written, memtables, 8 << 20, told.sampling_bytes).context("under put")?;
        jvm.go_on()?;
        let finished = jvm.finish()?;
        ensure!(finished.status.success(), "{}", finished.stderr);
    }
    Ok(())
}

#[test]
fn threads_and_child_processes_come_to_no_harm() -> Result<()> {
    on_every_jdk(|jdk| {
        let launch = if jdk.feature == 17 { "VFORK" } else { "FORK" };
        let launch = format!("-Djdk.lang.Process.launchMechanism={launch}");
        let mut jvm = Jvm::new(jdk, "NativeStorm")
            .options(["-Xmx128m"])
            .options(std::iter::once(launch.as_str()).filter(|_| jdk.feature != 25))
            .arguments(["24", "8", "20", "4"])
            .agent(NATIVE)
            .start()?;
        let step = jvm.step("stormed")?;
        let (_, told) = told_after(&mut jvm, &step)?;
        let mut compressing = told.libraries.iter().filter(|it| compresses(&it.name));
        let allocated: u64 = compressing.clone().map(|it| it.allocated_bytes).sum();
        let samples: u64 = compressing.clone().map(|it| it.allocated_samples).sum();
        let expected = 24 * 8 * 20 * DEFLATER;
        // Samples are of different weights here; the fewest and heaviest decide.
        let tolerance = expected * 4 / samples.max(1).isqrt();
        ensure!(
            allocated + tolerance >= expected && allocated <= expected * 3 / 2 + tolerance,
            "{allocated} allocated instead of {expected} ± {tolerance}"
        );
        ensure!(
            compressing.all(|it| it.samples <= 2),
            "all were ended: {:?}",
            told.libraries
        );
        ensure!(told.dropped_samples == 0, "{told:?}");
        jvm.go_on()?;
        let finished = jvm.finish()?;
        ensure!(finished.status.success(), "{}", finished.stderr);
        ensure!(finished.trace()?.end.is_some(), "no orderly end");
        Ok(())
    })
}

#[test]
fn without_the_option_no_library_is_touched() -> Result<()> {
    let trace = Jvm::new(&Jdk::find(17)?, "Idle")
        .agent("interval=50ms")
        .run_observed()?
        .trace()?;
    let told = trace
        .evidence
        .iter()
        .any(|record| matches!(record, Record::Libraries(_)));
    ensure!(!told, "malloc is told by library");
    Ok(())
}

/// `bytes`, or up to `more`, and four standard deviations of an estimate on either side.
fn within(estimate: u64, bytes: u64, more: u64, sampling_bytes: u64) -> Result<()> {
    let tolerance = 4 * ((bytes + more) * sampling_bytes).isqrt();
    ensure!(
        estimate + tolerance >= bytes && estimate <= bytes + more + tolerance,
        "{estimate} instead of {bytes} to {} ± {tolerance}",
        bytes + more
    );
    Ok(())
}

/// The first record that was taken after `step`, with the trace that has its sites.
fn told_after(jvm: &mut Running, step: &Step) -> Result<(Trace, Libraries)> {
    let told = |trace: &Trace| {
        trace.evidence.iter().find_map(|record| match record {
            Record::Libraries(told) if told.taken.t_ms > step.t_ms => Some((**told).clone()),
            _ => None,
        })
    };
    let told = jvm.wait_for_trace("libraries after the step", told)?;
    Ok((jvm.trace()?, told))
}
