//! What those who allocate pay for the survivors' sampling: nothing while it is off, something while the live set is near
//! the heap's limit.
//!
//! What an allocation costs follows what else the machine does, more than it follows the agent: it doubles for seconds when
//! a neighbour shares the core. So the two JVMs of a round allocate at the same time, and of a measurement's batches
//! the cheapest counts, in which only a steady cost shows.

use super::super::hot_path::batch_costs;
use super::super::{Aim, Comparison, Effort, Row, Series, Topic, Variant};
use super::takings::ms;
use super::{Cadence, MOST_PERCENT};
use crate::{Jdk, Jvm, Running};
use anyhow::{Context, Result, ensure};
use flinkmem_trace::Record;

const VARIANTS: [Variant; 2] = [Variant::Bare, Variant::Agent];

/// A young generation that leaves the old one room for the filling. The serial collector has no threads of its own.
const HEAP: [&str; 3] = ["-Xmx512m", "-Xmn48m", "-XX:+UseSerialGC"];

/// Of the heap that is sampled: 83 % of what can be used.
const FILLING_MIB: &str = "425";

const WARM_UP_MS: &str = "800";
const BATCH_MS: &str = "50";

/// How often a record is written while allocations are sampled.
const RECORDS: Cadence = Cadence::seconds(10);

/// Batches of a measurement.
const BATCHES: usize = 40;

/// Until the distance between samples has followed the rate of allocation: it doubles every two seconds at most, from
/// 512 KiB to 32 MiB.
const BATCHES_TO_SETTLE: usize = 250;

/// A round takes twenty seconds.
const MOST_ROUNDS: usize = 3;

/// Batches of one JVM, and what the agent's records of survivors took it, milliseconds.
struct Run {
    costs: Vec<f64>,
    records: Vec<f64>,
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
    let mut records = Vec::new();
    for _ in 0..effort.rounds.min(MOST_ROUNDS) {
        progress("allocation with and without sampling");
        for (variant, run) in pair(jdk, "0", BATCHES)? {
            off.push(variant, &run.costs)?;
        }
        for (variant, run) in pair(jdk, FILLING_MIB, BATCHES_TO_SETTLE + BATCHES)? {
            let (begin, end) = (run.costs.get(..BATCHES), run.costs.get(BATCHES_TO_SETTLE..));
            first.push(variant, begin.context("no batches")?)?;
            settled.push(variant, end.context("too few batches")?)?;
            records.extend(run.records);
        }
    }
    let mut rows: Vec<_> = [off, first, settled]
        .iter()
        .flat_map(|compared| compared.0.rows(|_| None))
        .collect();
    let records: Series = records.into_iter().collect();
    let shares = records.map(|cost_ms| RECORDS.percent(cost_ms));
    let row = |what: &str, unit, series: &Series| {
        let what = format!("sites of surviving objects, heap 83 % full{what}");
        Row::alone(Topic::Signals, &what, Variant::Agent, unit, series)
    };
    rows.push(row("", "ms", &records));
    let aim = Aim::at_most("≤ 0.1 %", MOST_PERCENT, shares.median());
    let words = RECORDS.words();
    rows.push(row(&format!(", share of wall time, {words}"), "%", &shares).aim(aim));
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
        let spread = costs.spread().context("HotPath measured nothing")?;
        for (_, series) in self.0.series.iter_mut().filter(|(v, _)| *v == variant) {
            series.push(spread.min);
        }
        Ok(())
    }
}

/// The variants, side by side.
fn pair(jdk: &Jdk, filling_mib: &str, batch_count: usize) -> Result<Vec<(Variant, Run)>> {
    let mut running = Vec::new();
    for variant in VARIANTS {
        let samples = variant.has_agent() && filling_mib != "0";
        running.push((
            variant,
            samples,
            start(jdk, variant, samples, filling_mib, batch_count)?,
        ));
    }
    for (.., jvm) in &mut running {
        jvm.go_on()?;
    }
    let finish = |(variant, samples, jvm)| Ok((variant, finish(jvm, samples)?));
    running.into_iter().map(finish).collect()
}

/// A JVM whose heap is filled, and whose allocations are sampled if that is to be.
fn start(
    jdk: &Jdk,
    variant: Variant,
    samples: bool,
    filling_mib: &str,
    batch_count: usize,
) -> Result<Running> {
    let count = batch_count.to_string();
    let arguments = ["allocate", "1", WARM_UP_MS, &count, BATCH_MS, filling_mib];
    let jvm = Jvm::new(jdk, "HotPath").options(HEAP).arguments(arguments);
    let mut jvm = variant.apply(jvm).start()?;
    jvm.step("filled")?;
    if samples {
        jvm.wait_for_trace("allocations to be sampled", |trace| {
            trace.evidence.iter().find_map(record_ms)
        })?;
    }
    Ok(jvm)
}

fn finish(jvm: Running, samples: bool) -> Result<Run> {
    let finished = jvm.finish()?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    let records = if samples {
        // The first record says that sampling has begun.
        let evidence = finished.trace()?.evidence;
        evidence.iter().filter_map(record_ms).skip(1).collect()
    } else {
        Vec::new()
    };
    Ok(Run {
        costs: batch_costs(&finished)?,
        records,
    })
}

fn record_ms(record: &Record) -> Option<f64> {
    match record {
        Record::HeapSites(sites) => Some(ms(sites.taken.cost_us)),
        _ => None,
    }
}
