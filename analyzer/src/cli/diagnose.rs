//! `flinkmem diagnose`.

use super::configured::GivenArguments;
use super::look::LookArguments;
use super::progress::Progress;
use super::{EXIT_FINDINGS, EXIT_NOTHING_FOUND, output};
use crate::budget::{Budget, Given};
use crate::case::{Case, SourceLines, Surroundings, gather};
use crate::input;
use crate::model::{Question, Refusal, derive};
use crate::report::html::{self, Shown};
use crate::report::{Report, to_lines, to_screens};
use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Say who used up which limit, from what the agent recorded and from logs.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem diagnose /traces                      every process that wrote a trace there
  flinkmem diagnose --format json /traces | jq   one JSON document a line and process
  flinkmem diagnose --format html -o report.html TRACE
                                                 one file for a browser: timeline, call sites, what-if
  flinkmem diagnose --conf /opt/flink/conf TRACE remedies as changes of this configuration,
                                                 and where it differs from the recorded one
  flinkmem diagnose -D taskmanager.memory.task.off-heap.size=64m TRACE
                                                 with another option than the recorded one
  flinkmem diagnose taskmanager.log taskmanager.out gc.log
                                                 what lines prove, where no agent was there
  kubectl logs tm-1 | flinkmem diagnose -        lines as they come
  flinkmem diagnose --quiet /traces              a line for each process with findings
  flinkmem diagnose --verbose /traces | less     everything, with reasons and full names
  kubectl get pod tm-1 -o json > pod.json; flinkmem diagnose TRACE taskmanager.log pod.json
                                                 one process on one timeline",
    after_long_help = "\
Exit status:
  0  nothing found
  1  findings
  2  the input could not be used; the reason is on stderr"
)]
pub struct Diagnose {
    /// Trace directories, logs, and reports of whoever ended the process; any mix
    ///
    /// A trace directory is named flinkmem-<host>-<pid>-<start> and lies where the agent's `dir` option says, by default
    /// beside Flink's log; a directory that holds some will do. Files are told by their content, gzipped or not: logs of TaskManagers and
    /// JobManagers, standard output, GC logs, hs_err files, kubectl get pod -o json|yaml, kubectl describe pod, YARN's diagnostics, dmesg, and
    /// any text with such lines. Logs of one process, named together with its trace, are put on the trace's timeline. A line proves the limit
    /// that was hit; who used it up is mostly for a trace to tell, and the report says what to collect. - reads lines from stdin; a .tar or .tar.gz is read as
    /// what is in it.
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    given: GivenArguments,

    /// Form of the report
    ///
    /// text is for people and may change. json is the stable form: one document, indented, for one process; one document
    /// a line for several. html is one file for a browser with all processes in it; it loads nothing from anywhere.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the report to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    look: LookArguments,
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One screen for people.
    Text,
    /// For programs.
    Json,
    /// One file for a browser: timeline, ledger, call sites, budget, what-if.
    Html,
}

pub(super) fn run(arguments: &Diagnose) -> anyhow::Result<ExitCode> {
    let diagnosed = diagnosed(arguments)?;
    let found = diagnosed.iter().any(|one| !one.report.findings.is_empty());
    let text = match arguments.format {
        Format::Json => as_json(&diagnosed)?,
        Format::Text => as_text(diagnosed, arguments),
        Format::Html => as_html(&diagnosed),
    };
    output::write(&text, arguments.output.as_deref())?;
    Ok(ExitCode::from(if found {
        EXIT_FINDINGS
    } else {
        EXIT_NOTHING_FOUND
    }))
}

/// One process with what was found.
struct Diagnosed {
    case: Case,
    budget: Option<Budget>,
    report: Report,
}

/// One for each process. What cannot be read among several inputs is named on stderr and left out.
fn diagnosed(arguments: &Diagnose) -> anyhow::Result<Vec<Diagnosed>> {
    let inputs = input::inputs(&arguments.inputs)?;
    let named = inputs.traces.iter().chain(&inputs.files);
    let progress = Progress::begin(named.map(PathBuf::as_path));
    let mut unreadable: Vec<anyhow::Error> = Vec::new();
    let mut keep = |error: anyhow::Error| unreadable.push(error);
    let traces = inputs
        .traces
        .iter()
        .map(|directory| inputs.read_trace(directory));
    let traces: Vec<Case> = traces
        .filter_map(|read| read.map_err(|error| keep(error.into())).ok())
        .collect();
    let files = inputs.files.iter().map(|file| inputs.read_file(file));
    let lines: Vec<SourceLines> = files
        .filter_map(|read| read.map_err(|error| keep(error.into())).ok())
        .collect();
    let cases = gather(traces, lines);
    if cases.is_empty() {
        let first = unreadable.into_iter().next();
        return Err(first.unwrap_or_else(|| anyhow!("no input given")))
            .context("no input could be used");
    }
    let here = Surroundings::here();
    let mut diagnosed = Vec::new();
    for case in cases {
        let budget = budget(&case, &arguments.given)?;
        let report = Report::with_budget(&case, &here, budget.as_ref());
        diagnosed.push(Diagnosed {
            case,
            budget,
            report,
        });
    }
    drop(progress);
    for error in unreadable {
        eprintln!("flinkmem: left out: {error}");
    }
    Ok(diagnosed)
}

/// What was meant for whom: as recorded, or as the command line says.
pub(super) fn budget(case: &Case, arguments: &GivenArguments) -> anyhow::Result<Option<Budget>> {
    let observed = &case.observed;
    if arguments.is_empty() {
        return Ok(Budget::recorded(observed));
    }
    let directory = match case.sources.first() {
        Some(source) if !case.has_trace() => source.path.display(),
        _ => case.directory.display(),
    };
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

fn as_json(diagnosed: &[Diagnosed]) -> anyhow::Result<String> {
    let pretty = diagnosed.len() == 1;
    let mut text = String::new();
    for one in diagnosed {
        text.push_str(&one.report.to_json(pretty)?);
        text.push('\n');
    }
    Ok(text)
}

fn as_html(diagnosed: &[Diagnosed]) -> String {
    let shown = diagnosed.iter().map(|one| Shown {
        case: &one.case,
        report: &one.report,
        budget: one.budget.as_ref(),
    });
    html::page(&shown.collect::<Vec<_>>())
}

fn as_text(diagnosed: Vec<Diagnosed>, arguments: &Diagnose) -> String {
    let reports: Vec<Report> = diagnosed.into_iter().map(|one| one.report).collect();
    let file = arguments.output.as_deref();
    let look = arguments.look.look(file);
    let text = match arguments.look.quiet {
        true => to_lines(&reports, look),
        false => to_screens(&reports, look),
    };
    arguments.look.finished(text, file)
}
