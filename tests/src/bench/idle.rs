//! A JVM that does nothing: what is resident, and what the agent's thread computes.
//!
//! All JVMs of all rounds stand beside each other, so they see the same machine. Whatever start-up costs is over before
//! the first look.

use super::{Aim, Comparison, Effort, Row, Series, Topic, Variant};
use crate::{Jdk, Jvm, Running};
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const VARIANTS: [Variant; 4] = [
    Variant::Bare,
    Variant::Agent,
    Variant::AgentFast,
    Variant::Jfr,
];

/// From start to the first look.
const SETTLE: Duration = Duration::from_secs(10);

const MOST_ADDED_MIB: f64 = 6.0;
const MOST_CPU_PERCENT: f64 = 0.05;

/// More JVMs than that tell no more.
const MOST_ROUNDS: usize = 5;

/// The agent's thread, as the kernel knows it.
const THREAD: &str = "flinkmem";

/// Measures all variants.
///
/// # Errors
/// When a JVM cannot be started or ends, or the kernel does not tell.
pub fn measure(jdk: &Jdk, effort: &Effort, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    progress("idle JVMs");
    let window = Duration::from_secs(if effort.quick { 20 } else { 30 });
    let mut variants = Vec::new();
    for variant in VARIANTS {
        if variant.exists_in(jdk)? {
            variants.push(variant);
        }
    }
    let mut idle = Vec::new();
    for _ in 0..effort.rounds.min(MOST_ROUNDS) {
        for variant in &variants {
            idle.push(Idle::start(jdk, *variant)?);
        }
    }
    // Time passes while nothing happens; that is what is measured.
    std::thread::sleep(SETTLE);
    for jvm in &mut idle {
        jvm.begin()?;
    }
    std::thread::sleep(window);
    for jvm in &mut idle {
        jvm.end()?;
    }
    let mut rows = resident(&variants, &idle);
    rows.extend(thread_rows(&variants, &idle));
    Ok(rows)
}

fn resident(variants: &[Variant], idle: &[Idle]) -> Vec<Row> {
    let comparison = |what: &str, pick: fn(&Idle) -> f64| Comparison {
        topic: Topic::Idle,
        what: what.to_owned(),
        unit: "MiB",
        series: variants
            .iter()
            .map(|variant| (*variant, of(idle, *variant).map(pick).collect()))
            .collect(),
    };
    let rss = comparison("idle JVM, VmRSS", |jvm| jvm.rss_mib);
    let added = rss.added(Variant::Agent);
    let mut rows = rss.rows(|variant| {
        let aim = Aim::at_most("adds ≤ 6 MiB", MOST_ADDED_MIB, added);
        (variant == Variant::Agent).then_some(aim)
    });
    rows.extend(comparison("idle JVM, RssAnon", |jvm| jvm.rss_anon_mib).rows(|_| None));
    rows
}

fn thread_rows(variants: &[Variant], idle: &[Idle]) -> Vec<Row> {
    let mut rows = Vec::new();
    for variant in variants.iter().filter(|variant| variant.has_agent()) {
        let series = |pick: fn(&Cost) -> f64| -> Series {
            let costs = of(idle, *variant).filter_map(|jvm| jvm.cost.as_ref());
            costs.map(pick).collect()
        };
        let row = |what: &str, unit, series: &Series| {
            Row::alone(Topic::Idle, what, *variant, unit, series)
        };
        let percent = series(|cost| cost.percent);
        let mut cpu = row("agent's thread, CPU of one core", "%", &percent);
        if *variant == Variant::Agent {
            let median = percent.median();
            cpu = cpu.aim(Aim::at_most("≤ 0.05 % at 1 Hz", MOST_CPU_PERCENT, median));
        }
        let told = series(|cost| cost.told_percent);
        rows.push(cpu);
        rows.push(row("the same, told by the trace", "%", &told));
        rows.push(row("CPU time a tick", "µs", &series(|cost| cost.tick_us)));
        let reading = series(|cost| cost.reading_us);
        rows.push(row("of a tick, reading (wall)", "µs", &reading));
    }
    rows
}

