//! The text form: one screen of 80 columns, the cause first. It may change at any time; programs read the JSON form.

use super::{Report, Rss, wording};
use crate::budget::BudgetLine;
use crate::finding::{Finding, Severity};
use crate::rules::{AnswerKind, NO_LINE};
use crate::units::{bytes, time_of_day};
use textwrap::Options;

const COLUMNS: usize = 80;
const BAR: u64 = 12;

/// The text form, with a final newline.
#[must_use]
pub fn to_text(report: &Report) -> String {
    let mut page = Page::default();
    match report.findings.split_first() {
        None => nothing_found(&mut page, report),
        Some((verdict, others)) => {
            found(&mut page, verdict);
            cautions(&mut page, report);
            for other in others {
                page.blank();
                found(&mut page, other);
            }
        }
    }
    if !report.collect.is_empty() {
        page.heading("To be surer");
        for advice in &report.collect {
            page.item(advice);
        }
    }
    let is_known = |line: &BudgetLine| line.configured.or(line.peak).is_some();
    if report.budget.iter().any(is_known) {
        page.heading("Budget");
        budget(&mut page, &report.budget);
    }
    if let Some(found) = &report.rss {
        rss(&mut page, found);
    }
    page.blank();
    page.hanging("Process  ", &wording::subject(report));
    page.hanging("Outcome  ", &report.outcome.detail);
    if !report.subject.files.is_empty() {
        page.hanging("Read     ", &wording::files(report));
    }
    for contradiction in &report.contradictions {
        page.hanging("But      ", contradiction);
    }
    if !report.disagreements.is_empty() {
        page.hanging("Differs  ", &wording::disagreements(&report.disagreements));
    }
    page.text
}

fn nothing_found(page: &mut Page, report: &Report) {
    page.line(&wording::nothing_found(report));
    cautions(page, report);
    page.heading("Why");
    let says_nothing = |reason: &str| reason == NO_LINE;
    if report
        .checked
        .iter()
        .any(|checked| checked.reason.as_deref().is_some_and(says_nothing))
    {
        page.item("no line tells of an exhausted limit, a kill or a refused configuration");
    }
    let told = |kind| reasons(report, kind);
    let (against, lacking) = (
        told(AnswerKind::DoesNotFire),
        told(AnswerKind::NotEnoughData),
    );
    let shown = MOST_REASONS.saturating_sub(lacking.len().min(MOST_LACKING));
    for (reason, labels) in against.iter().take(shown) {
        page.item(&format!("{reason} ({})", labels.join(", ")));
    }
    for (missing, labels) in lacking.iter().take(MOST_LACKING) {
        page.item(&format!(
            "not enough data for {}: {missing}",
            labels.join(", ")
        ));
    }
    let left_out = against
        .iter()
        .skip(shown)
        .chain(lacking.iter().skip(MOST_LACKING));
    let left_out: usize = left_out.map(|(_, labels)| labels.len()).sum();
    if left_out > 0 {
        page.item(&format!(
            "{left_out} other causes do not show either; --format json has them"
        ));
    }
}

/// Reasons that are shown where nothing was found, and of them those for which data lack: the report is one screen.
const MOST_REASONS: usize = 9;
const MOST_LACKING: usize = 3;

/// What rules of one kind of answer say, and which; rules that say the same are one.
fn reasons(report: &Report, kind: AnswerKind) -> Vec<(&str, Vec<&'static str>)> {
    let mut found: Vec<(&str, Vec<&'static str>)> = Vec::new();
    for checked in report
        .checked
        .iter()
        .filter(|checked| checked.answer == kind)
    {
        let Some(reason) = checked
            .reason
            .as_deref()
            .filter(|reason| *reason != NO_LINE)
        else {
            continue;
        };
        match found.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, labels)) => labels.push(checked.label.name()),
            None => found.push((reason, vec![checked.label.name()])),
        }
    }
    found
}

fn found(page: &mut Page, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    };
    let label = finding.label.name();
    page.line(&format!(
        "{severity}  {label}, {:.0} % sure",
        finding.confidence * 100.0
    ));
    page.line(&wording::headline(finding));
    page.line(&wording::consequence(finding));
    page.heading("Why");
    for fact in &finding.evidence {
        page.item(&fact.text);
    }
    page.heading("What to do");
    page.indented(&finding.remedy.text);
    for (key, value) in &finding.remedy.config {
        page.raw(&format!("    {key}: {value}"));
    }
}

