//! The text form of a snapshot: tables for people. It may change at any time; programs read the JSON form.
//!
//! Records are shown by their shape, not by their type: numbers and words in lines, lists of things as tables with a
//! column for each field. So every kind of evidence is shown, also one that is newer than this file.

use super::{SiteLine, Snapshot};
use crate::units::bytes;
use flinkmem_trace::{Record, Sample};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Rows of a table; the rest is counted.
const MOST_ROWS: usize = 20;

/// Longest cell; names of classes and methods are told by their end.
const WIDEST: usize = 60;

/// Fields of [`flinkmem_trace::Taken`], told in the heading or of no interest here.
const TAKEN: [&str; 6] = ["kind", "t_ms", "up_ms", "occasion", "incident", "cost_us"];

/// The text form, with a final newline.
#[must_use]
pub fn to_text(snapshot: &Snapshot) -> String {
    let mut text = format!(
        "Process {} on {} at {}\n",
        snapshot.pid, snapshot.host, snapshot.at
    );
    if snapshot.attached_late {
        text.push_str(
            "The agent came late: call sites and off-heap memory are those since then.\n",
        );
    }
    if let Some(sample) = &snapshot.sample {
        sample_lines(&mut text, sample);
    }
    sites(&mut text, &snapshot.sites);
    for record in &snapshot.evidence {
        evidence(&mut text, record, &snapshot.names);
    }
    if snapshot.evidence.is_empty() {
        text.push_str("\nThe agent took no further evidence: it knows none, or its share of the disk is used up.\n");
    }
    text
}

fn sample_lines(text: &mut String, sample: &Sample) {
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<28}{value}");
    };
    let of = |used: u64, limit: Option<u64>| match limit {
        Some(limit) => format!("{} of {}", bytes(used), bytes(limit)),
        None => bytes(used),
    };
    if let Some(process) = &sample.process {
        line("resident", bytes(process.vm_rss_bytes));
    }
    if let Some(cgroup) = &sample.cgroup {
        line("cgroup", of(cgroup.usage_bytes, cgroup.limit_bytes));
    }
    if let Some(heap) = &sample.heap {
        line("java heap", of(heap.used_bytes, Some(heap.max_bytes)));
    }
    if let Some(direct) = &sample.direct {
        line("direct memory", of(direct.capacity_bytes, direct.max_bytes));
    }
    if let Some(off_heap) = &sample.off_heap {
        line("off-heap, counted", bytes(off_heap.live_bytes));
    }
    if let Some(threads) = &sample.threads {
        line("threads", threads.live.to_string());
    }
}

fn sites(text: &mut String, sites: &[SiteLine]) {
    if sites.is_empty() {
        return;
    }
    let rows: Vec<Vec<String>> = sites
        .iter()
        .map(|site| {
            vec![
                bytes(site.usage.live_bytes),
                bytes(site.usage.old_bytes),
                site.usage.live_count.to_string(),
                site.owner.clone().unwrap_or_else(|| "unknown".to_owned()),
            ]
        })
        .collect();
    text.push_str("\nOff-heap memory by call site (estimated)\n");
    table(text, &["live", "old", "blocks", "owner"], &rows);
}

fn evidence(text: &mut String, record: &Record, names: &BTreeMap<u32, String>) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(record) else {
        return;
    };
    let kind = fields.get("kind").and_then(Value::as_str).unwrap_or("");
    let cost = record.taken().map_or(0, |taken| taken.cost_us);
    let _ = writeln!(
        text,
        "\n{}, taken in {:.1} ms",
        heading(kind),
        cost as f64 / 1000.0
    );
    for key in TAKEN {
        fields.remove(key);
    }
    object(text, &fields, names);
}

/// Numbers and words first, then the tables.
fn object(text: &mut String, fields: &Map<String, Value>, names: &BTreeMap<u32, String>) {
    for (key, value) in fields {
        match value {
            Value::Array(_) => {}
            Value::Object(inner) => {
                let parts: Vec<String> = inner
                    .iter()
                    .map(|(key, value)| format!("{} {}", words(key), cell(key, value, names)))
                    .collect();
                let _ = writeln!(text, "  {:<28}{}", words(key), parts.join(", "));
            }
            value => {
                let _ = writeln!(text, "  {:<28}{}", words(key), cell(key, value, names));
            }
        }
    }
    for (key, value) in fields {
        if let Value::Array(rows) = value {
            list(text, &words(key), rows, names);
        }
    }
}

fn list(text: &mut String, title: &str, rows: &[Value], names: &BTreeMap<u32, String>) {
    // Columns in the order in which fields first appear: those of the first row are not all that there are.
    let mut columns: Vec<&str> = Vec::new();
    for row in rows.iter().filter_map(Value::as_object) {
        for key in row.keys() {
            if !columns.contains(&key.as_str()) {
                columns.push(key);
            }
        }
    }
    // A site is known by its id alone in lists of sites.
    let name_of = |key| {
        if title == "sites" && key == "id" {
            "site"
        } else {
            key
        }
    };
    let cells = |row: &Value| match row {
        Value::Object(fields) => columns
            .iter()
            .map(|&key| {
                fields
                    .get(key)
                    .map_or(String::new(), |value| cell(name_of(key), value, names))
            })
            .collect(),
        other => vec![cell(title, other, names)],
    };
    let shown: Vec<Vec<String>> = rows.iter().take(MOST_ROWS).map(cells).collect();
    let headings: Vec<String> = columns.iter().map(|key| words(name_of(key))).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let _ = writeln!(text, "  {title}");
    table(text, &headings, &shown);
    if let Some(more @ 1..) = rows.len().checked_sub(MOST_ROWS) {
        let _ = writeln!(text, "    and {more} more");
    }
}

