//! Exact bytes and blocks of programs that know theirs, and whose they are.

use anyhow::{Context, Result};
use flinkmem_tests::{Jdk, Jvm, Running, Step, Trace, on_every_jdk};
use flinkmem_trace::{Accounting, OffHeap, Sample, SiteUse};

/// What `malloc` may give beyond what was asked for: its header, alignment, and a remainder too small to be a block.
const SLACK_PER_BLOCK: u64 = 40;

/// The same for a block that is mapped on its own: up to a page.
const SLACK_OF_LARGE: u64 = 4096 + SLACK_PER_BLOCK;

const NMT: &str = "-XX:NativeMemoryTracking=summary";

#[test]
fn allocations_growth_and_frees_are_counted() -> Result<()> {
    on_every_jdk(|jdk| {
        let steps = ["before", "allocated", "grown", "large", "freed", "after"];
        for nmt in [None, Some(NMT)] {
            let jvm = Jvm::new(jdk, "UnsafeSteps").options(nmt);
            follow(jvm, "", &steps).with_context(|| format!("{nmt:?}"))?;
        }
        let jvm = Jvm::new(jdk, "UnsafeSteps");
        follow(jvm, "native=on", &steps).context("with malloc by library")?;
        Ok(())
    })
}

#[test]
fn nothing_is_lost_between_threads() -> Result<()> {
    on_every_jdk(|jdk| {
        for nmt in [None, Some(NMT)] {
            let jvm = Jvm::new(jdk, "AllocStorm")
                .options(nmt)
                .arguments(["4", "100000"]);
            follow(jvm, "", &["before", "stormed", "after"]).with_context(|| format!("{nmt:?}"))?;
        }
        Ok(())
    })
}

/// Runs a program that says after each step what is live since its first, and compares.
fn follow(jvm: Jvm, options: &str, steps: &[&str]) -> Result<()> {
    let mut jvm = jvm.agent(&format!("interval=50ms,{options}")).start()?;
    let mut first = None;
    for name in steps {
        let step = jvm.step(name)?;
        let now = account_after(&mut jvm, &step)?;
        let before = *first.get_or_insert(now);
        compare(&step, before, now)?;
        jvm.go_on()?;
    }
    assert!(jvm.finish()?.status.success());
    Ok(())
}

fn compare(step: &Step, before: OffHeap, now: OffHeap) -> Result<()> {
    let (blocks, asked) = (step.number(0)?, step.number(1)?);
    let live_blocks = now.live_count - before.live_count;
    let live_bytes = now.live_bytes - before.live_bytes;
    assert_eq!(live_blocks, blocks, "{step:?}");
    let everything_is_free = blocks == 0;
    if everything_is_free || now.accounting == Accounting::Table {
        assert_eq!(live_bytes, asked, "{step:?}");
    } else {
        let slack = blocks * SLACK_PER_BLOCK + blocks.min(64) * SLACK_OF_LARGE;
        assert!(
            (asked..=asked + slack).contains(&live_bytes),
            "{live_bytes} bytes after {step:?}"
        );
    }
    Ok(())
}

#[test]
fn under_native_memory_tracking_sizes_come_from_a_table() -> Result<()> {
    on_every_jdk(|jdk| {
        for (option, accounting) in [
            (None, Accounting::UsableSize),
            (Some(NMT), Accounting::Table),
        ] {
            let trace = Jvm::new(jdk, "Idle")
                .options(option)
                .agent("")
                .run_observed()?
                .trace()?;
            let off_heap = trace.last_sample()?.off_heap.context("no account")?;
            assert_eq!(off_heap.accounting, accounting, "{option:?}");
        }
        Ok(())
    })
}

#[test]
fn direct_buffers_are_in_both_accounts() -> Result<()> {
    on_every_jdk(|jdk| {
        let (trace, step) = shared(jdk)?;
        let sample = trace.last_sample()?;
        let direct = sample.direct.context("no direct memory")?;
        assert!(direct.capacity_bytes >= step.number(0)?, "{direct:?}");
        let off_heap = sample.off_heap.context("no account")?;
        assert!(
            off_heap.live_bytes >= step.number(0)? + step.number(1)? - (1 << 20),
            "{off_heap:?}"
        );
        assert!(
            off_heap.live_bytes <= step.number(0)? + step.number(1)? + (4 << 20),
            "{off_heap:?}"
        );
        Ok(())
    })
}

#[test]
fn each_call_site_has_its_share() -> Result<()> {
    on_every_jdk(|jdk| {
        let (trace, step) = shared(jdk)?;
        let with_sites = trace
            .samples
            .iter()
            .rfind(|sample| !sample.sites.is_empty());
        let sample = with_sites.context("no sample names sites")?;
        let sampling_bytes = sample.off_heap.context("no account")?.sampling_bytes;
        for (method, index) in [("Shares.most", 0), ("Shares.little", 1)] {
            let expected = step.number(index)?;
            let estimate = live_through(&trace, sample, method);
            let tolerance = four_sigma(expected, sampling_bytes);
            let error = estimate.abs_diff(expected);
            assert!(
                error <= tolerance,
                "{method}: {estimate} instead of {expected} ± {tolerance}"
            );
        }
        assert_eq!(
            live_through(&trace, sample, "Shares.passing"),
            0,
            "what was freed is held against its site"
        );
        Ok(())
    })
}

/// Runs `Shares` up to its step and until sites were written after it.
fn shared(jdk: &Jdk) -> Result<(Trace, Step)> {
    let mut jvm = Jvm::new(jdk, "Shares")
        .options(["-XX:MaxDirectMemorySize=256m"])
        .agent("interval=100ms")
        .start()?;
    let step = jvm.step("shared")?;
    jvm.wait_for_trace("sites after the step", |trace| {
        let told = |sample: &Sample| sample.t_ms > step.t_ms && !sample.sites.is_empty();
        trace.samples.iter().any(told).then_some(())
    })?;
    let trace = jvm.trace()?;
    Ok((trace, step))
}

fn live_through(trace: &Trace, sample: &Sample, qualified: &str) -> u64 {
    let ids = trace.sites_through(qualified);
    let at_site = |site: &&SiteUse| ids.contains(&site.id);
    sample
        .sites
        .iter()
        .filter(at_site)
        .map(|site| site.live_bytes)
        .sum()
}

/// Four standard deviations of an estimate from samples that come every `sampling_bytes` on average.
fn four_sigma(bytes: u64, sampling_bytes: u64) -> u64 {
    4 * (bytes * sampling_bytes.max(1)).isqrt()
}

/// The account in the first sample that was begun after `step`.
fn account_after(jvm: &mut Running, step: &Step) -> Result<OffHeap> {
    jvm.wait_for_trace("a sample after the step", |trace| {
        let after = trace
            .samples
            .iter()
            .find(|sample| sample.t_ms > step.t_ms)?;
        after.off_heap
    })
}
