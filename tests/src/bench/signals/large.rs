//! A process with much of everything: what a tick costs in it, and what each signal does.
//!
//! The JVMs stand side by side and do nothing; what they are asked for they are asked for in turn.

use super::super::{Aim, Effort, Row, Series, Topic, Variant};
use super::takings::{Takings, ms};
use super::{Cadence, MOST_PERCENT};
use crate::wait::{PATIENCE, wait_for};
use crate::{Jdk, Jvm, Running, Trace};
use anyhow::{Context, Result, bail};
use flinkmem_trace::control::{SNAPSHOT_REQUEST, SNAPSHOT_UNDER_WAY};
use std::time::Duration;

/// What `LargeProcess.java` is to hold: objects, classes, loaders, threads, MiB of direct memory, sites, deflaters.
const HELD: [&str; 7] = ["5000000", "10000", "50", "300", "200", "50", "5000"];

const HEAP: [&str; 1] = ["-Xmx512m"];

const VARIANTS: [Variant; 3] = [Variant::Agent, Variant::AgentNative, Variant::AgentZgc];

/// The collector makes a difference to these only.
const ALL: &[Variant] = &VARIANTS;
const DEFAULT: &[Variant] = &[Variant::Agent];
const BOTH_COLLECTORS: &[Variant] = &[Variant::Agent, Variant::AgentZgc];
const NATIVE: &[Variant] = &[Variant::AgentNative];
const WITH_AND_WITHOUT_NATIVE: &[Variant] = &[Variant::Agent, Variant::AgentNative];

/// A taking stops the application for seconds.
const MOST_TAKINGS: usize = 3;

/// A figure of the takings.
struct Figure {
    what: &'static str,
    pick: fn(&Takings) -> &Series,
    variants: &'static [Variant],
    /// Where it is taken as a matter of routine.
    cadence: Option<Cadence>,
}

const FIGURES: [Figure; 12] = [
    Figure {
        what: "objects that hold native memory",
        pick: |takings| &takings.native_objects,
        variants: DEFAULT,
        cadence: Some(Cadence::seconds(30)),
    },
    Figure {
        what: "malloc by library",
        pick: |takings| &takings.libraries,
        variants: NATIVE,
        cadence: Some(Cadence::seconds(10)),
    },
    Figure {
        what: "thread census",
        pick: |takings| &takings.threads,
        variants: DEFAULT,
        cadence: Some(Cadence::seconds(30)),
    },
    Figure {
        what: "surroundings",
        pick: |takings| &takings.surroundings,
        variants: DEFAULT,
        cadence: Some(Cadence::seconds(30)),
    },
    Figure {
        what: "ledger",
        pick: |takings| &takings.ledger,
        variants: ALL,
        cadence: Some(Cadence::resting(60, 1000)),
    },
    Figure {
        what: "ledger, reading smaps",
        pick: |takings| &takings.smaps,
        variants: BOTH_COLLECTORS,
        cadence: None,
    },
    Figure {
        what: "class loaders",
        pick: |takings| &takings.loaders,
        variants: WITH_AND_WITHOUT_NATIVE,
        cadence: Some(Cadence::seconds(60)),
    },
    Figure {
        what: "root paths of 2 loaders, on demand",
        pick: |takings| &takings.root_paths,
        variants: BOTH_COLLECTORS,
        cadence: None,
    },
    Figure {
        what: "root paths, longest PAUSE, on demand",
        pick: |takings| &takings.root_path_pause,
        variants: BOTH_COLLECTORS,
        cadence: None,
    },
    Figure {
        what: "histogram with holders, on demand",
        pick: |takings| &takings.histogram,
        variants: BOTH_COLLECTORS,
        cadence: None,
    },
    Figure {
        what: "histogram, PAUSE of the walk over all objects, on demand",
        pick: |takings| &takings.histogram_pause,
        variants: BOTH_COLLECTORS,
        cadence: None,
    },
    Figure {
        what: "holders, PAUSE of the walk along all references, on demand",
        pick: |takings| &takings.holders_pause,
        variants: BOTH_COLLECTORS,
        cadence: None,
    },
];

