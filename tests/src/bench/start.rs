//! JVM start to the first line of `main`, and to the end of the process.

use super::{Aim, Comparison, Effort, Row, Series, Topic, Variant};
use crate::{Jdk, javac};
use anyhow::{Context, Result, ensure};
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
    let mut to_main = VARIANTS.each_ref().map(|v| (v, Series::default()));
    let mut to_end = VARIANTS.each_ref().map(|v| (v, Series::default()));
    for _ in 0..effort.rounds {
        let mut round = VARIANTS.map(|_| (Series::default(), Series::default()));
        for _ in 0..STARTS {
            for (variant, (main, end)) in VARIANTS.iter().zip(&mut round) {
                let start = Start::measure(jdk, *variant)?;
                main.push(start.to_main.as_secs_f64() * 1e3);
                end.push(start.to_end.as_secs_f64() * 1e3);
            }
        }
        for (index, (main, end)) in round.iter().enumerate() {
            to_main[index].1.push(main.median().context("no start")?);
            to_end[index].1.push(end.median().context("no start")?);
        }
    }
    let comparison = |what: &str, series: [(&'static Variant, Series); 2]| Comparison {
        topic: Topic::Start,
        what: what.to_owned(),
        unit: "ms",
        series: Vec::from(series),
    };
    let to_main = comparison("JVM start to first line of main", to_main);
    let added = to_main.added(Variant::Agent);
    let mut rows = to_main.rows(|_| Some(Aim::at_most("adds ≤ 10 ms", MOST_ADDED_MS, added)));
    rows.extend(comparison("JVM start to exit of an empty main", to_end).rows(|_| None));
    Ok(rows)
}

/// One start of a JVM.
struct Start {
    to_main: Duration,
    to_end: Duration,
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
        })
    }
}

/// The clock that `System.nanoTime` reads.
fn monotonic() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}
