//! `flinkmem doctor`.

use super::look::ColorArguments;
use super::output;
use crate::doctor::{Outcome, Wish, examine, to_text};
use crate::model::FlinkVersion;
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check an installation: does the library load in this JVM, does what it writes survive?
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem doctor --dir /traces                  library beside this program, own Java
  flinkmem doctor --conf /opt/flink/conf         and whether Flink's configuration loads it
  flinkmem doctor --agent /opt/flinkmem/libflinkmem.so --dir /traces -- /opt/java/bin/java
                                                 with another Java; further arguments are its own
  flinkmem doctor 4711                           is the agent in that process, and writing?
  kubectl exec tm-1 -- flinkmem doctor 1         the same in a pod",
    after_long_help = "\
Run it where Flink runs, as Flink's user: in the container, not on its host. A JVM is started
with the library and ends at once; what it writes is removed again.

Exit status:
  0  all is well
  1  there are warnings
  2  there are problems, or the arguments could not be used"
)]
pub struct Doctor {
    /// A process that runs, to be examined instead of a new JVM
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..), conflicts_with_all = ["agent", "dir", "options", "java"])]
    pid: Option<i32>,

    /// The agent library; by default that of the configuration, or libflinkmem.so beside this program
    #[arg(long, value_name = "PATH")]
    agent: Option<PathBuf>,

    /// The directory for traces; by default the option `dir`, or $FLINK_LOG_DIR
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// The agent's options, as after -agentpath:…=; by default those of the configuration
    #[arg(short, long, value_name = "OPTIONS")]
    options: Option<String>,

    /// Flink's configuration folder or file; by default $FLINK_CONF_DIR
    #[arg(long, value_name = "FILE|DIR")]
    conf: Option<PathBuf>,

    /// Flink's version; by default that of the distribution around the configuration
    #[arg(long, value_name = "V")]
    flink_version: Option<FlinkVersion>,

    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    color: ColorArguments,

    /// The command that starts Java, with arguments of its own; by default $JAVA_HOME/bin/java, or java
    #[arg(last = true, value_name = "JAVA")]
    java: Vec<OsString>,
}

/// Forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one document.
    Json,
}

pub(super) fn run(arguments: &Doctor) -> anyhow::Result<ExitCode> {
    let examination = examine(&Wish {
        agent: arguments.agent.clone(),
        dir: arguments.dir.clone(),
        options: arguments.options.clone(),
        conf: arguments.conf.clone(),
        flink_version: arguments.flink_version,
        java: arguments.java.clone(),
        pid: arguments.pid,
    });
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&examination)? + "\n",
        Format::Text => {
            let text = to_text(&examination, super::look::columns(None));
            arguments.color.finished(text, None)
        }
    };
    output::write(&text, None)?;
    Ok(ExitCode::from(match examination.outcome {
        Outcome::Ok => 0,
        Outcome::Warning => 1,
        Outcome::Problem => 2,
    }))
}
