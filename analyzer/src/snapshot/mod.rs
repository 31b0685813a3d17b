//! A snapshot on demand: the agent is asked to take everything now, and what it wrote down is shown.
//!
//! The request is a file in the trace directory ([`flinkmem_trace::control`]), for the trace is all that the command line
//! and an agent share. The agent looks for it once a base interval.

mod request;
mod text;

pub use request::SnapshotError;
pub(crate) use request::interval;
pub use text::to_text;

use crate::case::owner_of;
use crate::units::rfc3339;
use flinkmem_trace::{Header, Occasion, Record, Sample, Site, SiteUse, TraceReader};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// Everything that the agent knows at one moment.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    /// Version of this form.
    pub schema: u32,
    /// The trace that it is part of, as this program sees it.
    pub trace: PathBuf,
    /// Host name.
    pub host: String,
    /// Process id, as the process itself sees it.
    pub pid: u32,
    /// When, RFC 3339.
    pub at: String,
    /// The agent came late: what it counts itself begins then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub attached_late: bool,
    /// The sample of that tick.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Call sites that hold off-heap memory, largest first.
    pub sites: Vec<SiteLine>,
    /// What was taken because it was asked for, as in the trace.
    pub evidence: Vec<Record>,
    /// All call sites by id, which evidence refers to.
    #[serde(skip)]
    pub names: BTreeMap<u32, String>,
}

/// A call site with what it holds.
#[derive(Debug, Serialize)]
pub struct SiteLine {
    /// What it holds.
    #[serde(flatten)]
    pub usage: SiteUse,
    /// Whose it is: the method of the first user frame, a library or a part of Flink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Asks the agent that writes to `directory`, waits, and reads what it wrote. Java threads may stand still for `patience`
/// for each walk over the heap.
///
/// # Errors
/// When the trace cannot be read, or nobody answers; the text says what to do.
pub fn take(directory: &Path, patience: Duration) -> Result<Snapshot, SnapshotError> {
    let before = Reading::of(directory)?;
    request::ask_and_wait(directory, &before.header, patience)?;
    let after = Reading::of(directory)?;
    Ok(after.snapshot(directory, before.last_up_ms))
}

/// The newest part of a trace.
struct Reading {
    header: Header,
    records: Vec<Record>,
    last_up_ms: u64,
}

impl Reading {
    fn of(directory: &Path) -> Result<Self, SnapshotError> {
        let reader = TraceReader::open(directory)?.newest_only();
        let (records, _) = reader.records();
        let samples = records.iter().filter_map(|record| match record {
            Record::Sample(sample) => Some(sample.up_ms),
            _ => None,
        });
        Ok(Self {
            header: reader.header().clone(),
            last_up_ms: samples.max().unwrap_or(0),
            records,
        })
    }

    /// What came after `up_ms`.
    fn snapshot(self, directory: &Path, up_ms: u64) -> Snapshot {
        let mut sample = None;
        let mut evidence = Vec::new();
        let mut sites: BTreeMap<u32, Site> = BTreeMap::new();
        for record in self.records {
            match record {
                Record::Site(site) => {
                    sites.insert(site.id, site);
                }
                Record::Sample(found) if found.up_ms > up_ms => sample = better(sample, *found),
                record if is_answer(&record, up_ms) => evidence.push(record),
                _ => {}
            }
        }
        let name = |site: &Site| owner_of(site).map(|(owner, _)| owner.method);
        let names: BTreeMap<u32, String> = sites
            .values()
            .filter_map(|site| Some((site.id, name(site)?)))
            .collect();
        let used = sample.as_ref().map_or(&[][..], |sample| &sample.sites);
        let lines = used.iter().map(|&usage| SiteLine {
            owner: names.get(&usage.id).cloned(),
            usage,
        });
        Snapshot {
            schema: SCHEMA,
            trace: directory.to_owned(),
            host: self.header.host,
            pid: self.header.pid,
            at: rfc3339(
                sample
                    .as_ref()
                    .map_or(self.header.t_ms, |sample| sample.t_ms),
            ),
            attached_late: self.header.attached_late,
            sites: lines.collect(),
            sample,
            evidence,
            names,
        }
    }
}

/// The newest sample, but not one without the sites that another has: near a limit they are in every tenth only.
fn better(known: Option<Sample>, found: Sample) -> Option<Sample> {
    match known {
        Some(known) if found.sites.is_empty() && !known.sites.is_empty() => Some(known),
        _ => Some(found),
    }
}

fn is_answer(record: &Record, up_ms: u64) -> bool {
    let taken = record.taken();
    taken.is_some_and(|taken| taken.occasion == Occasion::Demand && taken.up_ms > up_ms)
}
