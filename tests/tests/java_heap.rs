//! What the Java heap holds: classes, holders, allocation sites of what survives.

use anyhow::{Context, Result};
use flinkmem_tests::{Jdk, Jvm, Running, Trace, on_every_jdk};
use flinkmem_trace::{
    ClassCount, HeapSite, HeapSites, Histogram, Holder, HolderKind, Occasion, PathOutcome, Record,
    RootKind,
};
use std::time::Duration;

const KNOWN: u64 = 54_321;
const LEAKED_AT_FIRST: u64 = 20_000;
const LEAKED_LATER: u64 = 120_000;
const QUEUED: u64 = 30_000;
const LARGEST: u64 = 600_001;
const FILLING_MIB: u64 = 24;

const CROWDING_MIB: u64 = 8;
const RETAINED: u64 = 20_000;
const RETAINED_BYTES: u64 = 16 + 15 * 8;

/// Live set: about 38 MiB of 64 when held, 46 when leaked, 54 when crowded.
fn heap_shape(jdk: &Jdk, options: &[&str], crowding_mib: u64) -> Result<Running> {
    let arguments = [
        KNOWN,
        LEAKED_AT_FIRST,
        QUEUED,
        LARGEST,
        FILLING_MIB,
        LEAKED_LATER,
        crowding_mib,
        RETAINED,
    ];
    let arguments = arguments.map(|number| number.to_string());
    let mut jvm = Jvm::new(jdk, "HeapShape")
        .options(["-Xmx64m"])
        .options(options.iter().copied())
        .arguments(arguments.iter().map(String::as_str))
        .agent("interval=50ms")
        .start()?;
    jvm.step("ready")?;
    Ok(jvm)
}

#[test]
fn the_heap_is_told_by_class_while_it_fills_and_when_it_is_full() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = heap_shape(jdk, &["-XX:+UseG1GC"], CROWDING_MIB)?;
        jvm.go_on()?;
        jvm.step("held")?;
        // As a matter of routine there is little time: on a busy machine it may be a part.
        jvm.wait_for_trace("a histogram without being asked", |trace| {
            let mut routine =
                histograms(trace).filter(|histogram| histogram.taken.occasion != Occasion::Demand);
            routine.any(|histogram| histogram.count > 0).then_some(())
        })?;
        is_as_held(&on_demand(&mut jvm)?, LEAKED_AT_FIRST, G1)?;
        jvm.go_on()?;
        jvm.step("leaked")?;
        jvm.go_on()?;
        jvm.step("crowded")?;
        sampling_is_dense(&mut jvm)?;
        jvm.go_on()?;
        jvm.step("retained")?;
        let retained = jvm.wait_for_trace("the site of what was retained", retained)?;
        // Sampled, so only about so much: some fifty samples.
        let bytes = RETAINED * RETAINED_BYTES;
        assert!(
            (bytes / 3..bytes * 3).contains(&retained.live_bytes),
            "{retained:?}"
        );
        assert_eq!(retained.class.as_deref(), Some("long[]"));
        jvm.go_on()?;
        jvm.step("refused")?;
        jvm.wait_for_trace("a histogram of the full heap", |trace| {
            let mut of_incident = histograms(trace)
                .filter(|histogram| histogram.taken.occasion == Occasion::Incident);
            of_incident
                .any(|histogram| histogram.taken.incident.is_some() && histogram.count > 0)
                .then_some(())
        })?;
        let full = on_demand(&mut jvm)?;
        let leaked = LEAKED_AT_FIRST + LEAKED_LATER;
        is_as_held(&full, leaked, G1)?;
        holders_are_named(&full, leaked)?;
        what_keeps_the_holder_is_named(&jvm.trace()?)?;
        jvm.go_on()?;
        assert!(jvm.finish()?.status.success());
        Ok(())
    })
}

#[test]
fn the_heap_is_told_with_every_collector() -> Result<()> {
    on_every_jdk(|jdk| {
        if jdk.feature != 17 && jdk.feature != 25 {
            return Ok(());
        }
        for collector in ["Serial", "Parallel", "Z", "Shenandoah"] {
            let option = format!("-XX:+Use{collector}GC");
            if jdk.accepts(&[&option])? {
                told_with(jdk, collector, &option).with_context(|| option.clone())?;
            }
        }
        Ok(())
    })
}

