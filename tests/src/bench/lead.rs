//! How long before Java code sees the error of a failed direct-memory reservation the agent has told of it.

use super::{Aim, Effort, Row, Series, Topic, Variant};
use crate::jdk::FEATURES;
use crate::{Jdk, Jvm};
use anyhow::{Context, Result};
use flinkmem_trace::IncidentKind;

const LEAST_MS: f64 = 500.0;

/// More errors than that tell no more.
const MOST_ROUNDS: usize = 5;

/// Measures it on every supported JDK that can be had.
///
/// # Errors
/// When a JVM cannot be started, or the agent told of nothing.
pub fn measure(effort: &Effort, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    let mut jdks = Vec::new();
    for feature in FEATURES {
        match Jdk::find(feature) {
            Ok(jdk) => jdks.push((jdk, Series::default())),
            Err(error) => progress(&format!("no lead time on JDK {feature}: {error:#}")),
        }
    }
    progress("lead time before a direct OutOfMemoryError");
    for _ in 0..effort.rounds.min(MOST_ROUNDS) {
        for (jdk, series) in &mut jdks {
            series.push(lead_ms(jdk).with_context(|| jdk.to_string())?);
        }
    }
    let row = |(jdk, series): &(Jdk, Series)| {
        let what = format!("incident to OutOfMemoryError, {jdk}");
        let aim = Aim::at_least("≥ 500 ms", LEAST_MS, series.median());
        Row::alone(Topic::Lead, &what, Variant::Agent, "ms", series).aim(aim)
    };
    Ok(jdks.iter().map(row).collect())
}

fn lead_ms(jdk: &Jdk) -> Result<f64> {
    let mut jvm = Jvm::new(jdk, "DirectOom")
        .agent("")
        .options(["-Xmx64m", "-XX:MaxDirectMemorySize=16m"])
        .arguments(["1048576"])
        .start()?;
    jvm.step("ready")?;
    jvm.wait_for_trace("a sample", |trace| trace.samples.first().map(|_| ()))?;
    jvm.go_on()?;
    let refused = jvm.step("refused")?;
    let trace = jvm.finish()?.trace()?;
    let incident = trace.incidents_of(IncidentKind::DirectSlowPath).last();
    let incident = incident.context("the agent told of no slow path")?;
    Ok((refused.t_ms - incident.t_ms) as f64)
}
