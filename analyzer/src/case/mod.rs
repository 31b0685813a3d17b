//! A case: everything known about one process life, on one clock.
//!
//! Reading turns records into compact series and keeps the rare ones (sites, incidents, events) as they are. A case says
//! what happened; what it means is for the rules.

mod direct_errors;
mod evidence;
mod gather;
mod growing;
mod history;
mod lines;
mod origin;
mod outcome;
mod site_growth;
mod source;
mod thinning;
mod timeline;
mod told_outcome;

pub use direct_errors::{DirectError, DirectErrors};
pub use evidence::{Evidence, Kind};
pub use gather::gather;
pub use origin::{Account, Origin, Owner, is_direct, is_network_pool, is_thread_cache, owner_of};
pub use outcome::{Outcome, OutcomeKind, Surroundings};
pub(crate) use site_growth::share;
pub use site_growth::{OwnerUse, growth_by_owner, live_bytes_of, trend_by_owner};
pub use source::{Source, SourceKind, SourceLines};
pub(crate) use timeline::seconds;
pub use timeline::{Inside, Moment, Named, PoolUse, SiteSnapshot, Timeline};

use crate::configuration::{Observed, from_trace_header};
use crate::lines::Told;
use flinkmem_trace::{Damage, End, Event, Header, Incident, Record, Site, TraceError, TraceReader};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Everything known about one process life.
#[derive(Debug, Default)]
pub struct Case {
    /// Where the trace lies; empty where there is none.
    pub directory: PathBuf,
    /// What does not change.
    pub header: Header,
    /// What the header says about limits and options.
    pub observed: Observed,
    /// Samples in order, those of the incidents among them.
    pub timeline: Timeline,
    /// Limits that were met, in order.
    pub incidents: Vec<Incident>,
    /// What else happened, in order.
    pub events: Vec<Event>,
    /// Evidence that is taken rarely, and pauses.
    pub evidence: Evidence,
    /// Call sites by id.
    pub sites: BTreeMap<u32, Site>,
    /// The orderly end.
    pub end: Option<End>,
    /// What could not be read.
    pub damage: Damage,
    /// Old history of which one sample in ten was read, with every peak.
    pub is_overview: bool,
    /// Files whose lines were read.
    pub sources: Vec<Source>,
    /// What their lines say, and how often each was told in its file; in the order of time, lines without a time last.
    pub told: Vec<(Told, u64)>,
    /// What sources say that does not go together.
    pub(crate) contradictions: Vec<String>,
}

impl Case {
    /// Reads the trace in `directory`: all of a short one; of a long one's older history one sample in ten and every peak, but all that led to
    /// an incident or to the end.
    ///
    /// # Errors
    /// [`TraceError`] when there is no trace that this build can read. Damage inside one is no error.
    pub fn read(directory: &Path) -> Result<Self, TraceError> {
        let reader = TraceReader::open(directory)?;
        let mut case = Self::new(&reader);
        case.take_overview(&reader);
        case.sort();
        Ok(case)
    }

    /// Reads every sample of the trace in `directory`, however long it is.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_whole(directory: &Path) -> Result<Self, TraceError> {
        let reader = TraceReader::open(directory)?;
        let mut case = Self::new(&reader);
        case.take_all(&reader);
        case.sort();
        Ok(case)
    }

    fn new(reader: &TraceReader) -> Self {
        Self {
            directory: reader.directory().to_owned(),
            observed: from_trace_header(reader.header()),
            header: reader.header().clone(),
            ..Self::default()
        }
    }

    /// Takes in an overview of a reader's files, and all that led to an incident.
    fn take_overview(&mut self, reader: &TraceReader) {
        let overview = history::overview(reader);
        let spans = self.take_all(&overview);
        let rests = history::wanted(reader, &overview, &spans, &self.incidents);
        self.take_all(&rests);
        self.is_overview = overview.files().len() + rests.files().len() < reader.files().len();
    }

    /// Takes in the files of a reader, and tells the time that each covers.
    fn take_all(&mut self, reader: &TraceReader) -> Vec<Option<RangeInclusive<u64>>> {
        // Files are independent of each other but for the order in which they are put together.
        let (parts, damage) = reader.fold(Self::take);
        self.damage.add(damage);
        let spans = parts.iter().map(history::span).collect();
        for part in parts {
            self.append(part);
        }
        spans
    }

    fn sort(&mut self) {
        self.incidents.sort_by_key(|incident| incident.up_ms);
        self.events.sort_by_key(|event| event.up_ms);
        self.evidence.sort();
        self.timeline.sort();
    }

    /// Puts what was read of the next file behind what was read before.
    fn append(&mut self, next: Self) {
        self.timeline.append(next.timeline);
        self.incidents.extend(next.incidents);
        self.events.extend(next.events);
        self.evidence.append(next.evidence);
        self.sites.extend(next.sites);
        self.end = next.end.or(self.end.take());
    }

    /// Takes in the next record of a life.
    pub(crate) fn take(&mut self, record: Record) {
        match record {
            Record::Header(_) => {}
            Record::Sample(sample) => self.timeline.push(&sample),
            Record::Site(site) => {
                self.sites.insert(site.id, site);
            }
            Record::Event(event) => self.events.push(event),
            Record::Incident(incident) => {
                self.timeline.push_incident(&incident);
                self.incidents.push(*incident);
            }
            Record::End(end) => self.end = Some(end),
            evidence => self.evidence.push(evidence),
        }
    }

    /// The most heap in use that a collection left, or that was in use at all where none was seen.
    #[must_use]
    pub fn live_heap_bytes(&self) -> Option<u64> {
        let live = self.timeline.peak(|moment| moment.heap?.after_gc_bytes);
        live.or_else(|| self.timeline.peak(|moment| Some(moment.heap?.used_bytes)))
    }

    /// The limit on direct memory that the JVM enforced last, as far as it is known.
    #[must_use]
    pub fn direct_limit(&self) -> Option<u64> {
        let measured = |moment: &Moment| moment.direct?.max_bytes;
        let last = self.timeline.moments.iter().rev().find_map(measured);
        last.filter(|&limit| limit > 0)
            .or(self.observed.jvm_limits.direct)
    }

    /// Wall clock of a time on the monotonic clock.
    #[must_use]
    pub fn wall_ms(&self, up_ms: u64) -> i64 {
        let up = i64::try_from(up_ms).unwrap_or(i64::MAX);
        let since_header = up.saturating_sub(i64::try_from(self.header.up_ms).unwrap_or(0));
        let near = self
            .timeline
            .at_or_before(up_ms)
            .or(self.timeline.moments.first());
        near.map_or(self.header.t_ms.saturating_add(since_header), |moment| {
            let apart = up.saturating_sub(i64::try_from(moment.up_ms).unwrap_or(up));
            moment.t_ms.saturating_add(apart)
        })
    }
}
