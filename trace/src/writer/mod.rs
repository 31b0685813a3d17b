//! Appending to a trace and keeping it within its disk budget.
//!
//! Algorithm: a record is encoded into one buffer and appended as one whole line with one `write`, so a SIGKILL loses
//! at most the line being written. Facts go to `facts.jsonl`, samples and events to the open segment. A full segment
//! is closed, divided into one sample in ten ([`keepers`]) and the rest, and compressed; when the budget is used up the oldest rests are
//! removed first, later what they left ([`history`]). The header is repeated in every file.
//!
//! Failures are counted and returned, never retried in a loop: the caller is a guest in someone's JVM. One thread
//! writes; nothing here locks.

mod append;
mod history;
mod keepers;

use crate::layout::{FACTS, Segment};
use crate::{Header, Occasion, Record};
use append::AppendFile;
use history::History;
use keepers::Keepers;
use std::io;
use std::path::{Path, PathBuf};

/// How much disk a trace may use, and how that is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskBudget {
    /// Upper bound of everything in the directory, bytes.
    pub max_bytes: u64,
}

impl DiskBudget {
    /// Below this there is no room for a header, some incidents and two segments.
    pub const SMALLEST_BYTES: u64 = 1 << 20;

    /// A budget of at least [`Self::SMALLEST_BYTES`].
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes: max_bytes.max(Self::SMALLEST_BYTES),
        }
    }

    /// Length at which a segment is closed: a sixteenth, at most 4 MiB, so that closing one costs little.
    fn segment_bytes(self) -> u64 {
        (self.max_bytes / 16).min(4 << 20)
    }

    /// What lines may fill; the rest is for the temporary file of a segment being thinned.
    fn lines_bytes(self) -> u64 {
        self.max_bytes - self.segment_bytes() / 4
    }

    /// What facts may use, a quarter; they are never removed.
    fn facts_bytes(self) -> u64 {
        self.max_bytes / 4
    }

    /// What incidents leave of the facts' share. A trace without its end is read as a kill, so a process that failed for
    /// weeks before it ended must still find room to say so.
    const RESERVED_FOR_THE_END: u64 = 4 << 10;

    /// What incidents and sites together may use.
    fn incidents_bytes(self) -> u64 {
        self.facts_bytes() - Self::RESERVED_FOR_THE_END
    }

    /// What evidence of incidents and what was asked for may use of the facts' share. It is many times as long as an incident,
    /// and comes as often; what finds no room goes to the history, where new takes the place of old.
    fn evidence_bytes(self) -> u64 {
        self.facts_bytes() / 8 * 3
    }

    /// What sites may use of the facts' share, half, so that incidents always find room.
    fn sites_bytes(self) -> u64 {
        self.facts_bytes() / 2
    }
}

/// What the writer did since it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterStats {
    /// Bytes in the directory now.
    pub disk_bytes: u64,
    /// Records that could not be written.
    pub dropped_records: u64,
    /// Bytes of old samples that were given up to keep within the budget.
    pub thinned_bytes: u64,
}

/// Why a record was not written, or a trace not begun.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The directory or a file in it cannot be written; check permissions and free space.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The facts' share of the budget is used up; raise `max_disk`.
    #[error("the trace's disk budget has no room for this record")]
    NoRoom,
    /// The record has no JSON form; a programming error.
    #[error("cannot encode the record: {0}")]
    Encode(#[from] serde_json::Error),
}

/// The one writer of a trace.
#[derive(Debug)]
pub struct TraceWriter {
    directory: PathBuf,
    budget: DiskBudget,
    facts: AppendFile,
    segment: AppendFile,
    index: u32,
    keepers: Keepers,
    history: History,
    header_line: Vec<u8>,
    line: Vec<u8>,
    dropped_records: u64,
}

