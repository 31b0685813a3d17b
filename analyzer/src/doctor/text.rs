//! A line for each check, the next step below it.

use super::{Examination, Outcome};
use anstyle::{AnsiColor, Style};
use textwrap::Options;

/// Columns of the word and of the name.
const WORD: usize = 9;
const NAME: usize = 13;

/// The examination as text with the escape sequences of its colours, with a final newline.
#[must_use]
pub fn to_text(examination: &Examination, columns: usize) -> String {
    let mut text = String::new();
    for check in &examination.checks {
        let (word, style) = shown(check.outcome);
        let head = format!("{style}{word:<WORD$}{style:#}{:<NAME$}", check.name);
        let detail = wrapped(&check.detail, "", columns);
        text += &format!("{head}{}", detail.trim_start());
        if let Some(next) = &check.next {
            text += &wrapped(next, "-> ", columns);
        }
    }
    let count = |outcome| {
        examination
            .checks
            .iter()
            .filter(|check| check.outcome == outcome)
            .count()
    };
    let all = examination.checks.len();
    let (warnings, problems) = (count(Outcome::Warning), count(Outcome::Problem));
    let word = |count: usize, what: &str| crate::units::counted(count as u64, what);
    text += &format!(
        "\n{}, {}, {}\n",
        word(all, "check"),
        word(warnings, "warning"),
        word(problems, "problem")
    );
    text
}

/// Text below the heads of lines.
fn wrapped(text: &str, first: &str, columns: usize) -> String {
    let indent = " ".repeat(WORD + NAME);
    let (begin, rest) = (
        format!("{indent}{first}"),
        format!("{indent}{}", " ".repeat(first.len())),
    );
    let options = Options::new(columns)
        .initial_indent(&begin)
        .subsequent_indent(&rest)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let lines = textwrap::wrap(&clean, options);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn shown(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Ok => ("ok", AnsiColor::Green.on_default()),
        Outcome::Warning => ("WARNING", AnsiColor::Yellow.on_default().bold()),
        Outcome::Problem => ("PROBLEM", AnsiColor::Red.on_default().bold()),
    }
}
