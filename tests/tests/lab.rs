//! Real Flink, real faults: the verdict and the consumer must be right, and a healthy process has none.

use anyhow::{Context, Result};
use flinkmem_tests::{Cluster, ClusterBuilder, Jdk, Verdict};
use std::time::Duration;

/// How long a job of the lab may take.
const JOB: Duration = Duration::from_secs(300);

#[test]
fn user_code_that_leaks_direct_buffers_is_named() -> Result<()> {
    for feature in [11, 17] {
        let jdk = Jdk::find(feature)?;
        leak_is_named(&jdk).with_context(|| jdk.to_string())?;
    }
    Ok(())
}

fn leak_is_named(jdk: &Jdk) -> Result<()> {
    let cluster = small_direct(jdk).start()?;
    let job = cluster.submit("com.acme.DirectLeakJob", &["3000000"])?;
    cluster.wait_for_job(&job, &["FAILED"], JOB)?;
    let verdict = Verdict::of(&cluster.traces())?;
    assert_eq!(verdict.status, Some(1), "{}", verdict.stderr);
    let finding = verdict.first()?;
    assert_eq!(finding.label, "direct_leak", "{finding:?}");
    assert_eq!(finding.limit.name, "direct", "{finding:?}");
    assert_eq!(finding.limit.reached, Some(true), "{finding:?}");
    assert_eq!(finding.consumer.kind, "call_site", "{finding:?}");
    let name = finding.consumer.name.as_deref();
    assert_eq!(
        name,
        Some("com.acme.DirectLeakJob$Enricher.lookUp"),
        "{finding:?}"
    );
    Ok(())
}

#[test]
fn a_legitimate_burst_without_task_off_heap_memory_is_undersized() -> Result<()> {
    let cluster = small_direct(&Jdk::find(17)?)
        .configure("taskmanager.memory.task.off-heap.size", "0")
        .start()?;
    let job = cluster.submit("com.acme.DirectPoolJob", &["100663296", "0", "1000"])?;
    cluster.wait_for_job(&job, &["FAILED"], JOB)?;
    let verdict = Verdict::of(&cluster.traces())?;
    assert_eq!(verdict.status, Some(1), "{}", verdict.stderr);
    let finding = verdict.first()?;
    assert_eq!(finding.label, "direct_undersized", "{finding:?}");
    assert_eq!(finding.limit.name, "direct", "{finding:?}");
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
    let cluster = small_direct(&Jdk::find(17)?).start()?;
    let job = cluster.submit("com.acme.DirectPoolJob", &["33554432", "15", "9000"])?;
    cluster.wait_for_job(&job, &["FINISHED"], JOB)?;
    is_healthy(&Verdict::of(&cluster.traces())?);
    Ok(())
}

#[test]
fn a_rocksdb_job_with_checkpoints_is_healthy() -> Result<()> {
    let cluster = Cluster::builder(&Jdk::find(17)?)
        .configure("state.backend.type", "rocksdb")
        .configure("parallelism.default", "2")
        .agent("interval=500ms")
        .start()?;
    let job = cluster.submit("com.acme.RocksDbJob", &["2000", "100000"])?;
    cluster.wait_for_job(&job, &["FINISHED"], JOB)?;
    assert!(cluster.rest().completed_checkpoints(&job)? >= 5);
    is_healthy(&Verdict::of(&cluster.traces())?);
    Ok(())
}

fn is_healthy(verdict: &Verdict) {
    assert!(verdict.findings.is_empty(), "{:?}", verdict.findings);
    assert_eq!(verdict.status, Some(0), "{}", verdict.stderr);
}

/// A TaskManager that can spare some 60 MB of direct memory, with the agent, and jobs that fail once.
fn small_direct(jdk: &Jdk) -> ClusterBuilder {
    Cluster::builder(jdk)
        .configure("taskmanager.memory.framework.off-heap.size", "64m")
        .configure("restart-strategy.type", "none")
        .agent("interval=500ms")
}
