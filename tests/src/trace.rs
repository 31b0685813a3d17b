//! The trace that a test's JVM left.

use anyhow::{Context, Result, ensure};
use flinkmem_trace::{
    Damage, End, Event, EventKind, Header, Incident, IncidentKind, Record, Sample, Site,
    TraceReader, find_traces,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A whole trace in memory, its records in the order of time.
#[derive(Debug)]
pub struct Trace {
    /// Its directory.
    pub directory: PathBuf,
    /// Header.
    pub header: Header,
    /// Samples.
    pub samples: Vec<Sample>,
    /// Incidents.
    pub incidents: Vec<Incident>,
    /// Events.
    pub events: Vec<Event>,
    /// Evidence that is taken rarely, and pauses.
    pub evidence: Vec<Record>,
    /// Call sites by id.
    pub sites: BTreeMap<u32, Site>,
    /// The orderly end, if there was one.
    pub end: Option<End>,
    /// What the reader had to skip.
    pub damage: Damage,
}

impl Trace {
    /// The only trace in `directory`.
    ///
    /// # Errors
    /// When there is none, more than one, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self> {
        let found = find_traces(directory)?;
        ensure!(found.len() == 1, "expected one trace, found {found:?}");
        let reader = TraceReader::open(&found[0])?;
        let (records, damage) = reader.records();
        let mut trace = Self {
            directory: found[0].clone(),
            header: reader.header().clone(),
            samples: Vec::new(),
            incidents: Vec::new(),
            events: Vec::new(),
            evidence: Vec::new(),
            sites: BTreeMap::new(),
            end: None,
            damage,
        };
        for record in records {
            trace.take(record);
        }
        Ok(trace)
    }

    /// The last sample.
    ///
    /// # Errors
    /// When there is none.
    pub fn last_sample(&self) -> Result<&Sample> {
        self.samples.last().context("the trace has no sample")
    }

    /// Incidents of one kind.
    pub fn incidents_of(&self, kind: IncidentKind) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(move |i| i.incident == kind)
    }

    /// An incident's words, be they known at once or later.
    #[must_use]
    pub fn message_of<'a>(&'a self, incident: &'a Incident) -> Option<&'a str> {
        let later = self.later_words(incident);
        let later = later.and_then(|event| event.message.as_deref());
        later.or(incident.message.as_deref())
    }

    /// Bytes that were asked for, be they known at once or later.
    #[must_use]
    pub fn requested_bytes_of(&self, incident: &Incident) -> Option<u64> {
        let later = self.later_words(incident).and_then(|event| event.bytes);
        later.or(incident.requested_bytes)
    }

    fn later_words(&self, incident: &Incident) -> Option<&Event> {
        self.events.iter().find(|event| {
            event.event == EventKind::ErrorMessage && event.incident == Some(incident.id)
        })
    }

    /// Ids of the sites whose stack has a frame `class.method`.
    #[must_use]
    pub fn sites_through(&self, qualified: &str) -> Vec<u32> {
        let passes = |site: &&Site| site.frames.iter().any(|f| f.qualified() == qualified);
        self.sites
            .values()
            .filter(passes)
            .map(|site| site.id)
            .collect()
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Header(_) => {}
            Record::Sample(sample) => self.samples.push(*sample),
            Record::Site(site) => {
                self.sites.insert(site.id, site);
            }
            Record::Event(event) => self.events.push(event),
            Record::Incident(incident) => self.incidents.push(*incident),
            Record::End(end) => self.end = Some(end),
            evidence => self.evidence.push(evidence),
        }
    }
}

/// Bytes of all files below `directory`. Files that vanish meanwhile count nothing.
#[must_use]
pub fn disk_bytes(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
