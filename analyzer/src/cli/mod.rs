//! The command line: what can be asked for. Each command is one module with one entry, `run`, which returns the exit
//! status that `docs/` documents.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Who used up which memory limit of a Flink process, and what change would have held.
#[derive(Debug, Parser)]
#[command(name = "flinkmem", version)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {}

/// The input could not be used; the reason is on stderr.
pub const EXIT_UNUSABLE_INPUT: u8 = 2;

/// Runs one command.
///
/// # Errors
/// When the input cannot be used; the exit status is then [`EXIT_UNUSABLE_INPUT`].
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {}
}
