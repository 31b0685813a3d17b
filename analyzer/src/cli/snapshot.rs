//! `flinkmem snapshot`.

use super::attach::{How, told};
use super::{EXIT_NOTHING_FOUND, output};
use crate::attach::{Target, attach};
use crate::snapshot::{Snapshot, take, to_text};
use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Have the agent in a running process take everything it knows now, and show it.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem snapshot 4711                         of a process that has the agent
  flinkmem snapshot --attach 4711                and load it where it is not
  flinkmem snapshot --format json 4711 | jq '.evidence[] | select(.kind == \"ledger\").parts'",
    after_long_help = "\
What was taken stays in the trace, where `flinkmem diagnose` finds it. Java threads may stand still while the heap is
walked; docs/evidence.md tells what each kind of evidence costs.

Exit status:
  0  taken
  2  it could not be had; the reason and the next step are on stderr"
)]
pub struct SnapshotArguments {
    /// Process id, as this system has it, or the trace directory that a running process writes
    #[arg(value_name = "PID|TRACE_DIR")]
    subject: String,

    /// Form of the output
    ///
    /// text is for people and may change. json is one document, with records as in the trace.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Seconds that Java threads may stand still for each walk over the heap
    ///
    /// A walk that would take longer is not begun, and its record says how long it would take. 0 leaves out all that stops
    /// Java threads. Mind the heartbeats of a process with a large heap.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=60))]
    patience: u64,

    /// Load the agent first, where it is not
    #[arg(long)]
    attach: bool,

    #[command(flatten)]
    how: How,
}

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

pub(super) fn run(arguments: &SnapshotArguments) -> anyhow::Result<ExitCode> {
    let patience = Duration::from_secs(arguments.patience);
    let snapshot = match arguments.subject.parse::<i32>() {
        Ok(pid) if pid > 0 => of_process(pid, arguments, patience)?,
        _ if arguments.attach => bail!("--attach needs a process id, not a directory"),
        _ => take(&PathBuf::from(&arguments.subject), patience)?,
    };
    let text = match arguments.format {
        Format::Text => to_text(&snapshot),
        Format::Json => serde_json::to_string_pretty(&snapshot)? + "\n",
    };
    output::write(&text, None)?;
    Ok(ExitCode::from(EXIT_NOTHING_FOUND))
}

fn of_process(
    pid: i32,
    arguments: &SnapshotArguments,
    patience: Duration,
) -> anyhow::Result<Snapshot> {
    let target = Target::find(pid)?;
    let trace = match target.trace() {
        Some(trace) => trace,
        None if arguments.attach => {
            let outcome = attach(&target, &arguments.how.wish())?;
            let told = told(pid, &outcome);
            // Not on stdout, which is the snapshot's.
            eprint!("{told}");
            let trace = outcome.trace().map(ToOwned::to_owned);
            trace.ok_or_else(|| anyhow!("there is no trace to leave a request in"))?
        }
        None => bail!(
            "no agent is at work in process {pid}, or its open files may not be looked at; `flinkmem attach {pid}` loads it, `flinkmem snapshot --attach {pid}` does both"
        ),
    };
    Ok(target.as_its_user(|| take(&target.path(&trace), patience))??)
}
