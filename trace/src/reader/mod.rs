//! Reading a trace back, whatever state it is in.
//!
//! A killed JVM leaves a torn last line, a full disk leaves holes, a copy may be cut short. Damage is counted and
//! skipped, never a reason to stop: the reader streams, holds one line at a time and bounds its length.

mod growing;
mod last_words;
mod lines;

pub use growing::{GrowingTrace, Growth};
pub use last_words::{LastWords, header_of};

use crate::layout::{DIRECTORY_PREFIX, FACTS, Form, Segment};
use crate::{Header, Record, UnreadableFormat};
use lines::{Line, Lines};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was skipped while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Damage {
    /// Lines that are not a record: garbage, holes.
    pub bad_lines: u64,
    /// Last lines of a file that were cut off in the middle.
    pub torn_lines: u64,
    /// Well-formed lines of a kind that this build does not know.
    pub unknown_kinds: u64,
    /// Files that ended in an error, such as a compressed segment cut short.
    pub broken_files: u64,
}

impl Damage {
    /// Adds what was skipped elsewhere.
    pub fn add(&mut self, other: Self) {
        self.bad_lines += other.bad_lines;
        self.torn_lines += other.torn_lines;
        self.unknown_kinds += other.unknown_kinds;
        self.broken_files += other.broken_files;
    }

    /// Whether everything was readable.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A trace that cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The path cannot be read; check that it exists and who may read it.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory holds no file of a trace.
    #[error("{0} holds no trace: expected {FACTS} or samples-*.jsonl in it")]
    NoTrace(PathBuf),
    /// No readable header in any file, so nothing is known about the process.
    #[error("{0} has no readable header line")]
    NoHeader(PathBuf),
    /// Written in a format of another major version.
    #[error("{path}: {source}")]
    Format {
        /// The trace.
        path: PathBuf,
        /// Which version, and what to do.
        source: UnreadableFormat,
    },
}

/// One trace directory, opened: its header is known, its records stream in file order, facts first.
///
/// Facts (sites, incidents, end) and samples are in separate files, so a consumer that wants one order sorts by `t_ms`.
#[derive(Debug)]
pub struct TraceReader {
    directory: PathBuf,
    header: Header,
    files: Vec<TraceFile>,
}

/// One file of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceFile {
    /// Header, sites, incidents, end.
    Facts,
    /// Samples and what else comes and goes with time.
    Segment(Segment),
}

impl TraceFile {
    /// The part of history that it holds; `None` for the facts.
    #[must_use]
    pub fn segment(self) -> Option<Segment> {
        match self {
            Self::Facts => None,
            Self::Segment(segment) => Some(segment),
        }
    }

    /// Whether an overview leaves it out.
    #[must_use]
    pub fn is_rest(self) -> bool {
        self.segment()
            .is_some_and(|segment| segment.form == Form::Rest)
    }

    fn path(self, directory: &Path) -> PathBuf {
        match self {
            Self::Facts => directory.join(FACTS),
            Self::Segment(segment) => directory.join(segment.file_name()),
        }
    }
}

impl TraceReader {
    /// Opens the trace in `directory`.
    ///
    /// # Errors
    /// [`TraceError`] when there is no trace, no header, or a format that this build cannot read.
    pub fn open(directory: &Path) -> Result<Self, TraceError> {
        let io = |source| TraceError::Io {
            path: directory.to_owned(),
            source,
        };
        let facts = directory.join(FACTS).is_file();
        let mut files: Vec<TraceFile> = facts.then_some(TraceFile::Facts).into_iter().collect();
        let segments = Segment::list_once(directory).map_err(io)?;
        files.extend(segments.into_iter().map(TraceFile::Segment));
        if files.is_empty() {
            return Err(TraceError::NoTrace(directory.to_owned()));
        }
        let header = files
            .iter()
            .find_map(|file| first_header(&file.path(directory)));
        let header = header.ok_or_else(|| TraceError::NoHeader(directory.to_owned()))?;
        header
            .format
            .check_readable()
            .map_err(|source| TraceError::Format {
                path: directory.to_owned(),
                source,
            })?;
        Ok(Self {
            directory: directory.to_owned(),
            header,
            files,
        })
    }

