//! Operations that pass through the agent.
//!
//! `HotPath.java` measures the CPU time that its own threads spend, so what else the machine does counts less; the work
//! of the agent's thread and of the collector is not in it.

use super::{Aim, Comparison, Effort, Row, Series, Topic, Variant, alternate, report};
use crate::{Finished, Jdk, Jvm};
use anyhow::{Context, Result, ensure};

/// An operation of `HotPath.java`.
struct Operation {
    name: &'static str,
    what: &'static str,
    on_all_cores: bool,
    variants: &'static [Variant],
    /// `None`: the agent's aim is to add less than NMT summary does.
    aim: Option<(&'static str, f64)>,
}

const OFF_HEAP: [Variant; 7] = [
    Variant::Bare,
    Variant::Agent,
    Variant::NmtSummary,
    Variant::NmtDetail,
    Variant::AgentNmtSummary,
    Variant::AgentNative,
    Variant::AsyncProfiler,
];

/// What holds native memory through `malloc` of a library other than the JVM's.
const LIBRARY: [Variant; 5] = [
    Variant::Bare,
    Variant::Agent,
    Variant::NmtSummary,
    Variant::AgentNative,
    Variant::AsyncProfiler,
];

const OPERATIONS: [Operation; 6] = [
    Operation {
        name: "pair",
        what: "allocateMemory(64) + freeMemory",
        on_all_cores: true,
        variants: &OFF_HEAP,
        aim: None,
    },
    Operation {
        name: "direct",
        what: "allocateDirect(32K) + release",
        on_all_cores: true,
        variants: &OFF_HEAP,
        aim: None,
    },
    Operation {
        name: "mix",
        what: "allocateDirect(64…1M) + release",
        on_all_cores: false,
        variants: &OFF_HEAP,
        aim: None,
    },
    Operation {
        name: "throwable",
        what: "new Exception()",
        on_all_cores: false,
        variants: &[Variant::Bare, Variant::Agent],
        aim: Some(("adds ≤ 50 ns", 50.0)),
    },
    Operation {
        name: "inflater",
        what: "new Inflater() + end()",
        on_all_cores: false,
        variants: &LIBRARY,
        aim: Some(("adds ≤ 100 ns", 100.0)),
    },
    Operation {
        name: "thread",
        what: "new Thread().start() + join()",
        on_all_cores: false,
        variants: &[Variant::Bare, Variant::Agent, Variant::NmtSummary],
        aim: Some(("adds ≤ 5 µs", 5000.0)),
    },
];

/// Milliseconds of warm-up, number of batches, milliseconds of a batch.
fn durations(effort: &Effort) -> [u32; 3] {
    if effort.quick {
        [400, 9, 30]
    } else {
        [800, 15, 50]
    }
}

/// Measures all operations.
///
/// # Errors
/// When a JVM cannot be started or fails.
pub fn measure(jdk: &Jdk, effort: &Effort, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for operation in &OPERATIONS {
        let all = report::cores();
        let threads = if operation.on_all_cores && all > 1 {
            vec![1, all]
        } else {
            vec![1]
        };
        for threads in threads {
            let plural = if threads == 1 { "thread" } else { "threads" };
            let what = format!("{}, {threads} {plural}", operation.what);
            progress(&what);
            let series = alternate(&existing(operation, jdk)?, effort.rounds, |variant| {
                cost_ns(jdk, operation.name, threads, variant, effort)
            })?;
            let comparison = Comparison {
                topic: Topic::HotPath,
                what,
                unit: "ns",
                series,
            };
            rows.extend(comparison.rows(|variant| aim(operation, &comparison, variant)));
        }
    }
    Ok(rows)
}

/// The operation's variants that this machine has.
fn existing(operation: &Operation, jdk: &Jdk) -> Result<Vec<Variant>> {
    let mut existing = Vec::new();
    for variant in operation.variants {
        if variant.exists_in(jdk)? {
            existing.push(*variant);
        }
    }
    Ok(existing)
}

fn aim(operation: &Operation, comparison: &Comparison, variant: Variant) -> Option<Aim> {
    if variant != Variant::Agent {
        return None;
    }
    let added = comparison.added(variant);
    Some(match operation.aim {
        Some((text, limit)) => Aim::at_most(text, limit, added),
        None => {
            let nmt = comparison.added(Variant::NmtSummary);
            Aim::at_most("adds less than NMT summary", nmt.unwrap_or(0.0), added)
        }
    })
}

/// Median over the batches of all threads of one JVM, nanoseconds of CPU time an operation.
fn cost_ns(
    jdk: &Jdk,
    operation: &str,
    threads: usize,
    variant: Variant,
    effort: &Effort,
) -> Result<f64> {
    let [warm_up, batches, batch] = durations(effort).map(|number| number.to_string());
    let threads = threads.to_string();
    // Direct memory ends up under the heap's limit; the serial collector has no threads of its own.
    let jvm = Jvm::new(jdk, "HotPath")
        .options(["-Xmx512m", "-XX:+UseSerialGC"])
        .arguments([operation, &threads, &warm_up, &batches, &batch]);
    let finished = variant.apply(jvm).run()?;
    ensure!(
        finished.status.success(),
        "{operation} with {} ended with {}:\n{}",
        variant.name(),
        finished.status,
        finished.stderr
    );
    if variant.has_agent() {
        // Without the agent's own record the figure would be the bare JVM's.
        finished.trace()?.last_sample()?;
    }
    let costs: Series = batch_costs(&finished)?.into_iter().collect();
    costs.median().context("HotPath measured nothing")
}

/// What an operation cost in each batch, nanoseconds.
pub(super) fn batch_costs(finished: &Finished) -> Result<Vec<f64>> {
    let steps = finished.steps();
    let values = steps
        .iter()
        .filter(|step| step.name == "costs")
        .flat_map(|step| &step.values);
    Ok(values
        .map(|value| value.parse())
        .collect::<Result<_, _>>()?)
}
