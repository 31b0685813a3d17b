//! A trace that is read while it is written: every record once, whatever becomes of its files meanwhile.
//!
//! ```text
//!   samples-000006.thin, .rest    closed before we came: `history`, not read here
//!   samples-000007.jsonl          ── taken ──┤offset├── new ──┤├ torn: left until it is whole
//!   samples-000007.thin, .rest    what became of it: read once more, and what was taken is skipped
//!   samples-000008.jsonl          the next, from its begin
//! ```
//! No file stays open from one look to the next. The agent closes a segment some time between two looks, so its closed forms are what tells the end
//! of it; they hold the same records in two files: samples, which have a time each, and the others, which keep their order.

use super::lines::{Line, Lines};
use super::{BUFFER_BYTES, Damage, Parsed, TraceError, TraceReader, parse, read_file, whole};
use crate::Record;
use crate::layout::{FACTS, Form, Segment};
use std::fs::{File, Metadata};
use std::io::{self, BufReader, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The agent may close a segment between listing and opening. It closes one in minutes, so once more is enough.
const ATTEMPTS: u32 = 3;

/// A trace, and how much of it was read.
#[derive(Debug)]
pub struct GrowingTrace {
    directory: PathBuf,
    history: TraceReader,
    facts: GrowingFile,
    segment: GrowingSegment,
    damage: Damage,
}

/// What became of a trace since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// Nothing was written.
    None,
    /// There were new records, and they were handed out.
    Grew,
    /// A file is shorter than what was read of it, or another one: a copy was made over the trace. Open it anew and forget what was read.
    Replaced,
}

impl GrowingTrace {
    /// Opens the trace in `directory`. Nothing but its header is read yet.
    ///
    /// # Errors
    /// As [`TraceReader::open`].
    pub fn open(directory: &Path) -> Result<Self, TraceError> {
        let all = TraceReader::open(directory)?;
        let newest = all.newest_segment().unwrap_or(0);
        let is_old = |segment: Segment| segment.index < newest;
        Ok(Self {
            directory: directory.to_owned(),
            history: all.only(|file| file.segment().is_some_and(is_old)),
            facts: GrowingFile::default(),
            segment: GrowingSegment::begin(newest),
            damage: Damage::default(),
        })
    }

    /// The segments that were closed when the trace was opened. [`Self::advance`] never comes to them.
    #[must_use]
    pub fn history(&self) -> &TraceReader {
        &self.history
    }

    /// What had to be skipped so far; torn last lines are those that are torn now.
    #[must_use]
    pub fn damage(&self) -> Damage {
        let torn = [&self.facts, &self.segment.file];
        let torn = torn.into_iter().filter(|file| file.is_torn).count();
        Damage {
            torn_lines: self.damage.torn_lines + u64::try_from(torn).unwrap_or(0),
            ..self.damage
        }
    }

    /// Calls `visit` with each record that was written since, facts first, but the repeated headers.
    ///
    /// # Errors
    /// [`TraceError`] when the directory is gone or a file cannot be read. What was handed out before is not handed out again.
    pub fn advance(&mut self, mut visit: impl FnMut(Record)) -> Result<Growth, TraceError> {
        let mut records = 0_u64;
        let mut take = |record: Record| {
            if !matches!(record, Record::Header(_)) {
                records += 1;
                visit(record);
            }
        };
        let facts = self.directory.join(FACTS);
        let read = self.facts.read_on(&facts, &mut self.damage, &mut take);
        if read.map_err(at(&facts))? == Read::Replaced {
            return Ok(Growth::Replaced);
        }
        for _ in 0..ATTEMPTS {
            match self.read_segments(&mut take)? {
                // It is closed now, under another name.
                Read::Missing => {}
                Read::Replaced => return Ok(Growth::Replaced),
                Read::ToTheEnd => break,
            }
        }
        Ok(match records {
            0 => Growth::None,
            _ => Growth::Grew,
        })
    }

    fn read_segments(&mut self, take: &mut dyn FnMut(Record)) -> Result<Read, TraceError> {
        // Listed before anything is read: what has a successor by now grows no more.
        let listed = Segment::list_once(&self.directory).map_err(at(&self.directory))?;
        let newest = listed.last().map_or(0, |segment| segment.index);
        let unread = listed.chunk_by(|one, next| one.index == next.index);
        for forms in unread {
            let Some(first) = forms.first().filter(|it| it.index >= self.segment.index) else {
                continue;
            };
            if first.index > self.segment.index {
                self.go_on_with(first.index);
            }
            if first.form == Form::Plain {
                let path = self.directory.join(first.file_name());
                let read = self.segment.read_on(&path, &mut self.damage, take);
                match read.map_err(at(&path))? {
                    Read::ToTheEnd => {}
                    other => return Ok(other),
                }
            } else {
                let damage = self.segment.read_closed(&self.directory, forms, take);
                self.damage.add(damage);
            }
            if first.index < newest || first.form != Form::Plain {
                self.go_on_with(first.index.saturating_add(1));
            }
        }
        Ok(Read::ToTheEnd)
    }

