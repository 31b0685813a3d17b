//! A page of text: lines of a given width, painted with styles that whoever prints may strip.
//!
//! What traces and logs say is not trusted: control characters in it would reach the terminal, so they are taken out here, where every
//! line passes.

use super::look::{Characters, Look};
use super::names::{broken, shortened};
use anstyle::Style;
use std::fmt::Write;
use textwrap::Options;

/// Lines so far.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) look: Look,
    lines: Vec<String>,
}

impl Page {
    pub(super) fn new(look: Look) -> Self {
        Self {
            look,
            lines: Vec::new(),
        }
    }

    /// An empty page of the same look.
    pub(super) fn beside(&self) -> Self {
        Self::new(self.look)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Puts another page's lines below.
    pub(super) fn append(&mut self, other: Self) {
        self.lines.extend(other.lines);
    }

    /// The lines, each with its newline.
    pub(super) fn into_text(self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }

    /// A line as it is: the caller has cleaned and fitted its parts.
    pub(super) fn raw(&mut self, line: &str) {
        self.lines.push(line.trim_end().to_owned());
    }

    pub(super) fn blank(&mut self) {
        self.raw("");
    }

    /// A blank line, unless the page has just begun, and a heading.
    pub(super) fn heading(&mut self, heading: &str) {
        if !self.is_empty() {
            self.blank();
        }
        let heading = self.clean(heading);
        self.raw(&painted(HEADING, &heading));
    }

    pub(super) fn line(&mut self, style: Style, text: &str) {
        self.wrapped(style, text, "", "");
    }

    pub(super) fn item(&mut self, text: &str) {
        self.wrapped(Style::new(), text, "  - ", "    ");
    }

    pub(super) fn indented(&mut self, text: &str) {
        self.wrapped(Style::new(), text, "  ", "  ");
    }

    /// A word and what is told of it, whose further lines stand below its first.
    pub(super) fn hanging(&mut self, first: &str, text: &str) {
        let rest = " ".repeat(first.chars().count());
        self.wrapped(Style::new(), text, first, &rest);
    }

    /// A text that stands below `first`, painted without it.
    pub(super) fn wrapped(&mut self, style: Style, text: &str, first: &str, rest: &str) {
        let room = self.look.columns.saturating_sub(rest.chars().count());
        let text = self.fitted(&self.clean(text), room);
        let options = Options::new(self.look.columns)
            .initial_indent(first)
            .subsequent_indent(rest)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        for (index, line) in textwrap::wrap(&bound_figures(&text), options)
            .iter()
            .enumerate()
        {
            let indent = if index == 0 { first } else { rest };
            let line = line.replace(BOUND, " ");
            let content = line.strip_prefix(indent).unwrap_or(&line);
            self.raw(&format!("{indent}{}", painted(style, content)));
        }
    }

    /// Text in which no word is longer than a line: names are shortened in the middle, or broken where everything is to be shown.
    fn fitted(&self, text: &str, room: usize) -> String {
        let fit = |word: &str| {
            if word.chars().count() <= room {
                word.to_owned()
            } else if self.look.is_verbose() {
                broken(word, room)
            } else {
                shortened(word, room, self.look.characters)
            }
        };
        text.split(' ').map(fit).collect::<Vec<_>>().join(" ")
    }

    /// A name that fits into so many columns.
    pub(super) fn short(&self, name: &str, columns: usize) -> String {
        shortened(&self.clean(name), columns, self.look.characters)
    }

    /// What may go to a terminal: no control characters, none that turn the writing direction, and only those that it can show.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for character in text.chars() {
            match (character, self.look.characters) {
                ('\t' | '\n', _) => clean.push(' '),
                (
                    '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}',
                    _,
                ) => {}
                (character, _) if character.is_control() => clean.push('?'),
                (character, Characters::Unicode) => clean.push(character),
                (character, _) if character.is_ascii() => clean.push(character),
                ('…', _) => clean.push_str("..."),
                ('→', _) => clean.push_str("->"),
                ('’' | '‘', _) => clean.push('\''),
                _ => clean.push('?'),
            }
        }
        clean
    }

    /// How full something is: what is in use, what was in use at most, and the whole.
    pub(super) fn bar(&self, style: Style, used: u64, peak: u64, whole: u64) -> String {
        let (full, once) = self.look.bar_characters();
        let free = match self.look.characters {
            Characters::Ascii => '.',
            Characters::Unicode => '·',
        };
        let (used, peak) = (cells(used, whole), cells(peak, whole));
        let bar: String = (0..BAR)
            .map(|cell| match cell {
                cell if cell < used => full,
                cell if cell < peak => once,
                _ => free,
            })
            .collect();
        painted(style, &bar)
    }
}

