//! The table for `docs/metrics.md`.

use super::signal::Definition;
use super::table::{process_signals, service_signals};
use std::fmt::Write;

/// The table as Markdown, a section for each group, with a final newline.
#[must_use]
pub fn document() -> String {
    let mut text = String::new();
    for group in process_signals() {
        section(
            &mut text,
            group.title,
            group.signals.iter().map(|signal| &signal.definition),
        );
    }
    let service = service_signals().iter().map(|signal| &signal.definition);
    section(&mut text, "The service itself", service);
    text
}

fn section<'a>(text: &mut String, title: &str, rows: impl Iterator<Item = &'a Definition>) {
    let separator = if text.is_empty() { "" } else { "\n" };
    let head = "| Prometheus | OpenTelemetry | kind, unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n";
    // Writing to a string cannot fail.
    let _ = write!(text, "{separator}### {title}\n\n{head}");
    for row in rows {
        let labels: Vec<String> = row
            .labels
            .iter()
            .map(|label| format!("`{}`", label.replace('.', "_")))
            .collect();
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {}, {} | {} | {} |",
            row.prometheus_name(),
            row.name,
            row.kind.name(),
            row.unit.ucum(),
            labels.join(", "),
            row.help
        );
    }
}
