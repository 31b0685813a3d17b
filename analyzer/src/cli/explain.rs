//! `flinkmem explain`.

use super::{EXIT_NOTHING_FOUND, output};
use crate::explain::{label, list, to_terminal};
use clap::Args;
use std::process::ExitCode;

/// Explain a label: what it is, how it is told from its neighbours, what to do, what it looks like.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem explain                               every label in a line
  flinkmem explain direct_leak                   all about one
  flinkmem explain --markdown direct_leak        as it is in docs/labels",
    after_long_help = "Exit status: 0; 2 when there is no such label."
)]
pub struct Explain {
    /// The label, as in a report; without it all labels are listed
    label: Option<String>,

    /// Print the page as it is written, in Markdown
    #[arg(long, requires = "label")]
    markdown: bool,
}

pub(super) fn run(arguments: &Explain) -> anyhow::Result<ExitCode> {
    let text = match &arguments.label {
        None => list(),
        Some(name) if arguments.markdown => label(name)?.page().to_owned(),
        Some(name) => to_terminal(label(name)?.page()),
    };
    output::write(&text, None)?;
    Ok(ExitCode::from(EXIT_NOTHING_FOUND))
}