/// Cells of a bar.
pub(super) const BAR: u64 = 10;

/// What a heading looks like.
pub(super) const HEADING: Style = Style::new().bold();
/// What can be overlooked.
pub(super) const FAINT: Style = Style::new().dimmed();

/// Text with its style around it.
pub(super) fn painted(style: Style, text: &str) -> String {
    let mut painted = String::with_capacity(text.len() + 8);
    if style == Style::new() || text.is_empty() {
        painted.push_str(text);
    } else {
        // To write into a string does not fail.
        let _ = write!(painted, "{style}{text}{style:#}");
    }
    painted
}

/// Cells of a bar that a part fills, to the nearest; the least part shows.
fn cells(part: u64, whole: u64) -> u64 {
    let (part, whole) = (u128::from(part), u128::from(whole.max(1)));
    let nearest = (part * u128::from(BAR) + whole / 2) / whole;
    let least = u64::from(part > 0);
    u64::try_from(nearest).unwrap_or(BAR).clamp(least, BAR)
}

/// A part of a whole, rounded down: 100 % is the whole.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

/// The colour of a limit that is so full, in percent.
pub(super) fn fullness(percent: u64) -> Style {
    use anstyle::AnsiColor::{Green, Red, Yellow};
    let colour = match percent {
        95.. => Red,
        80.. => Yellow,
        _ => Green,
    };
    colour.on_default()
}

/// Stands for a space at which no line is broken.
const BOUND: char = '\u{a0}';

/// Keeps figures and their units on one line.
fn bound_figures(text: &str) -> String {
    let mut after_digit = false;
    let bind = |c: char| {
        let bound = if c == ' ' && after_digit { BOUND } else { c };
        after_digit = c.is_ascii_digit();
        bound
    };
    text.chars().map(bind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(columns: usize, characters: Characters) -> Page {
        Page::new(Look {
            columns,
            characters,
            ..Look::default()
        })
    }

    #[test]
    fn what_a_trace_says_cannot_steer_the_terminal() {
        let mut page = page(80, Characters::Unicode);
        page.line(Style::new(), "thread \u{1b}[2Jpool\u{7}\u{202e}x\u{9b}1A");
        assert_eq!(page.into_text(), "thread ?[2Jpool?x?1A\n");
    }

    #[test]
    fn a_terminal_without_utf_8_gets_ascii() {
        let mut page = page(80, Characters::Ascii);
        page.line(Style::new(), "“Größe”… a → b");
        assert_eq!(page.into_text(), "?Gr??e?... a -> b\n");
    }

    #[test]
    fn a_name_longer_than_the_line_is_shortened_and_whole_when_verbose() {
        let name = "org.apache.flink.runtime.io.network.netty.NettyMessage.allocateBuffer";
        let mut short = page(40, Characters::Ascii);
        short.item(&format!("it is {name} (line 4)"));
        let text = short.into_text();
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        assert!(text.contains("NettyMessage.allocateBuffer"), "{text}");

        let mut whole = page(40, Characters::Ascii);
        whole.look.verbosity = super::super::look::Verbosity::Everything;
        whole.item(&format!("it is {name} (line 4)"));
        let text = whole.into_text();
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        let joined: String = text.split_whitespace().collect();
        assert!(joined.contains(name), "{text}");
    }

    #[test]
    fn the_least_part_of_a_bar_shows_and_more_than_the_whole_fits() {
        let page = page(80, Characters::Ascii);
        let bar = |used, peak| {
            anstream::adapter::strip_str(&page.bar(Style::new(), used, peak, 100)).to_string()
        };
        assert_eq!(bar(0, 0), "..........");
        assert_eq!(bar(1, 1), "#.........");
        assert_eq!(bar(30, 70), "###++++...");
        assert_eq!(bar(94, 94), "#########.");
        assert_eq!(bar(100, 100), "##########");
        assert_eq!(bar(500, 500), "##########");
        assert_eq!((percent(999, 1000), percent(1, 0)), (99, 100));
    }
}
