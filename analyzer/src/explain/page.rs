//! A page of `docs/labels/` as a terminal shows it: headings in capitals, text in 80 columns, what is quoted as it is.
//!
//! The pages use little of Markdown, and this knows no more: headings, paragraphs, lists, fenced blocks, tables (left as they are), code
//! spans, links.

use textwrap::{Options, WordSeparator, WordSplitter};

const COLUMNS: usize = 80;
/// As in a manual page.
const INDENT: &str = "    ";

/// The page for a terminal, with a final newline.
#[must_use]
pub fn to_terminal(markdown: &str) -> String {
    let mut text = String::new();
    let mut paragraph = Paragraph::default();
    let mut quoted = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            paragraph.end(&mut text);
            quoted = !quoted;
        } else if quoted || line.starts_with('|') {
            paragraph.end(&mut text);
            text.push_str(format!("{INDENT}{line}").trim_end());
            text.push('\n');
        } else if let Some(heading) = heading(line) {
            paragraph.end(&mut text);
            text.push_str(&heading);
        } else if line.trim().is_empty() {
            paragraph.end(&mut text);
            let is_after_heading = text.ends_with(HEADING_END) || text.is_empty();
            if !is_after_heading && !text.ends_with("\n\n") {
                text.push('\n');
            }
        } else {
            paragraph.take(line, &mut text);
        }
    }
    paragraph.end(&mut text);
    text.replace(HEADING_END, "\n")
}

/// Marks the end of a heading, after which no line is left blank.
const HEADING_END: &str = "\u{1}\n";

/// The label stays as it is spelt; sections are set in capitals.
fn heading(line: &str) -> Option<String> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let text = plain(text.trim());
    match level {
        0 => None,
        1 => Some(format!("{text}\n")),
        _ => Some(format!("{}{HEADING_END}", text.to_uppercase())),
    }
}

/// Lines that flow together.
#[derive(Debug, Default)]
struct Paragraph {
    text: String,
    first: String,
}

impl Paragraph {
    fn take(&mut self, line: &str, text: &mut String) {
        let content = line.trim_start();
        let depth = line.len() - content.len();
        let marker = if content.starts_with("- ") || content.starts_with("* ") {
            2
        } else {
            let digits = content.bytes().take_while(u8::is_ascii_digit).count();
            match content[digits..].starts_with(". ") && digits > 0 {
                true => digits + 2,
                false => 0,
            }
        };
        if marker > 0 {
            self.end(text);
            self.first = format!("{}{}", " ".repeat(depth), &content[..marker]);
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&content[marker..]);
    }

    fn end(&mut self, text: &mut String) {
        if !self.text.is_empty() {
            let first = format!("{INDENT}{}", self.first);
            let rest = " ".repeat(first.len());
            text.push_str(&wrapped(&plain(&self.text), &first, &rest));
        }
        *self = Self::default();
    }
}

/// `text` in lines of the terminal's width, each with its end.
pub(super) fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let options = Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(WordSeparator::AsciiSpace);
    let mut lines = textwrap::wrap(text, options).join("\n");
    lines.push('\n');
    lines
}

/// Without code spans' ticks, stress and the targets of links.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        let parts = link
            .split_once("](")
            .and_then(|(name, after)| Some((name, after.split_once(')')?.1)));
        plain.push_str(before);
        match parts {
            Some((name, after)) if !name.contains(']') => {
                plain.push_str(name);
                rest = after;
            }
            _ => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain.push_str(rest);
    plain.replace(['`'], "").replace("**", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Label;

    #[test]
    fn headings_lists_and_quotes_are_set_as_in_a_manual() {
        let page = "# direct_leak\n\n## What to do\n\nClose it,\nsee [the page](x.md).\n\n- `a.b`: first\n- second\n\n```\n$ as  it is\n```\n";
        let expected = "direct_leak\n\nWHAT TO DO\n    Close it, see the page.\n\n    - a.b: first\n    - second\n\n    $ as  it is\n";
        assert_eq!(to_terminal(page), expected);
    }

    #[test]
    fn long_items_hang() {
        let text = to_terminal(&format!("- {}", "word ".repeat(20)));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("    - word") && lines[0].len() <= COLUMNS);
        assert!(lines[1].starts_with("      word"));
    }

    #[test]
    fn brackets_that_are_no_link_stay() {
        assert_eq!(
            plain("[warning][os,thread] Failed"),
            "[warning][os,thread] Failed"
        );
    }

    #[test]
    fn text_of_every_page_fits_the_terminal() {
        for label in Label::ALL {
            for line in to_terminal(label.page()).lines() {
                let is_one_word = !line.trim().contains(' ');
                let is_quoted = label.page().contains(line.trim());
                assert!(
                    line.chars().count() <= COLUMNS || is_one_word || is_quoted,
                    "{}: {line}",
                    label.name()
                );
            }
        }
    }
}
