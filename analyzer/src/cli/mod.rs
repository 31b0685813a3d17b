//! The command line: what can be asked for. Each command is one module with one entry, `run`, which returns the exit
//! status that `docs/` documents.

mod attach;
mod batch;
mod completions;
mod configured;
mod diagnose;
mod doctor;
mod explain;
mod install;
mod look;
mod man;
mod model;
mod network;
mod output;
mod plan;
mod progress;
mod serve;
mod size;
mod snapshot;
mod top;
mod watch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Who used up which memory limit of a Flink process, and what change would have held.
#[derive(Debug, Parser)]
#[command(
    name = "flinkmem",
    version = flinkmem_trace::version::build(),
    before_long_help = "\
Examples:
  flinkmem diagnose /traces                      every process that wrote a trace there
  flinkmem diagnose --format json /traces/flinkmem-tm-0-4711-20260101T000000Z
  flinkmem explain direct_leak                   what a label means and what to do
  flinkmem attach 4711                           load the agent into a JVM that runs
  flinkmem snapshot 4711                         who holds what in it now
  flinkmem doctor --dir /traces                  does the library load here, does the trace survive?
  flinkmem watch /traces                         a line when something is found, worsens or clears
  flinkmem top 4711                              watch a process, with the agent or without
  flinkmem model --conf /opt/flink/conf          every pool of a configuration, or Flink's refusal
  flinkmem plan --conf /opt/flink/conf --need task_off_heap=512m --hold process
  flinkmem size /traces                          a whole configuration from measured peaks
  flinkmem serve /traces                         metrics for Prometheus, findings and reports over HTTP",
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
    /// Explain a label: what it is, its neighbours, what to do, what it looks like.
    Explain(explain::Explain),
    /// Load the agent into a JVM that runs already.
    Attach(attach::Attach),
    /// Have the agent in a running process take everything it knows now, and show it.
    Snapshot(snapshot::SnapshotArguments),
    /// Check an installation: does the library load in this JVM, does what it writes survive?
    Doctor(doctor::Doctor),
    /// Follow a directory of traces, and tell what is found when it appears, worsens or clears.
    Watch(watch::WatchArguments),
    /// Watch a live process: pools against limits, growth, call sites, findings.
    Top(top::Top),
    /// Derive every memory pool of a configuration, as Flink would.
    Model(Box<model::ModelArguments>),
    /// Show what a change of configuration would do, or find the change that gives a pool what it needs.
    Plan(Box<plan::PlanArguments>),
    /// Size a whole configuration from measured peaks.
    Size(size::SizeArguments),
    /// Count the network buffers that a topology needs, or explain an "Insufficient number of network buffers" line.
    Network(Box<network::NetworkArguments>),
    /// Copy the agent library and this program into a directory.
    Install(install::Install),
    /// Print the completions for a shell.
    Completions(completions::Completions),
    /// Write the manual pages of all commands.
    #[command(hide = true)]
    Man(man::Manual),
    /// Serve metrics, findings and reports of all processes that write traces into a directory.
    Serve(Box<serve::Serve>),
}

/// Nothing found.
pub const EXIT_NOTHING_FOUND: u8 = 0;
/// Findings.
pub const EXIT_FINDINGS: u8 = 1;
/// Flink would refuse the configuration, or it does not do what was asked of it; the output says why.
pub const EXIT_REFUSED: u8 = 1;
/// The input could not be used; the reason is on stderr.
pub const EXIT_UNUSABLE_INPUT: u8 = 2;

/// Runs one command.
///
/// # Errors
/// When the input cannot be used; the exit status is then [`EXIT_UNUSABLE_INPUT`].
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Diagnose(arguments) => diagnose::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Attach(arguments) => attach::run(&arguments),
        Command::Snapshot(arguments) => snapshot::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Watch(arguments) => watch::run(arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Model(arguments) => model::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Size(arguments) => size::run(&arguments),
        Command::Network(arguments) => network::run(&arguments),
        Command::Install(arguments) => install::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
    }
}

/// A size on the command line, spelt as in Flink's configuration.
fn size(text: &str) -> Result<u64, String> {
    crate::model::MemorySize::parse(text)
        .map(crate::model::MemorySize::bytes)
        .map_err(|refusal| refusal.message)
}