impl TraceWriter {
    /// Begins a trace: makes `directory` and writes the header into the first files.
    ///
    /// # Errors
    /// When the directory or its first files cannot be written.
    pub fn create(
        directory: &Path,
        header: &Header,
        budget: DiskBudget,
    ) -> Result<Self, WriteError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| WriteError::Io { path, source }
        };
        std::fs::create_dir_all(directory).map_err(at(directory))?;
        let mut header_line = Vec::with_capacity(4096);
        encode_header(header, &mut header_line)?;
        let (facts_path, segment_path) = (
            directory.join(FACTS),
            directory.join(Segment::open(0).file_name()),
        );
        let mut facts = AppendFile::create(&facts_path).map_err(at(&facts_path))?;
        facts
            .append_line(&mut header_line)
            .map_err(at(&facts_path))?;
        let mut segment = AppendFile::create(&segment_path).map_err(at(&segment_path))?;
        segment
            .append_line(&mut header_line)
            .map_err(at(&segment_path))?;
        Ok(Self {
            directory: directory.to_owned(),
            budget,
            facts,
            segment,
            index: 0,
            keepers: Keepers::default(),
            history: History::new(directory),
            header_line,
            line: Vec::with_capacity(4096),
            dropped_records: 0,
        })
    }

    /// Appends one record. One that cannot be written is counted and given up.
    ///
    /// # Errors
    /// [`WriteError`], for the caller's log; the writer stays usable.
    pub fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let written = serde_json::to_writer(&mut line, record)
            .map_err(WriteError::from)
            .and_then(|()| match record {
                record if is_history(record) => self.append_to_segment(&mut line),
                record if record.taken().is_some() && !self.has_room_for_evidence(&line) => {
                    self.append_to_segment(&mut line)
                }
                Record::Site(_) => self.append_fact(&mut line, self.budget.sites_bytes()),
                Record::End(_) => self.append_fact(&mut line, self.budget.facts_bytes()),
                _ => self.append_fact(&mut line, self.budget.incidents_bytes()),
            });
        if let (Record::Sample(sample), Ok(())) = (record, &written) {
            self.keepers.note(sample);
        }
        self.line = line;
        self.dropped_records += u64::from(written.is_err());
        written
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> WriterStats {
        WriterStats {
            disk_bytes: self.disk_bytes(),
            dropped_records: self.dropped_records,
            thinned_bytes: self.history.given_up_bytes(),
        }
    }

    /// The trace's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn disk_bytes(&self) -> u64 {
        self.facts.len() + self.segment.len() + self.history.bytes()
    }

    fn has_room_for_evidence(&self, line: &[u8]) -> bool {
        self.facts.len() + length_with_newline(line) <= self.budget.evidence_bytes()
    }

    fn append_fact(&mut self, line: &mut Vec<u8>, share: u64) -> Result<(), WriteError> {
        let length = length_with_newline(line);
        if self.facts.len() + length > share {
            return Err(WriteError::NoRoom);
        }
        self.make_room(length)?;
        let appended = self.facts.append_line(line);
        self.retry_when_full(appended, line, |writer| &mut writer.facts)
    }

    fn append_to_segment(&mut self, line: &mut Vec<u8>) -> Result<(), WriteError> {
        let length = length_with_newline(line);
        if self.segment.len() + length > self.budget.segment_bytes() {
            self.rotate()?;
        }
        self.make_room(length)?;
        let appended = self.segment.append_line(line);
        self.retry_when_full(appended, line, |writer| &mut writer.segment)
    }

    /// A full disk costs us our own oldest history before it costs the newest record.
    fn retry_when_full(
        &mut self,
        appended: io::Result<()>,
        line: &mut Vec<u8>,
        file: impl Fn(&mut Self) -> &mut AppendFile,
    ) -> Result<(), WriteError> {
        let appended = match appended {
            Err(error) if is_full(&error) && self.history.remove_oldest() => {
                file(self).append_line(line)
            }
            other => other,
        };
        appended.map_err(|source| WriteError::Io {
            path: file(self).path().to_owned(),
            source,
        })
    }

    /// Closes the open segment, begins the next, and compresses the closed one.
    fn rotate(&mut self) -> Result<(), WriteError> {
        let next = Segment::open(self.index + 1);
        let path = self.directory.join(next.file_name());
        self.make_room(length_with_newline(&self.header_line))?;
        let begun = match begin_segment(&path, &mut self.header_line) {
            Err(error) if is_full(&error) && self.history.remove_oldest() => {
                begin_segment(&path, &mut self.header_line)
            }
            other => other,
        };
        let segment = begun.map_err(|source| WriteError::Io { path, source })?;
        let closed = std::mem::replace(&mut self.segment, segment);
        let kept = std::mem::take(&mut self.keepers).numbers();
        self.history.add(self.index, closed.len(), kept);
        self.index = next.index;
        // The compressed forms stand beside the plain one for a moment, so they must fit as well.
        if self.make_room(closed.len() / 2).is_ok() {
            self.history.compress_newest();
        }
        Ok(())
    }

    fn make_room(&mut self, needed: u64) -> Result<(), WriteError> {
        while self.disk_bytes() + needed > self.budget.lines_bytes() {
            if !self.history.shrink() {
                return Err(WriteError::NoRoom);
            }
        }
        Ok(())
    }
}

/// A new segment with its header. What an attempt left that failed half-way, on a full disk, is removed first, or it would
/// be in the way of every later one.
fn begin_segment(path: &Path, header_line: &mut Vec<u8>) -> io::Result<AppendFile> {
    let _ = std::fs::remove_file(path);
    let mut segment = AppendFile::create(path)?;
    segment.append_line(header_line)?;
    Ok(segment)
}

/// Whether a record goes to the segments, whose oldest are given up when room is needed. Evidence does when it was taken
/// as a matter of routine; what belongs to an incident, or was asked for, is a fact as long as there is room.
fn is_history(record: &Record) -> bool {
    matches!(
        record,
        Record::Sample(_) | Record::Event(_) | Record::Pause(_)
    ) || record
        .taken()
        .is_some_and(|taken| matches!(taken.occasion, Occasion::Routine | Occasion::NearLimit))
}

/// Whether the disk, or what of it we may use, is used up.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn encode_header(header: &Header, line: &mut Vec<u8>) -> Result<(), WriteError> {
    Ok(serde_json::to_writer(
        line,
        &Record::Header(Box::new(header.clone())),
    )?)
}

fn length_with_newline(line: &[u8]) -> u64 {
    u64::try_from(line.len())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}