    /// The same with those of its files only that are wanted.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(TraceFile) -> bool) -> Self {
        let files = self.files.iter().copied();
        Self {
            directory: self.directory.clone(),
            header: self.header.clone(),
            files: files.filter(|file| wanted(*file)).collect(),
        }
    }

    /// The same without its older history: facts and the newest two segments, for who wants to know about now.
    #[must_use]
    pub fn newest_only(&self) -> Self {
        let newest = self.newest_segment().unwrap_or(0);
        let is_new = |segment: Segment| segment.index.saturating_add(1) >= newest;
        self.only(|file| file.segment().is_none_or(is_new))
    }

    /// The files that are read, facts first, then history in order.
    #[must_use]
    pub fn files(&self) -> &[TraceFile] {
        &self.files
    }

    /// The index of the newest segment.
    #[must_use]
    pub fn newest_segment(&self) -> Option<u32> {
        let segments = self.files.iter().filter_map(|file| file.segment());
        segments.map(|segment| segment.index).max()
    }

    /// The directory that was opened.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The first readable header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Calls `visit` with every record but the repeated headers, and returns what had to be skipped.
    pub fn for_each(&self, mut visit: impl FnMut(Record)) -> Damage {
        let mut damage = Damage::default();
        for file in &self.files {
            read_file(&file.path(&self.directory), &mut damage, &mut |record| {
                if !matches!(record, Record::Header(_)) {
                    visit(record);
                }
                true
            });
        }
        damage
    }

    /// Reads several files at a time, as many as there are processors: each with `take` into a value of its own. Gives these back in the order of
    /// [`Self::files`], and what had to be skipped. Repeated headers are left out.
    pub fn fold<T: Default + Send>(
        &self,
        take: impl Fn(&mut T, Record) + Sync,
    ) -> (Vec<T>, Damage) {
        let next = AtomicUsize::new(0);
        let read_some = || {
            let mut done = Vec::new();
            loop {
                // The newest is plain and the longest: begun last it would be waited for.
                let behind = next.fetch_add(1, Ordering::Relaxed);
                let file = self.files.iter().enumerate().rev().nth(behind);
                let Some((index, file)) = file else {
                    return done;
                };
                let (mut value, mut damage) = (T::default(), Damage::default());
                read_file(&file.path(&self.directory), &mut damage, &mut |record| {
                    if !matches!(record, Record::Header(_)) {
                        take(&mut value, record);
                    }
                    true
                });
                done.push((index, value, damage));
            }
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let others = processors.min(self.files.len()).saturating_sub(1);
        let mut done = std::thread::scope(|scope| {
            // Where no thread can be had, this one reads all.
            let spawn = |_| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, read_some)
                    .ok()
            };
            let others: Vec<_> = (0..others).filter_map(spawn).collect();
            let mut done = read_some();
            for other in others {
                match other.join() {
                    Ok(part) => done.extend(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            done
        });
        done.sort_by_key(|(index, ..)| *index);
        let mut damage = Damage::default();
        let mut values = Vec::with_capacity(done.len());
        for (_, value, part) in done {
            damage.add(part);
            values.push(value);
        }
        (values, damage)
    }

    /// All records but the headers, in the order of their wall clock, and what had to be skipped.
    #[must_use]
    pub fn records(&self) -> (Vec<Record>, Damage) {
        let mut records = Vec::new();
        let damage = self.for_each(|record| records.push(record));
        records.sort_by_key(Record::t_ms);
        (records, damage)
    }
}

/// The trace directories at `path`: itself, or those directly in it, sorted by name.
///
/// # Errors
/// [`TraceError`] when `path` cannot be listed or holds no trace.
pub fn find_traces(path: &Path) -> Result<Vec<PathBuf>, TraceError> {
    let io = |source| TraceError::Io {
        path: path.to_owned(),
        source,
    };
    let has_segments = !Segment::list(path).map_err(io)?.is_empty();
    if has_segments || path.join(FACTS).is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        let named_like_a_trace = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(DIRECTORY_PREFIX));
        if named_like_a_trace && entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    if found.is_empty() {
        Err(TraceError::NoTrace(path.to_owned()))
    } else {
        Ok(found)
    }
}

