//! How much of a long history is read: all of what is near something that happened, of the rest one sample in ten and every peak.
//!
//! The agent keeps closed segments in two files for this ([`flinkmem_trace::layout`]). A life of some hours is read whole. Of a day the rests
//! are nine tenths of the bytes, and a trend of a day needs none of them; what led to an incident, or to the end, does.

use super::Case;
use flinkmem_trace::{Incident, IncidentKind, TraceFile, TraceReader};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// The rest of the newest closed segment is always read: some twenty minutes at one sample a second, some three at ten.
const NEWEST: u32 = 1;

/// As many rests as this are read, whatever they hold.
const FEW: usize = 6;

/// What leads to an incident, and what comes of it.
pub(super) const BEFORE_MS: u64 = 120_000;
pub(super) const AFTER_MS: u64 = 60_000;

/// The files of an overview: everything but the rests of closed segments, unless they are few.
pub(super) fn overview(reader: &TraceReader) -> TraceReader {
    let rests = reader.files().iter().filter(|file| file.is_rest()).count();
    reader.only(|file| rests <= FEW || !file.is_rest())
}

/// The rests that are wanted beside the overview. `spans` are the times of the overview's files, in the same order.
pub(super) fn wanted(
    reader: &TraceReader,
    overview: &TraceReader,
    spans: &[Option<RangeInclusive<u64>>],
    incidents: &[Incident],
) -> TraceReader {
    let newest = reader.newest_segment().unwrap_or(0);
    let matters = moments_that_matter(incidents);
    let near = |span: &RangeInclusive<u64>| {
        matters.iter().any(|&up_ms| {
            up_ms.saturating_add(AFTER_MS) >= *span.start()
                && up_ms.saturating_sub(BEFORE_MS) <= *span.end()
        })
    };
    let with_spans = overview.files().iter().zip(spans);
    let near: BTreeSet<u32> = with_spans
        .filter(|(_, span)| span.as_ref().is_some_and(near))
        .filter_map(|(file, _)| Some(file.segment()?.index))
        .collect();
    let is_new = |index: u32| index.saturating_add(NEWEST) >= newest;
    let read = overview.files();
    reader.only(|file| match file {
        TraceFile::Segment(segment) if file.is_rest() && !read.contains(&file) => {
            is_new(segment.index) || near.contains(&segment.index)
        }
        _ => false,
    })
}

/// The first and the last incident of each kind: rules look at what led to these. Thousands in between would want the whole history.
pub(super) fn moments_that_matter(incidents: &[Incident]) -> Vec<u64> {
    let mut kinds: Vec<IncidentKind> = Vec::new();
    for incident in incidents {
        if !kinds.contains(&incident.incident) {
            kinds.push(incident.incident);
        }
    }
    let of_kind = |kind: &IncidentKind| {
        let times = incidents
            .iter()
            .filter(|incident| incident.incident == *kind)
            .map(|incident| incident.up_ms);
        [times.clone().min(), times.max()]
    };
    kinds.iter().flat_map(of_kind).flatten().collect()
}

/// The time that a part of a case covers, on the monotonic clock.
pub(super) fn span(part: &Case) -> Option<RangeInclusive<u64>> {
    let times = part.timeline.moments.iter().map(|moment| moment.up_ms);
    Some(times.clone().min()?..=times.max()?)
}