fn told_with(jdk: &Jdk, collector: &str, option: &str) -> Result<()> {
    let (size, crowding_mib) = match collector {
        // The old generation, whose size is fixed, must hold it all.
        "Serial" | "Parallel" => ("-Xmn4m", CROWDING_MIB),
        // Needs room beside what is in use: 216 MiB are more than 80 %.
        "Z" => ("-Xmx256m", 170),
        _ => ("-Xmx64m", CROWDING_MIB),
    };
    let mut jvm = heap_shape(jdk, &[option, size], crowding_mib)?;
    jvm.go_on()?;
    jvm.step("held")?;
    let held = on_demand(&mut jvm)?;
    is_as_held(&held, LEAKED_AT_FIRST, collector)?;
    holders_are_named(&held, LEAKED_AT_FIRST)?;
    what_keeps_the_holder_is_named(&jvm.trace()?)?;
    for step in ["leaked", "crowded"] {
        jvm.go_on()?;
        jvm.step(step)?;
    }
    sampling_is_dense(&mut jvm)?;
    jvm.go_on()?;
    jvm.step("retained")?;
    jvm.wait_for_trace("the site of what was retained", retained)?;
    jvm.kill()?;
    Ok(())
}

/// By marking, 2 ns are reckoned with for a byte at first, and an incident has 1 s unless the application's own collections
/// were longer.
#[test]
fn a_walk_that_would_take_too_long_is_not_begun() -> Result<()> {
    const ALLOWED: Duration = Duration::from_secs(1);
    on_every_jdk(|jdk| {
        let collector = "-XX:+UseZGC";
        if jdk.feature < 17 || !jdk.accepts(&[collector])? {
            return Ok(());
        }
        let mut jvm = heap_shape(jdk, &[collector, "-Xmx800m"], CROWDING_MIB)?;
        jvm.wait_for_trace("the first sample", |trace| {
            (!trace.samples.is_empty()).then_some(())
        })?;
        for step in ["held", "leaked", "crowded", "retained", "refused"] {
            jvm.go_on()?;
            jvm.step(step)?;
        }
        let told = jvm.wait_for_trace("what was not begun", |trace| {
            histograms(trace)
                .find(|histogram| histogram.taken.occasion == Occasion::Incident)
                .cloned()
        })?;
        jvm.kill()?;
        assert!(
            u128::from(told.predicted_us) > ALLOWED.as_micros(),
            "{told:?}"
        );
        assert!(!told.complete, "{told:?}");
        assert_eq!((told.count, told.pause_us), (0, 0), "{told:?}");
        assert!(told.taken.incident.is_some() && told.used_bytes.is_some());
        assert_eq!(told.holder_search, None);
        Ok(())
    })
}

/// Where little is allocated the distance between samples is shortened at every look, each some base intervals after the
/// last: from 512 KiB to 64 KiB in three.
fn sampling_is_dense(jvm: &mut Running) -> Result<()> {
    const LOOKS: usize = 25;
    let began = jvm.wait_for_trace("sampling", |trace| {
        heap_sites(trace).next()?;
        Some(trace.samples.len())
    })?;
    jvm.wait_for_trace("some looks", |trace| {
        (trace.samples.len() >= began + LOOKS).then_some(())
    })
}

/// Everything is taken; the histogram of it.
fn on_demand(jvm: &mut Running) -> Result<Histogram> {
    let trace = jvm.demand()?;
    let mut demanded =
        histograms(&trace).filter(|histogram| histogram.taken.occasion == Occasion::Demand);
    demanded.next_back().cloned().context("no histogram")
}

fn heap_sites(trace: &Trace) -> impl Iterator<Item = &HeapSites> {
    trace.evidence.iter().filter_map(|record| match record {
        Record::HeapSites(sites) => Some(&**sites),
        _ => None,
    })
}

/// The line that retains, not the one whose arrays are gone. It need not be the first: what crowded the heap may have been sampled
/// as well. And the first record may be of a moment at which only a part was retained.
fn retained(trace: &Trace) -> Option<HeapSite> {
    let ids = trace.sites_through("HeapShape.retain");
    let known = |sites: &HeapSites| {
        let mut known = sites.sites.iter().filter(|site| ids.contains(&site.id));
        known
            .find(|site| site.live_bytes > RETAINED * RETAINED_BYTES / 3)
            .cloned()
    };
    heap_sites(trace).find_map(known)
}

const G1: &str = "G1";

fn is_as_held(histogram: &Histogram, leaked: u64, collector: &str) -> Result<()> {
    assert!(histogram.complete, "{histogram:?}");
    let finds_by_marking = matches!(collector, "Z" | "Shenandoah");
    assert_eq!(histogram.garbage_included, !finds_by_marking);
    let count = |class| -> Result<u64> { Ok(of(histogram, class)?.count) };
    assert_eq!(count("HeapShape$Known")?, KNOWN);
    assert_eq!(count("HeapShape$Leaked")?, leaked);
    assert_eq!(count("HeapShape$Queued")?, QUEUED);
    // Header of 12 bytes, value, alignment.
    assert_eq!(of(histogram, "HeapShape$Known")?.bytes, KNOWN * 24);
    let largest = histogram.arrays.first().context("no arrays")?;
    assert_eq!(
        (largest.class.as_str(), largest.length),
        ("long[]", LARGEST)
    );
    assert_eq!(largest.bytes, 16 + 8 * LARGEST);
    if collector != G1 {
        assert_eq!(histogram.humongous, None);
        return Ok(());
    }
    // Regions of 1 MiB: each piece of the filling is humongous.
    let humongous = histogram.humongous.context("nothing humongous")?;
    assert_eq!(humongous.region_bytes, 1 << 20);
    assert!(humongous.count > FILLING_MIB, "{humongous:?}");
    Ok(())
}

