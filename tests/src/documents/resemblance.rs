//! Whether output is what a page shows, figures and line breaks aside: a size, a time or a bar differs from run to run, the words do not.

/// The first line of `shown` whose words are not in `output`, in order. A lone `…` stands for what a page leaves out.
#[must_use]
pub fn missing(shown: &str, output: &str) -> Option<String> {
    // Spaces around, so that only whole words are found.
    let output = format!(" {} ", without_figures(output));
    let mut rest = output.as_str();
    for line in shown.lines() {
        let wanted = without_figures(without_leading_unit(line));
        if wanted.is_empty() || wanted == "…" {
            continue;
        }
        let Some(at) = rest.find(&format!(" {wanted} ")) else {
            return Some(wanted);
        };
        rest = &rest[at + 1 + wanted.len()..];
    }
    None
}

/// A line without the unit of the figure that the line before ends with.
fn without_leading_unit(line: &str) -> &str {
    let line = line.trim_start();
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    if UNITS.contains(&first) { rest } else { line }
}

/// The words of a text, one space between them: every number with its unit is `0`, and bars are gone.
#[must_use]
pub fn without_figures(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !is_bar(word));
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        let word = folded(word);
        let is_unit_of_figure =
            UNITS.contains(&word.trim_end_matches([',', '.', ':', ';'])) && follows_figure(&kept);
        match kept.last_mut() {
            Some(figure) if is_unit_of_figure => {
                let sign = word.trim_start_matches(char::is_alphabetic);
                figure.push_str(sign.trim_start_matches('%'));
            }
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}

const UNITS: [&str; 9] = ["B", "KiB", "MiB", "GiB", "TiB", "%", "s", "ms", "min"];

fn follows_figure(kept: &[String]) -> bool {
    kept.last().is_some_and(|last| last.ends_with('0'))
}

fn is_bar(word: &str) -> bool {
    let is_block = |c| ('\u{2580}'..='\u{259f}').contains(&c);
    let is_ascii_bar = word.len() > 3 && word.chars().all(|c| matches!(c, '#' | '.'));
    is_ascii_bar || word.chars().all(|c| is_block(c) || c == '·')
}

/// The word with each run of digits, points between digits included, as one `0`. What is the directory of a trace keeps its prefix only.
fn folded(word: &str) -> String {
    if let Some(at) = word.find("flinkmem-")
        && word[at..].ends_with('Z')
    {
        return "flinkmem-trace".to_owned();
    }
    let mut result = String::new();
    let mut in_figure = false;
    let mut letters = word.chars().peekable();
    while let Some(c) = letters.next() {
        let inside = matches!(c, '.' | ':' | '-' | '\u{2212}')
            && in_figure
            && letters.peek().is_some_and(char::is_ascii_digit);
        if c.is_ascii_digit() || inside {
            if !in_figure {
                result.push('0');
            }
            in_figure = true;
        } else {
            in_figure = false;
            result.push(c);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{missing, without_figures};

    #[test]
    fn figures_units_and_bars_do_not_matter() {
        assert_eq!(
            without_figures(
                "rose from 68.2 MiB to 160 MiB in 33 s:\n  2.86 MiB/s, at 03:37:11Z  ####......  27 %"
            ),
            without_figures("rose from 1 GiB to 1.2 GiB in 5 min: 7 MiB/s, at 12:00:00Z #...  3 %")
        );
        assert_ne!(without_figures("93 % sure"), without_figures("93 % unsure"));
    }

    #[test]
    fn what_is_shown_must_be_there_in_order() {
        let output = "CRITICAL  direct_leak, 91 % sure\na\nb\nc\n";
        assert_eq!(
            missing("CRITICAL direct_leak, 93 % sure\n…\nc\n", output),
            None
        );
        assert_eq!(missing("c\n…\na\n", output), Some("a".to_owned()));
        assert_eq!(missing("a\nc\n", output), None);
        assert_eq!(missing("takes 64.0\n  MiB more", "takes 1 KiB more"), None);
        assert_eq!(missing("a c\n", output), Some("a c".to_owned()));
    }
}
