//! JVM start to the first line of `main`, and to the end of the process; and the CPU time of it all, which a busy machine
//! distorts less.

use super::{Aim, Comparison, Effort, Row, Series, Topic, Variant};
use crate::{Jdk, javac};
use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::time::{ClockId, clock_gettime};
use std::process::Command;
use std::time::Duration;

const VARIANTS: [Variant; 2] = [Variant::Bare, Variant::Agent];

/// Starts in a round; a round's value is their median.
const STARTS: usize = 8;

/// What the agent may add.
const MOST_ADDED_MS: f64 = 10.0;

/// Measures both.
///
/// # Errors
/// When a JVM cannot be started.
pub fn measure(jdk: &Jdk, effort: &Effort, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
    progress("JVM start to main");
    let mut series: [Vec<_>; FIGURES.len()] =
        FIGURES.map(|_| VARIANTS.map(|v| (v, Series::default())).to_vec());
    for _ in 0..effort.rounds {
        let mut starts = VARIANTS.map(|_| Vec::new());
        for _ in 0..STARTS {
            for (variant, starts) in VARIANTS.iter().zip(&mut starts) {
                starts.push(Start::measure(jdk, *variant)?);
            }
        }
        for ((_, pick), series) in FIGURES.iter().zip(&mut series) {
            for ((_, series), starts) in series.iter_mut().zip(&starts) {
                let values: Series = starts.iter().map(|s| pick(s).as_secs_f64() * 1e3).collect();
                series.push(values.median().context("no start")?);
            }
        }
    }
    let mut rows = Vec::new();
    for (index, ((what, _), series)) in FIGURES.iter().zip(series).enumerate() {
        let comparison = Comparison {
            topic: Topic::Start,
            what: (*what).to_owned(),
            unit: "ms",
            series,
        };
        let added = comparison.added(Variant::Agent);
        let aim = Aim::at_most("adds ≤ 10 ms", MOST_ADDED_MS, added);
        rows.extend(comparison.rows(|_| (index == 0).then(|| aim.clone())));
    }
    Ok(rows)
}

type Pick = fn(&Start) -> Duration;

/// What is told of a start; the first has an aim.
const FIGURES: [(&str, Pick); 3] = [
    ("JVM start to first line of main", |start| start.to_main),
    ("JVM start to exit of an empty main", |start| start.to_end),
    ("the same, CPU time of the process", |start| start.cpu),
];

/// One start of a JVM.
struct Start {
    to_main: Duration,
    to_end: Duration,
    cpu: Duration,
}

impl Start {
    fn measure(jdk: &Jdk, variant: Variant) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("flinkmem-lab-").tempdir()?;
        let mut java = Command::new(jdk.tool("java"));
        java.args(variant.arguments(&directory.path().join("traces"))?)
            .arg("-cp")
            .arg(javac::programs()?)
            .arg("FirstLine")
            .current_dir(directory.path());
        let cpu_before = cpu_of_children()?;
        let began = monotonic()?;
        let output = java.output().context("cannot start the JVM")?;
        let ended = monotonic()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let main_ns = String::from_utf8(output.stdout)?.trim().parse()?;
        Ok(Self {
            to_main: Duration::from_nanos(main_ns).saturating_sub(began),
            to_end: ended.saturating_sub(began),
            cpu: cpu_of_children()?.saturating_sub(cpu_before),
        })
    }
}

/// The clock that `System.nanoTime` reads.
fn monotonic() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

/// CPU time of the children that have ended. Only one runs at a time.
fn cpu_of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |time: TimeVal| {
        let whole = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(u64::try_from(whole).unwrap_or(0))
    };
    Ok(micros(usage.user_time()) + micros(usage.system_time()))
}
