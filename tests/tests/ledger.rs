//! Every resident byte with its owner: against what a program took, and against Native Memory Tracking.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Jdk, Jvm, Running, Step, on_every_jdk};
use flinkmem_trace::{Ledger, Owner, PoolKind, Record};
use std::path::Path;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Where the JVM counts too.
const SLACK: u64 = 4 * MIB;

/// zlib's state of a deflater at the default level, as `deflateInit2` allocates it (zlib.h: 256 KiB and some).
const DEFLATER: u64 = 256 * KIB;

const COLLECTORS: [&str; 5] = [
    "-XX:+UseG1GC",
    "-XX:+UseSerialGC",
    "-XX:+UseParallelGC",
    "-XX:+UseZGC",
    "-XX:+UseShenandoahGC",
];

#[test]
fn what_a_program_takes_is_found_with_its_owner() -> Result<()> {
    on_every_jdk(|jdk| follow(jdk, &[]))
}

#[test]
fn the_parts_agree_with_native_memory_tracking() -> Result<()> {
    on_every_jdk(|jdk| follow(jdk, &["-XX:NativeMemoryTracking=summary"]))
}

#[test]
fn every_collectors_heap_and_tables_have_an_owner() -> Result<()> {
    on_every_jdk(|jdk| {
        for collector in COLLECTORS {
            let options = ["-XX:+UnlockExperimentalVMOptions", collector];
            if !jdk.accepts(&options)? {
                skipped(
                    "every_collectors_heap_and_tables_have_an_owner",
                    format_args!("{jdk} has no {collector}"),
                );
                continue;
            }
            let jvm = Jvm::new(jdk, "Idle").options(options).options([
                "-Xms48m",
                "-Xmx48m",
                "-XX:+AlwaysPreTouch",
            ]);
            let mut jvm = jvm.agent("interval=10ms").start()?;
            let step = jvm.step("idle")?;
            let ledger = ledger_after(&mut jvm, &step).context(collector)?;
            is_complete(&ledger).context(collector)?;
            heap_is_found(collector, &ledger).context(collector)?;
            jvm.go_on()?;
            ensure!(jvm.finish()?.status.success());
        }
        Ok(())
    })
}

fn heap_is_found(collector: &str, ledger: &Ledger) -> Result<()> {
    let heap = ledger.bytes(Owner::JavaHeap);
    if collector != "-XX:+UseZGC" {
        return near("java_heap", heap, 48 * MIB, SLACK);
    }
    // Up to JDK 23 ZGC maps the heap three times, and the kernel counts a page as often as it is touched. JDK 11 does not
    // touch all of it in advance.
    let expected = 12 * MIB..=3 * 48 * MIB;
    ensure!(expected.contains(&heap), "java_heap: {heap}");
    Ok(())
}

#[test]
fn jemallocs_memory_is_found_and_told_by_its_own_figures() -> Result<()> {
    let Some(library) = jemalloc() else {
        skipped(
            "jemalloc",
            "no libjemalloc.so.2 (Debian: apt-get install libjemalloc2)",
        );
        return Ok(());
    };
    let jvm = Jvm::new(&Jdk::find(17)?, "Ledger").environment("LD_PRELOAD", library);
    let ledger = taken(jvm, &mut |jvm, before, after, step| {
        is_complete(after)?;
        off_heap_is_found(before, after, step)?;
        let allocator = after.allocator.as_ref().context("no allocator")?;
        ensure!(allocator.name == "jemalloc", "{allocator:?}");
        let active = allocator.active_bytes.context("no active pages")?;
        ensure!(
            active >= allocator.in_use_bytes.unwrap_or(0),
            "{allocator:?}"
        );
        // Its own figure counts pages that it has, not those that are resident: an upper bound.
        let most = allocator.stats_resident_bytes.context("no resident")? + SLACK;
        ensure!(allocator.resident_bytes <= most, "{allocator:?}");
        let _ = jvm;
        Ok(())
    })?;
    ensure!(ledger.allocator.is_some_and(|a| a.arenas > Some(0)));
    Ok(())
}

fn jemalloc() -> Option<&'static str> {
    const PLACES: [&str; 3] = [
        "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
        "/usr/lib/aarch64-linux-gnu/libjemalloc.so.2",
        "/usr/lib64/libjemalloc.so.2",
    ];
    PLACES.into_iter().find(|place| Path::new(place).exists())
}