/// What the trace lacks, where that matters for the verdict.
fn cautions(page: &mut Page, report: &Report) {
    let cautions = report.trace.cautions(report.subject.samples);
    if !cautions.is_empty() {
        page.blank();
        page.hanging(
            "Caution  ",
            &format!("the trace is not complete: {}", cautions.join(", ")),
        );
    }
}

fn budget(page: &mut Page, lines: &[BudgetLine]) {
    page.raw(&format!(
        "  {:<20}{:>11}{:>11}{:>11}   peak of configured",
        "", "configured", "used", "peak"
    ));
    let size = |size: Option<u64>| size.map_or("-".to_owned(), bytes);
    for line in lines {
        let row = format!(
            "  {:<20}{:>11}{:>11}{:>11}   {}",
            line.component,
            size(line.configured),
            size(line.used),
            size(line.peak),
            bar(line.peak, line.configured),
        );
        page.raw(row.trim_end());
    }
}

/// Owners shown by name; the rest is summed up, for the whole report is one screen.
const MOST_OWNERS: usize = 5;

/// Libraries shown of what `malloc` gave out.
const MOST_LIBRARIES: usize = 3;

/// Who holds the resident memory, largest first.
fn rss(page: &mut Page, rss: &Rss) {
    page.heading(&format!(
        "Resident  {} at {}, {:.1} % with a known owner",
        bytes(rss.bytes),
        time_of_day(rss.at_ms),
        rss.attributed * 100.0
    ));
    let shown = if rss.parts.len() > MOST_OWNERS + 1 {
        MOST_OWNERS
    } else {
        rss.parts.len()
    };
    let (named, others) = rss.parts.split_at(shown);
    let mut row = |owner: &str, size: u64| {
        let row = format!(
            "  {owner:<25}{:>11}   {}",
            bytes(size),
            bar(Some(size), Some(rss.bytes.max(1)))
        );
        page.raw(&row);
    };
    for part in named {
        row(&part.owner, part.bytes);
        for library in part.libraries.iter().take(MOST_LIBRARIES) {
            let name: String = library.name.chars().take(22).collect();
            row(&format!("  {name}"), library.bytes);
        }
    }
    if !others.is_empty() {
        let sum = others.iter().map(|part| part.bytes).sum();
        row(&format!("{} others", others.len()), sum);
    }
}

/// How full a pool was, or nothing where that was not measured.
fn bar(peak: Option<u64>, configured: Option<u64>) -> String {
    let (Some(peak), Some(configured)) = (peak, configured) else {
        return String::new();
    };
    if configured == 0 {
        let over = if peak > 0 { "not meant to be used" } else { "" };
        return over.to_owned();
    }
    let percent = u128::from(peak) * 100 / u128::from(configured);
    let filled = u64::try_from(percent)
        .unwrap_or(u64::MAX)
        .saturating_mul(BAR)
        .div_ceil(100)
        .min(BAR);
    let cells: String = (0..BAR)
        .map(|cell| if cell < filled { '#' } else { '.' })
        .collect();
    format!("{cells} {percent:>3} %")
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn raw(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.raw("");
    }

    fn heading(&mut self, heading: &str) {
        self.blank();
        self.raw(heading);
    }

    fn line(&mut self, text: &str) {
        self.wrapped(text, "", "");
    }

    fn item(&mut self, text: &str) {
        self.wrapped(text, "  - ", "    ");
    }

    fn indented(&mut self, text: &str) {
        self.wrapped(text, "  ", "  ");
    }

    fn hanging(&mut self, first: &str, text: &str) {
        let rest = " ".repeat(first.chars().count());
        self.wrapped(text, first, &rest);
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        let options = Options::new(COLUMNS)
            .initial_indent(first)
            .subsequent_indent(rest)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        for line in textwrap::wrap(&bound_figures(text), options) {
            self.raw(&line.replace(BOUND, " "));
        }
    }
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
