//! `flinkmem diagnose`.

use super::configured::GivenArguments;
use super::{EXIT_FINDINGS, EXIT_NOTHING_FOUND, output};
use crate::budget::{Budget, Given};
use crate::case::{Case, Surroundings};
use crate::finding::Severity;
use crate::input;
use crate::model::{Question, Refusal, derive};
use crate::report::{Report, to_text};
use anyhow::{Context, anyhow, bail};
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
  flinkmem diagnose --conf /opt/flink/conf TRACE remedies as changes of this configuration,
                                                 and where it differs from the recorded one
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

    #[command(flatten)]
    given: GivenArguments,

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
            Ok(case) => {
                let budget = budget(&case, &arguments.given)?;
                reports.push(Report::with_budget(&case, &here, budget.as_ref()));
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

/// What was meant for whom: as recorded, or as the command line says.
fn budget(case: &Case, arguments: &GivenArguments) -> anyhow::Result<Option<Budget>> {
    let observed = &case.observed;
    if arguments.is_empty() {
        return Ok(Budget::recorded(observed));
    }
    let directory = case.directory.display();
    let Some(process) = observed.process else {
        bail!(
            "{directory} was written by a JVM without Flink, where --conf, -D and --flink-version mean nothing; leave them out"
        );
    };
    let refused = |refusal: &Refusal| {
        anyhow!(
            "Flink would refuse the configuration that was given: {}; see flinkmem model",
            refusal.message
        )
    };
    let options = arguments.read(observed)?.map_err(|found| refused(&found))?;
    let question = Question::new(options.version, process, options.settings);
    let answer = derive(&question).map_err(|found| refused(&found.refusal))?;
    let given = Given {
        question,
        answer,
        is_whole: arguments.conf.is_some(),
    };
    Ok(Budget::given(observed, &given))
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
