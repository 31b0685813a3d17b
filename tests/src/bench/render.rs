//! A report as a table: for a terminal, or as Markdown.

use super::{Report, Row, Spread};
use anyhow::{Context, Result};

const HEADINGS: [&str; 7] = [
    "what",
    "with",
    "median (range)",
    "× bare",
    "added",
    "aim",
    "met",
];

/// Between these lines a document holds the table.
const BEGIN: &str = "<!-- bench: begin -->\n";
const END: &str = "<!-- bench: end -->";

/// Aligned columns.
#[must_use]
pub fn text(report: &Report) -> String {
    let rows: Vec<_> = report.rows.iter().map(cells).collect();
    let widths: Vec<usize> = HEADINGS
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let lengths = rows.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or(0).max(heading.chars().count())
        })
        .collect();
    let line = |cells: &[String; 7]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let table: String = std::iter::once(&HEADINGS.map(str::to_owned))
        .chain(&rows)
        .map(line)
        .collect();
    format!("{}\n\n{table}", circumstances(report))
}

/// A Markdown table under a line that says where and when.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let line = |cells: &[String; 7]| format!("| {} |\n", cells.join(" | "));
    let table: String = report.rows.iter().map(|row| line(&cells(row))).collect();
    format!(
        "{}\n\n{}{}{table}",
        circumstances(report),
        line(&HEADINGS.map(str::to_owned)),
        line(&["---"; 7].map(str::to_owned)),
    )
}

/// `document` with the report in the place that is marked for it.
///
/// # Errors
/// When there is no such place.
pub fn into_document(document: &str, report: &Report) -> Result<String> {
    let missing = || format!("the document has no {} and {END}", BEGIN.trim());
    let (before, rest) = document.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", markdown(report)))
}

fn circumstances(report: &Report) -> String {
    let [before, after] = report.load;
    format!(
        "{}, JDK {}, {} cores, Linux {}, rounds: {}{}, load average {before:.1} before and {after:.1} after.",
        report.when,
        report.jdk,
        report.cores,
        report.kernel,
        report.rounds,
        if report.quick { " (quick)" } else { "" },
    )
}

fn cells(row: &Row) -> [String; 7] {
    let spread = |spread: Option<Spread>, one: fn(f64) -> String| {
        spread.map_or(String::new(), |spread| {
            let Spread {
                median, min, max, ..
            } = spread;
            format!("{} ({}…{})", one(median), one(min), one(max))
        })
    };
    let value = spread(row.value, number);
    let unit = if value.is_empty() { "" } else { row.unit };
    let (aim, met) = match &row.aim {
        None => (String::new(), ""),
        Some(aim) => (aim.text.clone(), if aim.met { "yes" } else { "NO" }),
    };
    [
        row.what.clone(),
        row.variant.to_owned(),
        format!("{value} {unit}").trim().to_owned(),
        row.ratio
            .map_or(String::new(), |ratio| format!("{:.2}", ratio.median)),
        spread(row.added, |value| {
            let sign = if value < 0.0 { "−" } else { "+" };
            format!("{sign}{}", number(value.abs()))
        }),
        aim,
        met.to_owned(),
    ]
}

/// Three digits, more or less.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 0.095 => format!("{value:.3}"),
        small if small < 9.5 => format!("{value:.2}"),
        middle if middle < 95.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Aim, Series, Topic, Variant};

    fn report() -> Report {
        let series: Series = [0.031, 0.05, 0.0412].into_iter().collect();
        let row = Row::alone(Topic::Idle, "CPU time", Variant::Agent, "%", &series);
        Report {
            when: "2026-01-02T03:04Z".to_owned(),
            jdk: "17.0.1".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            load: [0.5, 1.25],
            rounds: 3,
            quick: true,
            rows: vec![row.aim(Aim::at_most("≤ 0.05 %", 0.05, Some(0.06)))],
        }
    }

    #[test]
    fn a_row_shows_median_range_aim_and_whether_it_was_met() {
        let text = text(&report());
        assert!(
            text.contains("2 cores, Linux 6.1, rounds: 3 (quick)"),
            "{text}"
        );
        let row = text.lines().last().unwrap();
        assert!(row.contains("0.041 (0.031…0.050) %"), "{row}");
        assert!(row.contains("≤ 0.05 %") && row.ends_with("NO"), "{row}");
    }

    #[test]
    fn the_document_keeps_what_stands_around_the_table() {
        let document = format!("before\n{BEGIN}old\n{END}\nafter\n");
        let filled = into_document(&document, &report()).unwrap();
        assert!(filled.starts_with("before\n") && filled.ends_with("\nafter\n"));
        assert!(filled.contains("| CPU time | agent | 0.041") && !filled.contains("old"));
        let again = into_document(&filled, &report()).unwrap();
        assert_eq!(again, filled);
        assert!(into_document("no place", &report()).is_err());
    }
}
