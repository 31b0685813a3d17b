//! What those who allocate pay for the survivors' sampling: nothing while it is off, something while the live set is near
//! the heap's limit.

use super::super::hot_path::batch_costs;
use super::super::{Comparison, Effort, Row, Series, Topic, Variant};
use super::takings::ms;
use crate::{Jdk, Jvm};
use anyhow::{Context, Result, ensure};
use flinkmem_trace::Record;

const VARIANTS: [Variant; 2] = [Variant::Bare, Variant::Agent];

/// A young generation that leaves the old one room for the filling. The serial collector has no threads of its own.
const HEAP: [&str; 3] = ["-Xmx512m", "-Xmn48m", "-XX:+UseSerialGC"];

/// Of the heap that is sampled: 83 % of what can be used.
const FILLING_MIB: &str = "425";

const WARM_UP_MS: &str = "800";
const BATCH_MS: &str = "50";

/// Batches of a measurement.
const BATCHES: usize = 15;

/// Until the distance between samples has followed the rate of allocation: it doubles every two seconds at most, from
/// 512 KiB to 32 MiB.
const BATCHES_TO_SETTLE: usize = 280;

/// A round takes half a minute.
const MOST_ROUNDS: usize = 3;

/// Batches of one JVM, and what sweeping the table of survivors took the agent, milliseconds.
struct Run {
    costs: Vec<f64>,
    sweeps: Vec<f64>,
}

/// Measures it.
///
/// # Errors
/// When a JVM cannot be started or fails, or sampling does not begin.
pub(super) fn measure(
    jdk: &Jdk,
    effort: &Effort,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>> {
    let mut off = Compared::new("new byte[64…1024], sampling off");
    let mut first = Compared::new("new byte[64…1024], heap 83 % full, first seconds of sampling");
    let mut settled = Compared::new("new byte[64…1024], heap 83 % full, sampling settled");
    let mut sweeps = Vec::new();
    for _ in 0..effort.rounds.min(MOST_ROUNDS) {
        progress("allocation with and without sampling");
        for variant in VARIANTS {
            off.push(variant, &run(jdk, variant, "0", BATCHES)?.costs)?;
        }
        let bare = run(jdk, Variant::Bare, FILLING_MIB, BATCHES)?.costs;
        let count = BATCHES + BATCHES_TO_SETTLE;
        let sampled = run(jdk, Variant::Agent, FILLING_MIB, count)?;
        let begin = sampled.costs.get(..BATCHES).context("no batches")?;
        let end = sampled.costs.get(BATCHES_TO_SETTLE..);
        first.push(Variant::Bare, &bare)?;
        first.push(Variant::Agent, begin)?;
        settled.push(Variant::Bare, &bare)?;
        settled.push(Variant::Agent, end.context("too few batches")?)?;
        sweeps.extend(sampled.sweeps);
    }
    let mut rows: Vec<_> = [off, first, settled]
        .iter()
        .flat_map(|compared| compared.0.rows(|_| None))
        .collect();
    let sweeps = sweeps.into_iter().collect();
    let what = "sites of survivors, record, heap 83 % full";
    rows.push(Row::alone(
        Topic::Signals,
        what,
        Variant::Agent,
        "ms",
        &sweeps,
    ));
    Ok(rows)
}

struct Compared(Comparison);

impl Compared {
    fn new(what: &str) -> Self {
        Self(Comparison {
            topic: Topic::Signals,
            what: what.to_owned(),
            unit: "ns",
            series: VARIANTS.map(|v| (v, Series::default())).to_vec(),
        })
    }

    fn push(&mut self, variant: Variant, costs: &[f64]) -> Result<()> {
        let costs: Series = costs.iter().copied().collect();
        let median = costs.median().context("HotPath measured nothing")?;
        for (_, series) in self.0.series.iter_mut().filter(|(v, _)| *v == variant) {
            series.push(median);
        }
        Ok(())
    }
}

fn run(jdk: &Jdk, variant: Variant, filling_mib: &str, batch_count: usize) -> Result<Run> {
    let count = batch_count.to_string();
    let jvm = Jvm::new(jdk, "HotPath").options(HEAP).arguments([
        "allocate",
        "1",
        WARM_UP_MS,
        &count,
        BATCH_MS,
        filling_mib,
    ]);
    let mut jvm = variant.apply(jvm).start()?;
    jvm.step("filled")?;
    let samples = variant.has_agent() && filling_mib != "0";
    if samples {
        jvm.wait_for_trace("allocations to be sampled", |trace| {
            trace.evidence.iter().find_map(sweep_ms)
        })?;
    }
    jvm.go_on()?;
    let finished = jvm.finish()?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    let sweeps = if samples {
        let trace = finished.trace()?;
        // The first record says that sampling has begun.
        trace.evidence.iter().filter_map(sweep_ms).skip(1).collect()
    } else {
        Vec::new()
    };
    Ok(Run {
        costs: batch_costs(&finished)?,
        sweeps,
    })
}

fn sweep_ms(record: &Record) -> Option<f64> {
    match record {
        Record::HeapSites(sites) => Some(ms(sites.taken.cost_us)),
        _ => None,
    }
}
