//! The command line: what can be asked for. Each command is one module with one entry, `run`, which returns the exit
//! status that `docs/` documents.

mod diagnose;
mod output;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Who used up which memory limit of a Flink process, and what change would have held.
#[derive(Debug, Parser)]
#[command(
    name = "flinkmem",
    version,
    before_long_help = "\
Examples:
  flinkmem diagnose /traces                      every process that wrote a trace there
  flinkmem diagnose --format json /traces/flinkmem-tm-0-4711-20260101T000000Z",
    after_long_help = "Exit status: 2 when the input could not be used; otherwise each command documents its own."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say who used up which limit, from what the agent recorded.
    Diagnose(diagnose::Diagnose),
}

/// Nothing found.
pub const EXIT_NOTHING_FOUND: u8 = 0;
/// Findings.
pub const EXIT_FINDINGS: u8 = 1;
/// The input could not be used; the reason is on stderr.
pub const EXIT_UNUSABLE_INPUT: u8 = 2;

/// Runs one command.
///
/// # Errors
/// When the input cannot be used; the exit status is then [`EXIT_UNUSABLE_INPUT`].
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Diagnose(arguments) => diagnose::run(&arguments),
    }
}
