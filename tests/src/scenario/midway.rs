//! What flinkmem would have said before the end: a healthy process must be silent whenever somebody looks, also while its caches fill.

use crate::verdict::Verdict;
use anyhow::{Context, Result};
use flinkmem_trace::layout::Segment;
use flinkmem_trace::{Header, Record, TraceReader, find_traces};
use std::fmt::Write;
use std::path::Path;

/// Shares of a life after which somebody looks. Before the first there is little but the start.
pub(super) const LOOKS: [f64; 5] = [0.4, 0.55, 0.7, 0.85, 0.95];

/// The verdict on the first part of the trace in a folder, as if it had been copied then.
pub(super) fn verdict(folder: &Path, share: f64) -> Result<Verdict> {
    let copy = tempfile::tempdir()?;
    for trace in find_traces(folder)? {
        let name = trace.file_name().context("a trace without a name")?;
        let into = copy.path().join(name);
        std::fs::create_dir(&into)?;
        let first = Segment::open(0).file_name();
        std::fs::write(into.join(first), begin(&trace, share)?)?;
    }
    Verdict::of(&[copy.path().to_owned()])
}

/// The lines of a trace until then.
fn begin(trace: &Path, share: f64) -> Result<String> {
    let reader = TraceReader::open(trace)?;
    let (records, _) = reader.records();
    let until = cut(reader.header(), &records, share);
    let header = Record::Header(Box::new(reader.header().clone()));
    let others = records
        .iter()
        .filter(|record| !matches!(record, Record::Header(_)) && record.t_ms() <= until);
    let mut text = String::new();
    for record in std::iter::once(&header).chain(others) {
        writeln!(text, "{}", serde_json::to_string(record)?)?;
    }
    Ok(text)
}

/// Wall clock after that share of a life, milliseconds since the epoch.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a life in a test lasts minutes"
)]
fn cut(header: &Header, records: &[Record], share: f64) -> i64 {
    let last = records.iter().map(Record::t_ms).max();
    let span = last.unwrap_or(header.t_ms).saturating_sub(header.t_ms);
    header.t_ms.saturating_add((span as f64 * share) as i64)
}
