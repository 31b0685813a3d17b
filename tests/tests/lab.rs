//! Real Flink, real faults: the verdict and the consumer must be right, and a healthy process has none.

use anyhow::{Context, Result};
use flinkmem_tests::scenario::{DIRECT_BURST, DIRECT_LEAK, DIRECT_PLATEAU, Played, ROCKSDB};
use flinkmem_tests::{Jdk, Scenario, Trace, Verdict};

#[test]
fn user_code_that_leaks_direct_buffers_is_named() -> Result<()> {
    for feature in [11, 17] {
        let jdk = Jdk::find(feature)?;
        let (verdict, _) = verdict_of(DIRECT_LEAK, &jdk)?;
        assert_eq!(verdict.status, Some(1), "{jdk}: {}", verdict.stderr);
        let finding = verdict.first()?;
        assert_eq!(finding.label, "direct_leak", "{jdk}: {finding:?}");
        assert_eq!(finding.limit.name, "direct", "{jdk}: {finding:?}");
        assert_eq!(finding.limit.reached, Some(true), "{jdk}: {finding:?}");
        assert_eq!(finding.consumer.kind, "call_site", "{jdk}: {finding:?}");
        let name = finding.consumer.name.as_deref();
        assert_eq!(
            name,
            Some("com.acme.DirectLeakJob$Enricher.lookUp"),
            "{jdk}: {finding:?}"
        );
    }
    Ok(())
}

#[test]
fn a_legitimate_burst_without_task_off_heap_memory_is_undersized() -> Result<()> {
    let (verdict, _) = verdict_of(DIRECT_BURST, &Jdk::find(17)?)?;
    assert_eq!(verdict.status, Some(1), "{}", verdict.stderr);
    let finding = verdict.first()?;
    assert_eq!(finding.label, "direct_undersized", "{finding:?}");
    assert_eq!(finding.limit.name, "direct", "{finding:?}");
    assert_eq!(finding.limit.reached, Some(true), "{finding:?}");
    let name = finding.consumer.name.as_deref();
    assert_eq!(
        name,
        Some("com.acme.DirectPoolJob$PooledClient.fillTo"),
        "{finding:?}"
    );
    let remedy = finding.remedy.as_ref().context("no remedy")?;
    let option = "taskmanager.memory.task.off-heap.size";
    assert!(remedy.config.contains_key(option), "{remedy:?}");
    Ok(())
}

#[test]
fn a_pool_that_fills_slowly_and_then_stays_is_healthy() -> Result<()> {
    let (verdict, _) = verdict_of(DIRECT_PLATEAU, &Jdk::find(17)?)?;
    is_healthy(&verdict);
    Ok(())
}

#[test]
fn a_rocksdb_job_with_checkpoints_is_healthy() -> Result<()> {
    let (verdict, played) = verdict_of(ROCKSDB, &Jdk::find(17)?)?;
    let checkpoints = played.cluster.rest().completed_checkpoints(&played.job)?;
    assert!(checkpoints >= 5, "{checkpoints} checkpoints");
    is_healthy(&verdict);
    rocksdb_told_its_figures(&Trace::open(played.cluster.traces())?)
}

/// The caches are those that Flink made out of its managed memory, and were filled; what was seen made was seen disposed of.
fn rocksdb_told_its_figures(trace: &Trace) -> Result<()> {
    let figures = trace.samples.iter().filter_map(|sample| sample.rocksdb);
    let most = figures.max_by_key(|figures| (figures.databases, figures.cache_usage_bytes));
    let most = most.context("no sample has figures of RocksDB")?;
    let managed = trace.header.flink.as_ref();
    let managed = managed.and_then(|flink| flink.options.get("taskmanager.memory.managed.size"));
    let managed: u64 = managed
        .context("managed memory is not known")?
        .trim_end_matches('b')
        .parse()?;
    assert!(most.databases >= 1 && most.caches >= 1, "{most:?}");
    assert!(most.write_buffer_managers >= 1, "{most:?}");
    assert!(
        (managed / 2..=managed).contains(&most.cache_capacity_bytes),
        "{most:?} of {managed}"
    );
    assert!(most.cache_usage_bytes > Some(0), "{most:?}");
    assert!(most.memtables_bytes > Some(0), "{most:?}");
    assert_eq!(most.missed, 0, "{most:?}");
    Ok(())
}

fn verdict_of(scenario: Scenario, jdk: &Jdk) -> Result<(Verdict, Played)> {
    let played = scenario
        .play(jdk, None, |_| {})
        .with_context(|| jdk.to_string())?;
    Ok((Verdict::of(played.cluster.traces())?, played))
}

fn is_healthy(verdict: &Verdict) {
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
    assert_eq!(verdict.status, Some(0), "{}", verdict.stderr);
}
