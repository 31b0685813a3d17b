//! The end of a trace, read in a moment: what was last known of a process, without reading how it got there.

use crate::layout::{FACTS, Form, Segment};
use crate::{End, Header, Incident, Record, Sample};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// How much is read of the end of a file. A sample has some KiB, an incident some more.
const TAIL_BYTES: u64 = 64 << 10;

/// How much is read of the begin of a file, for its header.
const HEADER_BYTES: u64 = 256 << 10;

/// What the ends of a trace's files say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LastWords {
    /// The last sample; absent when the newest segment has none yet.
    pub sample: Option<Sample>,
    /// The last incident among the last facts.
    pub incident: Option<Incident>,
    /// The orderly end.
    pub end: Option<End>,
}

impl LastWords {
    /// Reads them from the trace in `directory`: the last 64 KiB of its facts and of its newest segment.
    #[must_use]
    pub fn read(directory: &Path) -> Self {
        let mut last = Self::default();
        for record in tail(&directory.join(FACTS)) {
            match record {
                Record::Incident(incident) => last.incident = Some(*incident),
                Record::End(end) => last.end = Some(end),
                _ => {}
            }
        }
        let segments = Segment::list(directory).unwrap_or_default();
        let newest = segments.iter().rfind(|segment| segment.form == Form::Plain);
        if let Some(newest) = newest {
            for record in tail(&directory.join(newest.file_name())) {
                if let Record::Sample(sample) = record {
                    last.sample = Some(*sample);
                }
            }
        }
        last
    }

    /// Wall clock of the last of them, milliseconds since the epoch.
    #[must_use]
    pub fn t_ms(&self) -> Option<i64> {
        let sample = self.sample.as_ref().map(|sample| sample.t_ms);
        let incident = self.incident.as_ref().map(|incident| incident.t_ms);
        sample.max(incident).max(self.end.map(|end| end.t_ms))
    }
}

/// The header of the trace in `directory`, from the first line of its facts.
#[must_use]
pub fn header_of(directory: &Path) -> Option<Header> {
    let file = open(&directory.join(FACTS))?;
    let mut line = Vec::new();
    let mut start = BufReader::new(file.take(HEADER_BYTES));
    start.read_until(b'\n', &mut line).ok()?;
    match serde_json::from_slice(&line).ok()? {
        Record::Header(header) => Some(*header),
        _ => None,
    }
}

/// Records in the last lines of a file. Lines that are torn or damaged are left out.
fn tail(path: &Path) -> Vec<Record> {
    let read = || {
        let mut file = open(path)?;
        let length = file.metadata().ok()?.len();
        let start = length.saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(start)).ok()?;
        let mut bytes = Vec::new();
        // It may still grow.
        file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
        Some((bytes, start > 0))
    };
    let Some((bytes, begins_in_a_line)) = read() else {
        return Vec::new();
    };
    let lines = bytes.split(|&byte| byte == b'\n');
    lines
        .skip(usize::from(begins_in_a_line))
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// To open a pipe that somebody named like a segment would wait for a writer for ever.
fn open(path: &Path) -> Option<File> {
    path.is_file().then(|| File::open(path).ok()).flatten()
}
