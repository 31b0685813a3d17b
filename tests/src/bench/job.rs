//! Throughput of real Flink jobs.
//!
//! A bounded job runs as fast as it can in a cluster of its own, started anew for each run, variant after variant, round
//! after round. The figure is the job's duration as Flink tells it, so the start of the cluster is not in it. A busy
//! machine slows all variants of a round alike; the ratio within a round is what counts.

use super::{Aim, Comparison, Effort, Row, Topic, Variant, alternate};
use crate::{Cluster, Jdk};
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// A job with what it needs of the cluster.
struct Load {
    what: &'static str,
    main_class: &'static str,
    /// Records of a whole run and of a quick one.
    records: [u64; 2],
    configuration: &'static [(&'static str, &'static str)],
}

const LOADS: [Load; 2] = [
    Load {
        what: "RocksDB job, duration",
        main_class: "com.acme.RocksDbLoad",
        records: [3_000_000, 500_000],
        configuration: &[("state.backend.type", "rocksdb")],
    },
    Load {
        what: "network-heavy job, duration",
        main_class: "com.acme.ShuffleLoad",
        records: [6_000_000, 1_000_000],
        configuration: &[
            ("taskmanager.memory.network.min", "128m"),
            ("taskmanager.memory.managed.fraction", "0.1"),
        ],
    },
];

const VARIANTS: [Variant; 6] = [
    Variant::Bare,
    Variant::Agent,
    Variant::AgentNative,
    Variant::NmtSummary,
    Variant::Jfr,
    Variant::AsyncProfiler,
];

/// Above that, somebody would ask for the agent to be switched off.
const MOST_RATIO: f64 = 1.01;

/// A job that has not ended by then will not.
const DEADLINE: Duration = Duration::from_secs(300);

/// A run of a cluster takes half a minute.
const MOST_ROUNDS: usize = 5;

/// Measures all jobs.
///
/// # Errors
/// When Flink does not come up or a job fails.
pub fn measure(jdk: &Jdk, effort: &Effort, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    let mut variants = Vec::new();
    for variant in VARIANTS {
        if variant.exists_in(jdk)? {
            variants.push(variant);
        }
    }
    let mut rows = Vec::new();
    for load in &LOADS {
        let series = alternate(&variants, effort.rounds.min(MOST_ROUNDS), |variant| {
            progress(&format!("{}, {}", load.what, variant.name()));
            duration_s(jdk, load, variant, effort)
        })?;
        let comparison = Comparison {
            topic: Topic::Job,
            what: load.what.to_owned(),
            unit: "s",
            series,
        };
        let ratio = comparison.ratio(Variant::Agent);
        rows.extend(comparison.rows(|variant| {
            let aim = Aim::at_most("≤ 1.01 × bare", MOST_RATIO, ratio);
            (variant == Variant::Agent).then_some(aim)
        }));
    }
    Ok(rows)
}

/// Seconds from the job's start to its end.
fn duration_s(jdk: &Jdk, load: &Load, variant: Variant, effort: &Effort) -> Result<f64> {
    let mut builder = Cluster::builder(jdk)
        .configure("taskmanager.numberOfTaskSlots", "2")
        .configure("parallelism.default", "2");
    for (key, value) in load.configuration {
        builder = builder.configure(key, value);
    }
    for option in variant.jvm_options() {
        builder = builder.taskmanager_option(&option);
    }
    if let Some(options) = variant.agent_options() {
        builder = builder.agent(options);
    }
    let cluster = builder.start()?;
    let records = load.records[usize::from(effort.quick)].to_string();
    let job = cluster.submit(load.main_class, &[&records])?;
    cluster.wait_for_job(&job, &["FINISHED"], DEADLINE)?;
    let told = cluster.rest().get(&format!("/jobs/{job}"))?;
    let duration_ms = told["duration"].as_f64();
    let seconds = duration_ms.context("a job without a duration")? / 1e3;
    ensure!(seconds > 0.0, "a job that took no time");
    Ok(seconds)
}
