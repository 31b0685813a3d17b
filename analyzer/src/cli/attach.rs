//! `flinkmem attach`.

use super::{EXIT_NOTHING_FOUND, output};
use crate::attach::{Outcome, Target, Wish, attach, other_version};
use clap::Args;
use flinkmem_trace::version::build;
use std::path::PathBuf;
use std::process::ExitCode;

/// Load the agent into a JVM that runs already.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem attach 4711                           the library beside this program
  flinkmem attach 4711 -o dir=/traces,interval=1s
  flinkmem attach --copy 4711                    into a container, from its host as root",
    after_long_help = "\
The process needs no JDK and no restart. What the agent counts itself begins now: off-heap blocks that are there already
have no call site, and only the JVM's own counters know them. From JDK 21 on the JVM prints three lines of warning on its
stderr, unless it was started with -XX:+EnableDynamicAgentLoading. To attach to a process that has the agent changes nothing.

Exit status:
  0  the agent is at work
  2  it could not be loaded; the reason and the next step are on stderr, and the process is as it was"
)]
pub struct Attach {
    /// The JVM's process id, as this system has it
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,

    #[command(flatten)]
    how: How,
}

/// How the agent is loaded.
#[derive(Debug, Clone, Args)]
pub(super) struct How {
    /// The agent library, as the process sees it
    ///
    /// By default libflinkmem.so beside this program.
    #[arg(long, value_name = "PATH")]
    agent: Option<PathBuf>,

    /// Options of the agent: key=value,…
    ///
    /// As after -agentpath:…=, see docs/options.md. A relative `dir` is relative to the process's working directory.
    #[arg(short, long, value_name = "OPTIONS", default_value = "")]
    options: String,

    /// Copy the library into the process's /tmp where it cannot see it
    ///
    /// For a process in a container, from its host. The copy stays there for as long as the process may need it.
    #[arg(long)]
    copy: bool,
}

impl How {
    pub(super) fn wish(&self) -> Wish {
        Wish {
            library: self.agent.clone(),
            options: self.options.clone(),
            copy: self.copy,
        }
    }
}

pub(super) fn run(arguments: &Attach) -> anyhow::Result<ExitCode> {
    let target = Target::find(arguments.pid)?;
    let wish = arguments.how.wish();
    let outcome = attach(&target, &wish)?;
    output::write(&told(arguments.pid, &outcome), None)?;
    if let Some(other) = other_version(&target, &wish, &outcome) {
        eprintln!(
            "flinkmem: the agent in {} is of version {other}, this program of {}; what one of them does not know of the other is skipped",
            arguments.pid,
            build()
        );
    }
    Ok(ExitCode::from(EXIT_NOTHING_FOUND))
}

/// What was done, in a line.
pub(super) fn told(pid: i32, outcome: &Outcome) -> String {
    match (outcome, outcome.trace()) {
        (Outcome::Begun(_), Some(trace)) => {
            format!("attached to {pid}; the trace is {}\n", trace.display())
        }
        (Outcome::Begun(_), None) => format!(
            "attached to {pid}, but it has not begun its trace; a line that begins with \"flinkmem:\" on its stderr says why\n"
        ),
        (Outcome::AtWorkAlready(_), Some(trace)) => format!(
            "the agent is at work in {pid} already, nothing was changed; the trace is {}\n",
            trace.display()
        ),
        (Outcome::AtWorkAlready(_), None) => format!(
            "the agent is loaded in {pid} already, but writes no trace; a line that begins with \"flinkmem:\" on its stderr says why. Nothing was changed\n"
        ),
    }
}