fn first_header(file: &Path) -> Option<Header> {
    let mut header = None;
    read_file(file, &mut Damage::default(), &mut |record| {
        if let Record::Header(found) = record {
            header = Some(*found);
        }
        header.is_none()
    });
    header
}

/// Read at a time; some dozens of lines.
const BUFFER_BYTES: usize = 128 << 10;

/// Calls `visit` with every record of a file until it returns false.
fn read_file(path: &Path, damage: &mut Damage, visit: &mut dyn FnMut(Record) -> bool) {
    // To open a pipe that somebody named like a segment would wait for a writer for ever.
    let Some(file) = path.is_file().then(|| File::open(path).ok()).flatten() else {
        damage.broken_files += 1;
        return;
    };
    let compressed = path.extension().is_some_and(|extension| extension == "zst");
    let source: Box<dyn Read> = if compressed {
        match zstd::stream::read::Decoder::new(file) {
            Ok(decoder) => Box::new(decoder),
            Err(_) => {
                damage.broken_files += 1;
                return;
            }
        }
    } else {
        Box::new(file)
    };
    let mut lines = Lines::new(BufReader::with_capacity(BUFFER_BYTES, source));
    loop {
        match lines.next_line() {
            Ok(Line::Whole(line)) => {
                if let Some(record) = whole(line, damage)
                    && !visit(record)
                {
                    return;
                }
            }
            Ok(Line::TooLong) => damage.bad_lines += 1,
            // A last line without its newline may still be whole: only the newline was lost.
            Ok(Line::Torn(line)) => match parse(line) {
                Parsed::Record(record) => {
                    if !visit(*record) {
                        return;
                    }
                }
                _ => damage.torn_lines += 1,
            },
            Ok(Line::End) => return,
            Err(_) => {
                damage.broken_files += 1;
                return;
            }
        }
    }
}

/// The record of a whole line; what is none is counted, unless it is blank.
fn whole(line: &[u8], damage: &mut Damage) -> Option<Record> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    match parse(line) {
        Parsed::Record(record) => return Some(*record),
        Parsed::UnknownKind => damage.unknown_kinds += 1,
        Parsed::Garbage => damage.bad_lines += 1,
    }
    None
}

enum Parsed {
    Record(Box<Record>),
    UnknownKind,
    Garbage,
}

fn parse(line: &[u8]) -> Parsed {
    /// Enough of a line to tell a newer kind from garbage.
    #[derive(serde::Deserialize)]
    struct Kind {
        kind: String,
    }
    // Nearly all lines are samples, and the writer puts the kind first. Read as what it is, a line need not be buffered to
    // look for its kind; a field that a type does not have, such as the kind itself, is skipped.
    if line.starts_with(br#"{"kind":"sample","#)
        && let Ok(sample) = serde_json::from_slice(line)
    {
        return Parsed::Record(Box::new(Record::Sample(sample)));
    }
    match serde_json::from_slice::<Record>(line) {
        Ok(record) => Parsed::Record(Box::new(record)),
        Err(_) => match serde_json::from_slice::<Kind>(line) {
            Ok(Kind { kind }) if !Record::KINDS.contains(&kind.as_str()) => Parsed::UnknownKind,
            _ => Parsed::Garbage,
        },
    }
}
