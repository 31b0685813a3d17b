//! `flinkmem completions`.

use super::{Arguments, EXIT_NOTHING_FOUND, output};
use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::process::ExitCode;

/// Print the completions for a shell.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem completions bash >/etc/bash_completion.d/flinkmem
  source <(flinkmem completions bash)            in this shell only
  flinkmem completions zsh >/usr/local/share/zsh/site-functions/_flinkmem
  flinkmem completions fish >~/.config/fish/completions/flinkmem.fish",
    after_long_help = "Exit status: 0; 2 when there is no such shell."
)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &Completions) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, name, &mut text);
    let text = String::from_utf8(text).context("the completions are no text")?;
    output::write(&text, None)?;
    Ok(ExitCode::from(EXIT_NOTHING_FOUND))
}