/// Columns as wide as their cells; figures to the right, words to the left and last.
fn table(text: &mut String, headings: &[&str], rows: &[Vec<String>]) {
    let is_figure = |cell: &str| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit());
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let column = |index: usize| rows.iter().filter_map(move |row| row.get(index));
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by_key(|&index| !column(index).all(|cell| is_figure(cell)));
    let line = |text: &mut String, of: &dyn Fn(usize) -> String| {
        let mut line = String::from("   ");
        for &index in &order {
            let heading = headings.get(index).map_or(0, |name| name.chars().count());
            let width = column(index)
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(heading);
            let right = column(index).all(|cell| is_figure(cell));
            let content = of(index);
            let _ = if right {
                write!(line, " {content:>width$}")
            } else {
                write!(line, "  {content:<width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    if !headings.is_empty() {
        line(text, &|index| {
            headings
                .get(index)
                .map_or(String::new(), |name| (*name).to_owned())
        });
    }
    for row in rows {
        line(text, &|index| row.get(index).cloned().unwrap_or_default());
    }
}

fn cell(key: &str, value: &Value, names: &BTreeMap<u32, String>) -> String {
    let is_bytes = key == "bytes" || key.ends_with("_bytes");
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) if is_bytes => number.as_u64().map_or(number.to_string(), bytes),
        Value::Number(number) => {
            let is_site = key == "site" || key == "site_id";
            let site = number.as_u64().and_then(|id| u32::try_from(id).ok());
            let name = site.filter(|_| is_site).and_then(|site| names.get(&site));
            name.map_or_else(|| number.to_string(), |name| ending(name))
        }
        Value::String(words) => ending(words),
        Value::Array(parts) => match parts.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
            Some(words) => ending(&words.join(" ")),
            None => nested(parts, names),
        },
        Value::Object(_) => nested(std::slice::from_ref(value), names),
    }
}

/// Things within a row of a table: the first, and how many there are.
fn nested(parts: &[Value], names: &BTreeMap<u32, String>) -> String {
    let first = parts.first().and_then(Value::as_object).map(|fields| {
        let cells = fields.iter().map(|(key, value)| match value {
            Value::Number(_) if key == "id" => cell("site", value, names),
            value => cell(key, value, names),
        });
        cells.collect::<Vec<_>>().join(" ")
    });
    let more = parts.len().saturating_sub(1);
    match first {
        None => String::new(),
        Some(first) if more == 0 => ending(&first),
        Some(first) => format!("{} and {more} more", ending(&first)),
    }
}

/// A text of bounded width.
fn ending(text: &str) -> String {
    let length = text.chars().count();
    if length <= WIDEST {
        return text.to_owned();
    }
    let end: String = text.chars().skip(length - WIDEST + 1).collect();
    format!("…{end}")
}

fn heading(kind: &str) -> String {
    let known = match kind {
        "ledger" => "Resident memory by owner",
        "histogram" => "Java heap by class",
        "loaders" => "Class loaders",
        "root_path" => "Why an object is alive",
        "thread_census" => "Threads by name",
        "native_objects" => "Java objects that hold native memory",
        "libraries" => "malloc by library",
        "surroundings" => "Outside of the JVM",
        other => return words(other),
    };
    known.to_owned()
}

/// `live_bytes` as `live`, `smaps_us` as `smaps us`.
fn words(key: &str) -> String {
    let key = key
        .strip_suffix("_bytes")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(key);
    key.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(value: &Value) -> String {
        let mut text = String::new();
        let names = BTreeMap::from([(7, "com.acme.Enricher.open".to_owned())]);
        object(&mut text, value.as_object().unwrap(), &names);
        text
    }

    #[test]
    fn a_kind_of_evidence_that_nobody_knows_yet_is_shown() {
        let text = shown(&json!({
            "total_bytes": 3 << 20,
            "complete": true,
            "limits": {"max_bytes": 1024, "depth": 3},
            "parts": [
                {"owner": "java_heap", "bytes": 2 << 20},
                {"owner": "metaspace", "bytes": 1 << 20, "samples": 5, "sites": [{"id": 7, "live": 3}, {"id": 8}]},
            ],
            "notes": ["one", "two"],
        }));
        assert_eq!(
            text,
            "  complete                    yes
  limits                      depth 3, max 1.00 KiB
  total                       3.00 MiB
  notes
     one
     two
  parts
       bytes samples  owner      sites
    2.00 MiB          java_heap
    1.00 MiB       5  metaspace  com.acme.Enricher.open 3 and 1 more
"
        );
    }

    #[test]
    fn long_tables_and_long_names_are_cut() {
        let rows: Vec<Value> = (0..30)
            .map(|row| json!({"class": "x".repeat(100), "count": row}))
            .collect();
        let text = shown(&json!({ "classes": rows }));
        assert!(text.ends_with("    and 10 more\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
    }
}