fn of(idle: &[Idle], variant: Variant) -> impl Iterator<Item = &Idle> {
    idle.iter().filter(move |jvm| jvm.variant == variant)
}

/// An idle JVM.
struct Idle {
    variant: Variant,
    jvm: Running,
    rss_mib: f64,
    rss_anon_mib: f64,
    begin: Option<Begin>,
    cost: Option<Cost>,
}

/// The agent's thread at the first look.
struct Begin {
    task: PathBuf,
    when: Instant,
    cpu: Duration,
    samples: usize,
}

/// What the agent's thread did between the two looks.
struct Cost {
    percent: f64,
    told_percent: f64,
    tick_us: f64,
    reading_us: f64,
}

impl Idle {
    fn start(jdk: &Jdk, variant: Variant) -> Result<Self> {
        let jvm = Jvm::new(jdk, "Idle").options(["-Xmx256m"]);
        let mut jvm = variant.apply(jvm).start()?;
        jvm.step("idle")?;
        Ok(Self {
            variant,
            jvm,
            rss_mib: 0.0,
            rss_anon_mib: 0.0,
            begin: None,
            cost: None,
        })
    }

    fn begin(&mut self) -> Result<()> {
        self.rss_mib = self.status_mib("VmRSS")?;
        self.rss_anon_mib = self.status_mib("RssAnon")?;
        if self.variant.has_agent() {
            let task = self.task()?;
            self.begin = Some(Begin {
                samples: self.jvm.trace()?.samples.len(),
                when: Instant::now(),
                cpu: cpu(&task)?,
                task,
            });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(begin) = &self.begin else {
            return Ok(());
        };
        let spent = cpu(&begin.task)?.saturating_sub(begin.cpu);
        let passed = begin.when.elapsed();
        let trace = self.jvm.trace()?;
        let samples = trace.samples.get(begin.samples..).unwrap_or_default();
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
            anyhow::bail!("no sample in {passed:?}");
        };
        ensure!(samples.len() > 1, "one sample in {passed:?}");
        let told_us = last.agent.cpu_us.saturating_sub(first.agent.cpu_us) as f64;
        let told_ms = last.up_ms.saturating_sub(first.up_ms) as f64;
        let ticks = (samples.len() - 1) as f64;
        let reading: Series = samples.iter().map(|s| s.agent.tick_us as f64).collect();
        self.cost = Some(Cost {
            percent: spent.as_secs_f64() / passed.as_secs_f64() * 100.0,
            told_percent: told_us / (told_ms * 1e3) * 100.0,
            tick_us: told_us / ticks,
            reading_us: reading.median().unwrap_or(f64::NAN),
        });
        Ok(())
    }

    fn status_mib(&self, key: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.jvm.id());
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let lines = status.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(name, _)| *name == key);
        let (_, value) = values
            .next()
            .with_context(|| format!("no {key} in {path}"))?;
        let kib: f64 = value.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// The agent's thread below `/proc`.
    fn task(&self) -> Result<PathBuf> {
        for task in std::fs::read_dir(format!("/proc/{}/task", self.jvm.id()))? {
            let task = task?.path();
            let comm = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
            if comm.trim() == THREAD {
                return Ok(task);
            }
        }
        anyhow::bail!("no thread {THREAD} in the JVM")
    }
}

/// CPU time of a thread: the first field of `schedstat`, nanoseconds. `stat` counts in hundredths of a second, which
/// is more than the agent takes in half a minute.
fn cpu(task: &std::path::Path) -> Result<Duration> {
    let path = task.join("schedstat");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let first = text.split(' ').next().context("schedstat is empty")?;
    Ok(Duration::from_nanos(first.parse()?))
}