/// Measures all variants.
///
/// # Errors
/// When a JVM cannot be started or ends, or a snapshot is not taken.
pub(super) fn measure(
    jdk: &Jdk,
    effort: &Effort,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>> {
    let mut processes = Vec::new();
    for variant in VARIANTS {
        if variant.exists_in(jdk)? {
            progress(&format!("a large process, {}", variant.name()));
            processes.push(Large::start(jdk, variant)?);
        }
    }
    progress("ticks of large processes");
    for process in &mut processes {
        process.begin()?;
    }
    // Time passes while nothing happens; that is what is measured.
    std::thread::sleep(Duration::from_secs(if effort.quick { 15 } else { 30 }));
    for process in &mut processes {
        process.end()?;
    }
    for _ in 0..effort.rounds.min(MOST_TAKINGS) {
        progress("snapshots of large processes");
        for process in &processes {
            process.take()?;
        }
    }
    let mut rows: Vec<_> = processes.iter().flat_map(Large::tick_rows).collect();
    let taken = processes.iter().map(|process| {
        let evidence = process.jvm.trace()?.evidence;
        Ok((process.variant, Takings::on_demand(&evidence)))
    });
    let taken: Vec<_> = taken.collect::<Result<_>>()?;
    rows.extend(FIGURES.iter().flat_map(|figure| figure.rows(&taken)));
    Ok(rows)
}

impl Figure {
    fn rows(&self, taken: &[(Variant, Takings)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (variant, takings) in taken.iter().filter(|(v, _)| self.variants.contains(v)) {
            let costs = (self.pick)(takings);
            let row = |what: &str, unit, series: &Series| {
                Row::alone(Topic::Signals, what, *variant, unit, series)
            };
            rows.push(row(self.what, "ms", costs));
            if let Some(cadence) = self.cadence {
                let shares = costs.map(|cost_ms| cadence.percent(cost_ms));
                let what = format!("{}, share of wall time, {}", self.what, cadence.words());
                let aim = Aim::at_most("≤ 0.1 %", MOST_PERCENT, shares.median());
                rows.push(row(&what, "%", &shares).aim(aim));
            }
        }
        rows
    }
}

/// A large process.
struct Large {
    variant: Variant,
    jvm: Running,
    samples_before: usize,
    ticks: Ticks,
}

/// The ticks of a time in which nothing happened.
#[derive(Debug, Default)]
struct Ticks {
    /// Reading the sample, wall time, microseconds.
    reading_us: Series,
    /// From one sample to the next, what stands between them included, microseconds of CPU time.
    cpu_us: Series,
    /// All of it as a share of one core.
    percent: Series,
    /// The agent's tables and heap, MiB.
    memory_mib: Series,
}

impl Large {
    fn start(jdk: &Jdk, variant: Variant) -> Result<Self> {
        let jvm = Jvm::new(jdk, "LargeProcess").options(HEAP).arguments(HELD);
        let mut jvm = variant.apply(jvm).start()?;
        jvm.step("ready")?;
        Ok(Self {
            variant,
            jvm,
            samples_before: 0,
            ticks: Ticks::default(),
        })
    }

    fn begin(&mut self) -> Result<()> {
        self.samples_before = self.jvm.trace()?.samples.len();
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let samples = self.jvm.trace()?.samples;
        self.ticks = Ticks::of(samples.get(self.samples_before..).unwrap_or_default())?;
        Ok(())
    }

    /// Asks for everything and waits until it is on disk.
    fn take(&self) -> Result<()> {
        let directory = Trace::open(&self.jvm.directory().join("traces"))?.directory;
        let (asked, under_way) = (
            directory.join(SNAPSHOT_REQUEST),
            directory.join(SNAPSHOT_UNDER_WAY),
        );
        std::fs::write(&asked, "10000")?;
        wait_for("a snapshot", PATIENCE, || {
            if !std::fs::exists(format!("/proc/{}", self.jvm.id()))? {
                bail!("the large process has ended");
            }
            // In this order: the request becomes the other file.
            Ok((!asked.exists() && !under_way.exists()).then_some(()))
        })
    }

    fn tick_rows(&self) -> Vec<Row> {
        let row = |what: &str, unit, series: &Series| {
            Row::alone(Topic::Signals, what, self.variant, unit, series)
        };
        let percent = &self.ticks.percent;
        let aim = Aim::at_most("≤ 0.1 %", MOST_PERCENT, percent.median());
        vec![
            row("tick, CPU time", "µs", &self.ticks.cpu_us),
            row("tick, reading (wall)", "µs", &self.ticks.reading_us),
            row(
                "agent's thread, evidence included, CPU of one core",
                "%",
                percent,
            )
            .aim(aim),
            row("agent's own memory", "MiB", &self.ticks.memory_mib),
        ]
    }
}

impl Ticks {
    fn of(samples: &[flinkmem_trace::Sample]) -> Result<Self> {
        let (first, last) = samples.first().zip(samples.last()).context("no sample")?;
        let cpu_us = |from: &flinkmem_trace::Sample, to: &flinkmem_trace::Sample| {
            to.agent.cpu_us.saturating_sub(from.agent.cpu_us)
        };
        let elapsed_ms = last.up_ms.saturating_sub(first.up_ms);
        let share = 100.0 * ms(cpu_us(first, last)) / elapsed_ms as f64;
        let mib = |sample: &flinkmem_trace::Sample| {
            (sample.agent.memory_bytes + sample.agent.heap_bytes) as f64 / f64::from(1 << 20)
        };
        let pairs = samples.windows(2);
        Ok(Self {
            reading_us: samples.iter().map(|s| s.agent.tick_us as f64).collect(),
            cpu_us: pairs
                .map(|pair| cpu_us(&pair[0], &pair[1]) as f64)
                .collect(),
            percent: [share].into_iter().collect(),
            memory_mib: samples.iter().map(mib).collect(),
        })
    }
}
