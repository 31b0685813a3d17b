//! `flinkmem size`.

use super::configured::GivenArguments;
use super::diagnose::budget;
use super::{EXIT_NOTHING_FOUND, EXIT_REFUSED, model::Format, output};
use crate::budget::Budget;
use crate::case::{Case, Surroundings};
use crate::input;
use crate::report::Report;
use crate::size::{HEADROOM, Measured, Sizes, size, to_json, to_text};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Size a whole configuration from the measured peaks of one or many processes.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem size /traces                          all TaskManagers (and JobManagers) there
  flinkmem size --headroom 50% TRACE TRACE
  flinkmem size --conf /opt/flink/conf --format json /traces",
    after_long_help = "\
Exit status:
  0  every pool was sized, and Flink accepts the result
  1  a pool was not sized, for it leaks, or no configuration was found; the output says why
  2  the input could not be used; the reason is on stderr"
)]
pub struct SizeArguments {
    /// Trace directories, or directories that hold some
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,

    /// Room on top of every measured peak, as a share of it: 25% or 0.25
    ///
    /// A quarter by default, as remedies of diagnose have it: samples are a second apart and miss the tops of bursts, and what was measured is
    /// seldom the busiest week. The heap gets at least half of its live set on top.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    headroom: Option<f64>,

    #[command(flatten)]
    given: GivenArguments,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// More than this is no headroom but a mistake, such as `25` for a quarter.
const MOST_HEADROOM: f64 = 10.0;

fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share = number.trim().parse::<f64>().map(|value| value / unit);
    match share {
        Ok(share) if (0.0..=MOST_HEADROOM).contains(&share) => Ok(share),
        _ => Err("give a share such as 25% or 0.25".to_owned()),
    }
}

pub(super) fn run(arguments: &SizeArguments) -> anyhow::Result<ExitCode> {
    let here = Surroundings::here();
    let mut known: Vec<(Case, Budget, Report)> = Vec::new();
    for directory in &input::inputs(&arguments.traces)?.traces {
        match Case::read(directory) {
            Err(error) => eprintln!("flinkmem: left out: {error}"),
            Ok(case) if case.observed.process.is_none() => {
                eprintln!(
                    "flinkmem: left out: {}: no process of Flink's",
                    directory.display()
                );
            }
            Ok(case) => {
                let budget = budget(&case, &arguments.given)?
                    .ok_or_else(|| anyhow!("no process of Flink's"))
                    .with_context(|| directory.display().to_string())?;
                let report = Report::with_budget(&case, &here, Some(&budget));
                known.push((case, budget, report));
            }
        }
    }
    if known.is_empty() {
        bail!("no trace of a Flink process among the inputs; give trace directories");
    }
    let measured: Vec<Measured<'_>> = known
        .iter()
        .map(|(case, budget, report)| Measured {
            case,
            budget,
            findings: &report.findings,
        })
        .collect();
    let sizes = size(&measured, arguments.headroom.unwrap_or(HEADROOM));
    output::write(&printed(&sizes, arguments.format), None)?;
    let is_whole = sizes.iter().all(Sizes::is_whole);
    Ok(ExitCode::from(match is_whole {
        true => EXIT_NOTHING_FOUND,
        false => EXIT_REFUSED,
    }))
}

/// One document a line in JSON; a screen each in text.
fn printed(sizes: &[Sizes], format: Format) -> String {
    match format {
        Format::Json => sizes
            .iter()
            .map(|one| format!("{}\n", to_json(one)))
            .collect(),
        Format::Text => {
            let screens: Vec<String> = sizes.iter().map(to_text).collect();
            screens.join(&format!("\n{}\n\n", "-".repeat(80)))
        }
    }
}
