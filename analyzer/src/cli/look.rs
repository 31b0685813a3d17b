//! Where a text goes decides how it looks: colours and width are a terminal's, characters the locale's.

use crate::report::{Characters, Look, NARROWEST, Verbosity, WIDEST};
use anstream::ColorChoice;
use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use std::path::Path;

/// How much is told, and in which colours.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct LookArguments {
    /// Tell everything: every finding whole, every cause that was looked for with its reason, full names, sources
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,

    /// Tell a line for each process with findings, and nothing for the others
    ///
    /// Severity, label, confidence, consumer and process, with tabs between.
    #[arg(short, long)]
    pub(super) quiet: bool,

    #[command(flatten)]
    color: ColorArguments,
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ColorArguments {
    /// Colours
    ///
    /// auto: on a terminal only. NO_COLOR and CLICOLOR_FORCE are honoured. Nothing is told by colour alone.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl LookArguments {
    /// How a text looks that goes to stdout, or to a file.
    pub(super) fn look(self, file: Option<&Path>) -> Look {
        let verbosity = match self.verbose {
            true => Verbosity::Everything,
            false => Verbosity::Screen,
        };
        let look = Look {
            characters: Characters::of_locale(|name| std::env::var(name).ok()),
            verbosity,
            ..Look::default()
        };
        look.for_columns(columns(file))
    }

    /// The text as it is to be written.
    pub(super) fn finished(self, text: String, file: Option<&Path>) -> String {
        self.color.finished(text, file)
    }
}

/// The columns of the terminal that a text goes to; many, where it goes anywhere else.
pub(super) fn columns(file: Option<&Path>) -> usize {
    let stdout = std::io::stdout();
    let of_terminal = || terminal_size::terminal_size_of(&stdout);
    let to_terminal = file.is_none() && stdout.is_terminal();
    let size = to_terminal.then(of_terminal).flatten();
    size.map_or(WIDEST, |(columns, _)| usize::from(columns.0))
        .clamp(NARROWEST, WIDEST)
}

impl ColorArguments {
    /// Whether escape sequences of colours stay in a text.
    pub(super) fn has_colours(self, file: Option<&Path>) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            // A file is no terminal, whatever stdout is.
            Color::Auto if file.is_some() => false,
            Color::Auto => {
                let choice = anstream::AutoStream::choice(&std::io::stdout());
                choice != ColorChoice::Never
            }
        }
    }

    /// The text as it is to be written.
    pub(super) fn finished(self, text: String, file: Option<&Path>) -> String {
        if self.has_colours(file) {
            text
        } else {
            anstream::adapter::strip_str(&text).to_string()
        }
    }
}