fn holders_are_named(histogram: &Histogram, leaked: u64) -> Result<()> {
    let search = histogram.holder_search.context("no holders")?;
    assert!(search.complete, "{search:?}");
    let leak = foremost(histogram, "HeapShape$Leaked", leaked)?;
    assert_eq!(leak.kind, HolderKind::StaticField);
    assert_eq!(leak.class.as_deref(), Some("HeapShape$Cache"));
    assert_eq!(leak.member.as_deref(), Some("ENTRIES"));
    let (table, value) = ("java.util.HashMap.table", "java.util.HashMap$Node.value");
    assert_eq!(leak.through, [table, value, table, value]);
    // A list of 30,000 nodes, each of which refers to the one before as well.
    let queue = foremost(histogram, "HeapShape$Queued", QUEUED)?;
    assert_eq!(queue.kind, HolderKind::Field);
    assert_eq!(queue.class.as_deref(), Some("HeapShape$Mailbox"));
    assert_eq!(queue.member.as_deref(), Some("letters"));
    let known = foremost(histogram, "HeapShape$Known", KNOWN)?;
    assert_eq!(known.class.as_deref(), Some("HeapShape"));
    assert_eq!(known.member.as_deref(), Some("known"));
    assert_eq!(known.references, KNOWN);
    Ok(())
}

/// Of 64 mailboxes the one with the letters, and the way to it: by a local variable, not by the weak, soft and phantom
/// references that lie nearer.
fn what_keeps_the_holder_is_named(trace: &Trace) -> Result<()> {
    let paths: Vec<_> = trace
        .evidence
        .iter()
        .filter_map(|record| match record {
            Record::RootPath(path) => Some(&**path),
            _ => None,
        })
        .collect();
    let path = paths
        .iter()
        .rfind(|path| path.target_class == "HeapShape$Mailbox")
        .with_context(|| format!("not explained: {paths:?}"))?;
    assert_eq!(path.outcome, PathOutcome::Found, "{path:?}");
    let holds = path.holds.as_ref().context("holds nothing")?;
    assert_eq!(holds.class, "HeapShape$Queued");
    assert_eq!(holds.member.as_deref(), Some("letters"));
    let close = QUEUED * 8 / 10..=QUEUED * 12 / 10;
    assert!(close.contains(&holds.references), "{holds:?}");
    let root = path.root.as_ref().context("no root")?;
    assert_eq!(root.root, RootKind::StackLocal, "{path:?}");
    assert_eq!(root.thread.as_deref(), Some("main"));
    assert_eq!(root.method.as_deref(), Some("HeapShape.main"));
    let steps: Vec<_> = path
        .steps
        .iter()
        .map(|step| (step.class.as_str(), step.field.as_deref(), step.index))
        .collect();
    let expected = [
        ("HeapShape$Office", Some("boxes"), None),
        ("HeapShape$Mailbox[]", None, Some(37)),
        ("HeapShape$Mailbox", None, None),
    ];
    assert_eq!(steps, expected);
    Ok(())
}

/// The holder of nearly all objects of a class. Where large arrays were sampled the figure is an estimate.
fn foremost<'a>(histogram: &'a Histogram, class: &str, objects: u64) -> Result<&'a Holder> {
    let mut held = histogram.holders.iter().filter(|held| held.class == class);
    let held = held
        .next()
        .with_context(|| format!("no holders of {class} in {:?}", histogram.holders))?;
    let holder = held.holders.first().context("nobody")?;
    let close = objects * 8 / 10..=objects * 12 / 10;
    assert!(
        close.contains(&holder.references),
        "{objects} of {class}: {held:?}"
    );
    Ok(holder)
}

fn of<'a>(histogram: &'a Histogram, class: &str) -> Result<&'a ClassCount> {
    let mut found = histogram
        .classes
        .iter()
        .filter(|found| found.class == class);
    found
        .next()
        .with_context(|| format!("no {class} in {histogram:?}"))
}

fn histograms(trace: &Trace) -> impl DoubleEndedIterator<Item = &Histogram> {
    trace.evidence.iter().filter_map(|record| match record {
        Record::Histogram(histogram) => Some(&**histogram),
        _ => None,
    })
}