    fn go_on_with(&mut self, index: u32) {
        self.damage.torn_lines += u64::from(self.segment.file.is_torn);
        self.segment = GrowingSegment::begin(index);
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> TraceError {
    let path = path.to_owned();
    move |source| TraceError::Io {
        path: path.clone(),
        source,
    }
}

/// The segment that is read now, and what was taken of it.
#[derive(Debug, Default)]
struct GrowingSegment {
    index: u32,
    file: GrowingFile,
    last_sample_up_ms: Option<u64>,
    other_records: u64,
}

impl GrowingSegment {
    fn begin(index: u32) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }

    fn read_on(
        &mut self,
        path: &Path,
        damage: &mut Damage,
        take: &mut dyn FnMut(Record),
    ) -> io::Result<Read> {
        let (last, others) = (&mut self.last_sample_up_ms, &mut self.other_records);
        self.file.read_on(path, damage, &mut |record| {
            match &record {
                Record::Sample(sample) => *last = (*last).max(Some(sample.up_ms)),
                Record::Header(_) => {}
                _ => *others += 1,
            }
            take(record);
        })
    }

    /// Reads what became of the segment but for what was taken of its plain form.
    fn read_closed(
        &mut self,
        directory: &Path,
        forms: &[Segment],
        take: &mut dyn FnMut(Record),
    ) -> Damage {
        // The last line is whole in the closed form if it ever became so.
        self.file.is_torn = false;
        let was_begun = self.file.offset > 0;
        let mut others = self.other_records;
        let mut damage = Damage::default();
        for form in forms {
            let path = directory.join(form.file_name());
            read_file(&path, &mut damage, &mut |record| {
                let was_taken = match &record {
                    Record::Sample(sample) => Some(sample.up_ms) <= self.last_sample_up_ms,
                    Record::Header(_) => true,
                    _ if others > 0 => {
                        others -= 1;
                        true
                    }
                    _ => false,
                };
                if !was_taken {
                    take(record);
                }
                true
            });
        }
        // What was damaged at its begin was counted when it was read there.
        if was_begun { Damage::default() } else { damage }
    }
}

/// A file that grows by whole lines.
#[derive(Debug, Default)]
struct GrowingFile {
    /// Where the first line begins that was not taken.
    offset: u64,
    /// Device and number of the file that was read.
    identity: Option<(u64, u64)>,
    /// The file ended in the middle of a line.
    is_torn: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    ToTheEnd,
    Missing,
    Replaced,
}

impl GrowingFile {
    fn read_on(
        &mut self,
        path: &Path,
        damage: &mut Damage,
        take: &mut dyn FnMut(Record),
    ) -> io::Result<Read> {
        let Some(metadata) = regular_file(path)? else {
            return Ok(Read::Missing);
        };
        let identity = (metadata.dev(), metadata.ino());
        let is_another = self.identity.is_some_and(|known| known != identity);
        if is_another || metadata.len() < self.offset {
            return Ok(Read::Replaced);
        }
        self.identity = Some(identity);
        if metadata.len() == self.offset {
            self.is_torn = false;
            return Ok(Read::ToTheEnd);
        }
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Read::Missing),
            other => other?,
        };
        file.seek(SeekFrom::Start(self.offset))?;
        self.take_lines(BufReader::with_capacity(BUFFER_BYTES, file), damage, take)?;
        Ok(Read::ToTheEnd)
    }

    fn take_lines(
        &mut self,
        source: BufReader<File>,
        damage: &mut Damage,
        take: &mut dyn FnMut(Record),
    ) -> io::Result<()> {
        let begin = self.offset;
        let mut lines = Lines::new(source);
        loop {
            let record = match lines.next_line()? {
                Line::Whole(line) => whole(line, damage),
                Line::TooLong => {
                    damage.bad_lines += 1;
                    None
                }
                // It may lack but its newline; what is not whole is read again when it has grown.
                Line::Torn(line) => match parse(line) {
                    Parsed::Record(record) => Some(*record),
                    _ => {
                        self.is_torn = true;
                        return Ok(());
                    }
                },
                Line::End => {
                    self.is_torn = false;
                    return Ok(());
                }
            };
            self.offset = begin + lines.consumed();
            record.into_iter().for_each(&mut *take);
        }
    }
}

/// What is said of a regular file; `None` when there is none of that name. To open a pipe would be to wait for a writer.
fn regular_file(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file().then_some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
