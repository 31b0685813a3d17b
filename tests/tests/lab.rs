//! Real Flink, real faults: the verdict and the consumer must be right, and a healthy process has none. The whole lab is played by
//! `scripts/lab`; here is what is quick.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::flink::DEFAULT_VERSION;
use flinkmem_tests::scenario::{self, Played, Trial};
use flinkmem_tests::{Jdk, Trace, Verdict};

/// The demo's fault, on the oldest Java as well.
#[test]
fn user_code_that_leaks_direct_buffers_is_named() -> Result<()> {
    for feature in [11, 17] {
        is_right("direct-leak", feature)?;
    }
    Ok(())
}

/// With the remedy applied and tried.
#[test]
fn a_legitimate_burst_without_task_off_heap_memory_is_undersized() -> Result<()> {
    is_right("direct-burst", 17)
}

/// Found from what survives collections, by its call site.
#[test]
fn user_code_that_remembers_too_much_is_named() -> Result<()> {
    is_right("heap-session-leak", 17)
}

/// The path that keeps the loaders, on the other Flink.
#[test]
fn a_thread_that_keeps_class_loaders_is_named() -> Result<()> {
    is_right_on("2.3.0", "loader-thread", 21)
}

/// Killed by the kernel: the verdict is from what was on disk by then.
#[test]
fn off_heap_memory_that_fills_a_container_is_named() -> Result<()> {
    is_right("unsafe-leak", 17)
}

#[test]
fn a_container_full_of_file_pages_is_healthy() -> Result<()> {
    is_right("page-cache", 17)
}

#[test]
fn a_pool_that_fills_slowly_and_then_stays_is_healthy() -> Result<()> {
    is_right("direct-plateau", 17)
}

#[test]
fn a_rocksdb_job_with_checkpoints_is_healthy() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (verdict, played) = played("rocksdb", directory.path())?;
    let job = played.stage.jobs.last().context("no job")?;
    let checkpoints = played.stage.cluster.rest().completed_checkpoints(job)?;
    assert!(checkpoints >= 5, "{checkpoints} checkpoints");
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
    assert_eq!(verdict.status, Some(0), "{}", verdict.stderr);
    rocksdb_told_its_figures(&Trace::open(&played.traces)?)
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

fn is_right(name: &str, feature: u32) -> Result<()> {
    is_right_on(DEFAULT_VERSION, name, feature)
}

fn is_right_on(flink: &str, name: &str, feature: u32) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let trial = Trial {
        flink: flink.to_owned(),
        ..trial(name, feature)?
    };
    let judgement = trial.judge(directory.path(), &|_| {})?;
    ensure!(judgement.wrong.is_empty(), "{judgement:?}");
    Ok(())
}

fn played(name: &str, traces: &std::path::Path) -> Result<(Verdict, Played)> {
    let trial = trial(name, 17)?;
    let played = trial.play(traces, &|_| {})?;
    Ok((played.verdict()?, played))
}

fn trial(name: &str, feature: u32) -> Result<Trial> {
    Ok(Trial {
        scenario: scenario::find(name)?,
        flink: DEFAULT_VERSION.to_owned(),
        jdk: Jdk::find(feature)?,
    })
}
