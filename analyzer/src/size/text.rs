//! Sizes for people: a table before and after, the peaks behind it, what to be careful about, and lines to paste. 80 columns.

use super::{Basis, Derived, Need, ProcessPeaks, Sizes};
use crate::model::Process;
use crate::units::{bytes, duration};
use textwrap::Options;

const COLUMNS: usize = 80;

/// The text form for one kind of process, with a final newline.
#[must_use]
pub fn to_text(sizes: &Sizes) -> String {
    let mut text = title(sizes);
    table(&mut text, sizes);
    why(&mut text, &sizes.needs);
    if !sizes.warnings.is_empty() {
        text.push_str("\nCaution\n");
        for warning in &sizes.warnings {
            wrapped(&mut text, warning, "  - ", "    ");
        }
    }
    text.push_str("\nPeaks by process\n");
    for process in &sizes.processes {
        peaks(&mut text, process);
    }
    match &sizes.result {
        Ok(derived) => paste(&mut text, derived),
        Err(not) => {
            text.push('\n');
            wrapped(&mut text, &format!("No sizes: {not}."), "", "");
        }
    }
    text
}

fn title(sizes: &Sizes) -> String {
    let what = match sizes.process {
        Process::TaskManager => "TaskManager",
        Process::JobManager => "JobManager",
    };
    let version = sizes
        .version
        .map_or_else(String::new, |version| format!(", Flink {version}"));
    let processes = match sizes.processes.len() {
        1 => "1 process".to_owned(),
        many => format!("{many} processes"),
    };
    let headroom = sizes.headroom * 100.0;
    format!("{what}{version}: {processes}, {headroom:.0} % headroom\n\n")
}

fn table(text: &mut String, sizes: &Sizes) {
    let after = sizes.result.as_ref().ok().map(|derived| derived.after);
    line(text, ["", "peak", "before", "after", "change"]);
    for need in &sizes.needs {
        let pool = need.pool;
        let after = after.and_then(|after| after.size(pool));
        row(
            text,
            pool,
            need.peak.map(|peak| peak.bytes),
            sizes.before.size(pool),
            after,
        );
    }
    for total in ["total_flink", "total_process"] {
        let peak = sizes
            .processes
            .iter()
            .filter_map(|process| process.peaks.of(total))
            .max();
        let after = after.and_then(|after| after.size(total));
        row(text, total, peak, sizes.before.size(total), after);
    }
}

fn row(text: &mut String, pool: &str, peak: Option<u64>, before: Option<u64>, after: Option<u64>) {
    let size = |size: Option<u64>| size.map_or_else(|| "-".to_owned(), bytes);
    let change = match before.zip(after) {
        Some((before, after)) if after > before => format!("+{}", bytes(after - before)),
        Some((before, after)) if after < before => format!("-{}", bytes(before - after)),
        Some(_) => "=".to_owned(),
        None => String::new(),
    };
    line(
        text,
        [pool, &size(peak), &size(before), &size(after), &change],
    );
}

fn line(text: &mut String, [name, peak, before, after, change]: [&str; 5]) {
    let line = format!("  {name:<20}{peak:>12}{before:>12}{after:>12}{change:>13}");
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Why a size is not simply the peak and the headroom.
fn why(text: &mut String, needs: &[Need]) {
    let reasons: Vec<String> = needs.iter().filter_map(reason).collect();
    if !reasons.is_empty() {
        text.push_str("\nNot by its peak alone\n");
    }
    for reason in reasons {
        wrapped(text, &reason, "  - ", "    ");
    }
}

fn reason(need: &Need) -> Option<String> {
    let pool = need.pool;
    let size = bytes(need.bytes);
    match &need.basis {
        Basis::Measured => None,
        Basis::Least(why) => Some(format!("{pool} at least {size}: {why}")),
        Basis::LimitMet(label) => Some(format!(
            "{pool} {size}: {} says that the limit cut the peak off, and this would have held",
            label.name()
        )),
        Basis::NotMeasured => Some(format!("{pool} keeps its {size}: nothing measured it")),
        Basis::Refused(why) => Some(format!("{pool} is not sized and keeps its {size}: {why}")),
    }
}

fn peaks(text: &mut String, process: &ProcessPeaks) {
    let head = format!(
        "{}, {} samples in {}",
        process.name,
        process.samples,
        duration(process.span_s)
    );
    wrapped(text, &head, "  ", "  ");
    for (pool, peak) in process.peaks.iter() {
        let first = format!("    {pool:<20}{:>11}  ", bytes(peak.bytes));
        let rest = " ".repeat(first.chars().count());
        wrapped(text, peak.how, &first, &rest);
    }
}

fn paste(text: &mut String, derived: &Derived) {
    text.push_str("\nconfig.yaml\n");
    for (key, value) in &derived.config {
        text.push_str(&format!("  {key}: {value}\n"));
    }
    for key in &derived.remove {
        text.push_str(&format!("  # take out {key}\n"));
    }
}

fn wrapped(text: &mut String, words: &str, first: &str, rest: &str) {
    let options = Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    for line in textwrap::wrap(words, options) {
        text.push_str(&line);
        text.push('\n');
    }
}
