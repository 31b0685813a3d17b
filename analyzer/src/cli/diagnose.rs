//! `flinkmem diagnose`.

use super::{EXIT_FINDINGS, EXIT_NOTHING_FOUND, output};
use crate::case::{Case, Surroundings};
use crate::finding::Severity;
use crate::input;
use crate::report::{Report, to_text};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::cmp::Reverse;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say who used up which limit, from what the agent recorded.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem diagnose /traces                      every process that wrote a trace there
  flinkmem diagnose --format json /traces | jq   one JSON document a line and process
  flinkmem diagnose -D taskmanager.memory.task.off-heap.size=64m TRACE
                                                 with another option than the recorded one",
    after_long_help = "\
Exit status:
  0  nothing found
  1  findings
  2  the input could not be used; the reason is on stderr"
)]
pub struct Diagnose {
    /// Trace directories, or directories that hold some
    ///
    /// A trace directory is named flinkmem-<host>-<pid>-<start> and lies where the agent's `dir` option says, by default
    /// beside Flink's log. Logs are not read yet.
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,

    /// Flink configuration file or directory (not supported yet)
    #[arg(long, value_name = "FILE|DIR")]
    conf: Option<PathBuf>,

    /// Flink option to take instead of the recorded one; may be repeated
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    options: Vec<(String, String)>,

    /// Flink version to take instead of the recorded one
    #[arg(long, value_name = "V")]
    flink_version: Option<String>,

    /// Form of the report
    ///
    /// text is for people and may change. json is the stable form: one document, indented, for one process; one document
    /// a line for several.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the report to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One screen for people.
    Text,
    /// For programs.
    Json,
    /// Not supported yet.
    #[value(hide = true)]
    Html,
}

pub(super) fn run(arguments: &Diagnose) -> anyhow::Result<ExitCode> {
    refuse_what_is_missing(arguments)?;
    let reports = reports(arguments)?;
    let text = match arguments.format {
        Format::Json => as_json(&reports)?,
        Format::Text | Format::Html => as_text(&reports),
    };
    output::write(&text, arguments.output.as_deref())?;
    let found = reports.iter().any(|report| !report.findings.is_empty());
    Ok(ExitCode::from(if found {
        EXIT_FINDINGS
    } else {
        EXIT_NOTHING_FOUND
    }))
}

/// Options of the contract that this build does not have: named, not ignored.
fn refuse_what_is_missing(arguments: &Diagnose) -> anyhow::Result<()> {
    if arguments.format == Format::Html {
        bail!("--format html is not supported yet; use text or json");
    }
    if arguments.conf.is_some() {
        bail!(
            "--conf is not supported yet: the options that the process was started with are in the trace; override single ones with -D KEY=VALUE"
        );
    }
    Ok(())
}

/// One report for each trace. A trace that cannot be read among several is named on stderr and left out.
fn reports(arguments: &Diagnose) -> anyhow::Result<Vec<Report>> {
    let directories = input::traces(&arguments.inputs)?;
    let here = Surroundings::here();
    let mut reports = Vec::new();
    let mut unreadable = Vec::new();
    for directory in &directories {
        match Case::read(directory) {
            Ok(mut case) => {
                overrule(&mut case, arguments)?;
                reports.push(Report::of(&case, &here));
            }
            Err(error) => unreadable.push(error),
        }
    }
    if reports.is_empty() {
        let first = unreadable.into_iter().next();
        return Err(first.map_or_else(|| anyhow::anyhow!("no trace given"), Into::into))
            .context("no trace could be used");
    }
    for error in unreadable {
        eprintln!("flinkmem: left out: {error}");
    }
    Ok(reports)
}

/// Takes what the command line says instead of what was recorded.
fn overrule(case: &mut Case, arguments: &Diagnose) -> anyhow::Result<()> {
    if arguments.options.is_empty() && arguments.flink_version.is_none() {
        return Ok(());
    }
    let Some(flink) = case.header.flink.as_mut() else {
        bail!(
            "{} was written by a JVM without Flink, where -D and --flink-version mean nothing; leave them out",
            case.directory.display()
        );
    };
    flink.options.extend(arguments.options.iter().cloned());
    if let Some(version) = &arguments.flink_version {
        flink.version = Some(version.clone());
    }
    Ok(())
}

fn as_json(reports: &[Report]) -> anyhow::Result<String> {
    let pretty = reports.len() == 1;
    let mut text = String::new();
    for report in reports {
        text.push_str(&report.to_json(pretty)?);
        text.push('\n');
    }
    Ok(text)
}

/// Processes with the worst findings come first.
fn as_text(reports: &[Report]) -> String {
    let mut ordered: Vec<&Report> = reports.iter().collect();
    ordered.sort_by_key(|report| Reverse(worst(report)));
    let screens: Vec<String> = ordered.into_iter().map(to_text).collect();
    screens.join(&format!("\n{}\n\n", "-".repeat(80)))
}

fn worst(report: &Report) -> Option<Severity> {
    report.findings.iter().map(|finding| finding.severity).max()
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => {
            Err("expected KEY=VALUE, such as taskmanager.memory.task.off-heap.size=64m".to_owned())
        }
    }
}