/// The program, with everything that is known of it.
fn follow(jdk: &Jdk, options: &[&str]) -> Result<()> {
    let jvm = Jvm::new(jdk, "Ledger").options(options.iter().copied());
    taken(jvm, &mut |jvm, before, after, step| {
        is_complete(before)?;
        is_complete(after)?;
        off_heap_is_found(before, after, step)?;
        others_are_found(before, after, step)?;
        large_blocks_are_found(after)?;
        jvm.go_on()?;
        let report = jvm.step("nmt")?.values.concat();
        if options.is_empty() {
            ensure!(!report.contains("Java_Heap"), "tracking is on");
        } else {
            let trace = jvm.trace()?;
            let pools = &trace.last_sample()?.pools;
            let metadata = pools.iter().find(|pool| pool.kind == PoolKind::Metaspace);
            let used = metadata.context("no pool")?.used_bytes;
            let agreement = agrees_with_tracking(after, used, &report);
            agreement.with_context(|| report.replace('/', "\n"))?;
        }
        Ok(())
    })?;
    Ok(())
}

type Check<'c> = &'c mut dyn FnMut(&mut Running, &Ledger, &Ledger, &Step) -> Result<()>;

/// Runs the program up to where it has taken all, and checks the ledgers before and after.
fn taken(jvm: Jvm, check: Check<'_>) -> Result<Ledger> {
    // Without the optimising compiler, which takes hundreds of MiB for a moment.
    let heap = ["-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch"];
    let jvm = jvm.options(heap).options(["-XX:TieredStopAtLevel=1"]);
    let mut jvm = jvm.agent("interval=10ms").start()?;
    let step = jvm.step("before")?;
    let before = ledger_after(&mut jvm, &step)?;
    jvm.go_on()?;
    let step = jvm.step("taken")?;
    let after = ledger_after(&mut jvm, &step)?;
    let outcome = check(&mut jvm, &before, &after, &step);
    outcome.with_context(|| format!("before: {:?}\nafter: {after:?}\n", before.parts))?;
    Ok(after)
}

/// The first ledger that was begun after `step`.
fn ledger_after(jvm: &mut Running, step: &Step) -> Result<Ledger> {
    jvm.wait_for_trace("a ledger after the step", |trace| {
        let ledgers = trace.evidence.iter().filter_map(|record| match record {
            Record::Ledger(ledger) => Some(ledger),
            _ => None,
        });
        let begun = |ledger: &Ledger| {
            let cost_ms = i64::try_from(ledger.taken.cost_us.div_ceil(1000)).unwrap_or(i64::MAX);
            ledger.taken.t_ms - cost_ms
        };
        let mut after = ledgers.filter(|ledger| begun(ledger) > step.t_ms);
        after.next().map(|ledger| (**ledger).clone())
    })
}

/// Nothing is lost, nothing is counted twice, and hardly anything is nobody's.
fn is_complete(ledger: &Ledger) -> Result<()> {
    let sum: u64 = ledger.parts.iter().map(|part| part.bytes).sum();
    ensure!(sum == ledger.rss_bytes, "{sum} of {}", ledger.rss_bytes);
    let status = ledger.status_rss_bytes.context("no VmRSS")?;
    near("VmRSS", ledger.rss_bytes, status, SLACK)?;
    ensure!(
        ledger.attributed() >= 0.99,
        "{} of it has an owner: {ledger:?}",
        ledger.attributed()
    );
    Ok(())
}

/// Direct buffers and what was touched of `Unsafe` memory are resident, what was not touched is not.
fn off_heap_is_found(before: &Ledger, after: &Ledger, step: &Step) -> Result<()> {
    let (direct, touched) = (step.number(0)?, step.number(1)?);
    let freed = step.number(4)?;
    let user = grown(before, after, &[Owner::UserOffHeap]);
    // One block in a hundred was not freed. Blocks of a MiB and more are sampled with a weight near their size.
    let expected = direct + touched + freed / 100;
    let sampling = 4 * (expected * 512 * KIB).isqrt();
    near("user_off_heap", user, expected, sampling)?;
    let kept = grown(before, after, &[Owner::MallocFree]);
    // What was freed last may have been given back or taken by somebody else.
    ensure!(kept >= freed / 2, "{kept} bytes kept of {freed} freed");
    ensure!(
        kept <= freed + SLACK + sampling,
        "{kept} bytes kept of {freed} freed"
    );
    Ok(())
}

fn others_are_found(before: &Ledger, after: &Ledger, step: &Step) -> Result<()> {
    near("java_heap", after.bytes(Owner::JavaHeap), 64 * MIB, SLACK)?;
    let files = grown(before, after, &[Owner::MappedFiles]);
    near("mapped_files", files, step.number(3)?, MIB)?;
    let in_use = grown(before, after, &[Owner::MallocInUse]);
    let (classes, deflaters) = (step.number(6)?, step.number(7)? * DEFLATER);
    // Besides them the JVM keeps something for each class, loader and thread.
    ensure!(
        (deflaters - SLACK..deflaters + classes * 16 * KIB + SLACK).contains(&in_use),
        "malloc in use: {in_use}, deflaters: {deflaters}"
    );
    // A frame takes at least 32 bytes, compiled or not, 2,000 of them at least 15 pages; and a thread has a MiB at most.
    let threads = step.number(5)?;
    let stacks = grown(before, after, &[Owner::JavaThreadStacks]);
    ensure!(
        (threads * 60 * KIB..threads * MIB).contains(&stacks),
        "{stacks} bytes of stacks"
    );
    // Class and method metadata of one small class: more than a KiB, less than the smallest chunks of a loader of its own.
    let metadata = grown(before, after, &[Owner::Metaspace, Owner::ClassSpace]);
    ensure!(
        (classes * KIB..classes * 16 * KIB).contains(&metadata),
        "{metadata} bytes of metadata"
    );
    Ok(())
}

/// As many as the C library says it has.
fn large_blocks_are_found(ledger: &Ledger) -> Result<()> {
    let allocator = ledger.allocator.as_ref().context("no allocator")?;
    ensure!(allocator.name == "glibc", "{allocator:?}");
    let all = allocator.mmapped_bytes.context("no mallinfo2")?;
    let found = allocator.mmapped_found_bytes.context("not looked for")?;
    near("large blocks", found, all, MIB)
}

/// Where tracking counts pages that are touched, the parts are the same; elsewhere its committed memory is a bound.
fn agrees_with_tracking(ledger: &Ledger, used_metadata: u64, report: &str) -> Result<()> {
    let committed = |category: &str| {
        let rest = report.split(&format!("{category}_(")).nth(1);
        let rest = rest.and_then(|rest| rest.split("committed=").nth(1));
        let number = rest.and_then(|rest| rest.split("KB").next());
        number
            .and_then(|number| number.parse::<u64>().ok())
            .map(|kib| kib * KIB)
    };
    let sum = |owners: &[Owner]| -> u64 { owners.iter().map(|&owner| ledger.bytes(owner)).sum() };
    let heap = committed("Java_Heap").context("no heap")?;
    near("java heap", sum(&[Owner::JavaHeap]), heap, SLACK)?;
    let threads = committed("Thread").context("no threads")?;
    let stacks = sum(&[Owner::JavaThreadStacks, Owner::JvmThreadStacks]);
    near("stacks", stacks, threads, SLACK)?;
    // JDK 11 has one category for both, later there are two. What is committed need not be touched.
    let most = committed("Class").unwrap_or(0) + committed("Metaspace").unwrap_or(0);
    let metadata = sum(&[Owner::Metaspace, Owner::ClassSpace]);
    ensure!(
        (used_metadata..=most).contains(&metadata),
        "{metadata} bytes of metadata, used {used_metadata}, committed {most}"
    );
    let code = committed("Code").context("no code")?;
    ensure!(sum(&[Owner::CodeCache]) <= code, "more code than committed");
    Ok(())
}

fn grown(before: &Ledger, after: &Ledger, owners: &[Owner]) -> u64 {
    let sum = |ledger: &Ledger| -> u64 { owners.iter().map(|&owner| ledger.bytes(owner)).sum() };
    sum(after).saturating_sub(sum(before))
}

/// Within 2 % or `slack`.
fn near(what: &str, found: u64, expected: u64, slack: u64) -> Result<()> {
    let tolerance = slack.max(expected / 50);
    ensure!(
        found.abs_diff(expected) <= tolerance,
        "{what}: {found} instead of {expected} ± {tolerance}"
    );
    Ok(())
}
