//! Closed segments: divided and compressed when closed, their rests removed when room is needed, then what is left, oldest first.
//!
//! A closed segment becomes two files: the thin one with the samples that stay and all other records, and the rest. To thin
//! history later is then to remove a file, which costs the process nothing, and who wants an overview need not read the rests.

use crate::layout::{Form, Segment};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Fast rather than tight: the agent's CPU budget is small and JSON lines compress about tenfold anyway.
const COMPRESSION_LEVEL: i32 = 1;

/// 128 KiB: bounds the encoder's memory in the host process.
const WINDOW_LOG: u32 = 17;

#[derive(Debug)]
pub(super) struct History {
    directory: PathBuf,
    closed: VecDeque<Closed>,
    bytes: u64,
    given_up_bytes: u64,
}

/// One closed segment: its files with their lengths, fuller ones first.
#[derive(Debug)]
struct Closed {
    index: u32,
    files: Vec<(Form, u64)>,
    /// Numbers of the samples that stay when it is thinned, in order.
    kept: Vec<u32>,
}

impl Closed {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }

    fn is_thinned(&self) -> bool {
        self.files.iter().all(|(form, _)| *form == Form::Thin)
    }

    fn position(&self, wanted: Form) -> Option<usize> {
        self.files.iter().position(|(form, _)| *form == wanted)
    }
}

impl History {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            closed: VecDeque::new(),
            bytes: 0,
            given_up_bytes: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn given_up_bytes(&self) -> u64 {
        self.given_up_bytes
    }

    /// Takes over a plain segment that was closed. `kept` are the numbers of the samples that stay when it is thinned, in order.
    pub(super) fn add(&mut self, index: u32, bytes: u64, kept: Vec<u32>) {
        self.closed.push_back(Closed {
            index,
            files: vec![(Form::Plain, bytes)],
            kept,
        });
        self.bytes += bytes;
    }

    /// Divides and compresses the segment that was closed last. On failure it stays as it is.
    pub(super) fn compress_newest(&mut self) {
        let newest = self.closed.len().wrapping_sub(1);
        self.replace_plain(newest, &[Form::Thin, Form::Rest]);
    }

    /// Gives back room: removes the rest of the oldest segment that has one, or the oldest thinned segment once those hold
    /// a third of the history. False when nothing is left.
    pub(super) fn shrink(&mut self) -> bool {
        let thinned = self.closed.iter().filter(|closed| closed.is_thinned());
        let thinned_bytes: u64 = thinned.map(Closed::bytes).sum();
        let full = self.closed.iter().position(|closed| !closed.is_thinned());
        let Some(full) = full.filter(|_| thinned_bytes <= self.bytes / 3) else {
            return self.remove_oldest();
        };
        self.remove_rest(full) || self.thin_plain(full) || self.remove(full)
    }

    /// Removes the oldest segment. False when there is none.
    pub(super) fn remove_oldest(&mut self) -> bool {
        self.remove(0)
    }

    fn remove(&mut self, index: usize) -> bool {
        let Some(closed) = self.closed.remove(index) else {
            return false;
        };
        for &(form, bytes) in &closed.files {
            self.forget(closed.index, form, bytes);
        }
        true
    }

    fn remove_rest(&mut self, index: usize) -> bool {
        let Some(closed) = self.closed.get_mut(index) else {
            return false;
        };
        let Some(rest) = closed.position(Form::Rest) else {
            return false;
        };
        let (form, bytes) = closed.files.remove(rest);
        let segment = closed.index;
        self.forget(segment, form, bytes);
        true
    }

    /// One that is already gone, or cannot be removed, is forgotten all the same, or room would be sought for ever.
    fn forget(&mut self, index: u32, form: Form, bytes: u64) {
        let _ = std::fs::remove_file(self.path(index, form));
        self.bytes -= bytes;
        self.given_up_bytes += bytes;
    }

    /// Thins a segment that could not be divided when it was closed.
    fn thin_plain(&mut self, index: usize) -> bool {
        let before = self.bytes;
        let thinned = self.replace_plain(index, &[Form::Thin]);
        self.given_up_bytes += before.saturating_sub(self.bytes);
        thinned
    }

    /// Writes `forms` of a plain segment under temporary names, renames them, removes the plain file. A kill in between leaves that
    /// beside others, of which the reader takes the plain one alone.
    fn replace_plain(&mut self, index: usize, forms: &[Form]) -> bool {
        let Some(closed) = self.closed.get(index) else {
            return false;
        };
        let Some(plain) = closed.position(Form::Plain) else {
            return false;
        };
        let (segment, plain_bytes) = (closed.index, closed.files[plain].1);
        let plain_path = self.path(segment, Form::Plain);
        let mut files = Vec::with_capacity(forms.len());
        for &form in forms {
            let Ok(bytes) = write_form(&plain_path, &self.path(segment, form), form, &closed.kept)
            else {
                for (form, _) in files {
                    let _ = std::fs::remove_file(self.path(segment, form));
                }
                return false;
            };
            files.push((form, bytes));
        }
        let _ = std::fs::remove_file(&plain_path);
        let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        if let Some(closed) = self.closed.get_mut(index) {
            closed.files = files;
            closed.kept = Vec::new();
        }
        self.bytes = self.bytes - plain_bytes + bytes;
        true
    }

    fn path(&self, index: u32, form: Form) -> PathBuf {
        let segment = Segment::open(index).as_form(form);
        self.directory.join(segment.file_name())
    }
}

/// Writes one form of a plain segment, and says how long it is.
fn write_form(plain: &Path, path: &Path, form: Form, kept: &[u32]) -> io::Result<u64> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let written = write_compressed(plain, &temporary, form, kept)
        .and_then(|bytes| std::fs::rename(&temporary, path).map(|()| bytes));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn write_compressed(plain: &Path, target: &Path, form: Form, kept: &[u32]) -> io::Result<u64> {
    let mut encoder = zstd::Encoder::new(File::create(target)?, COMPRESSION_LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    let mut buffered = BufWriter::new(encoder);
    copy(
        BufReader::new(File::open(plain)?),
        &mut buffered,
        form,
        kept,
    )?;
    let encoder = buffered
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    Ok(encoder.finish()?.metadata()?.len())
}

/// Copies the lines of a segment that belong to a form of it.
fn copy(
    mut lines: impl BufRead,
    target: &mut impl Write,
    form: Form,
    kept: &[u32],
) -> io::Result<()> {
    let mut kept = kept.iter().copied().peekable();
    let mut line = Vec::new();
    let mut number = 0_u32;
    while lines.read_until(b'\n', &mut line)? > 0 {
        let is_sample = line.starts_with(br#"{"kind":"sample""#);
        let is_header = line.starts_with(br#"{"kind":"header""#);
        let stays = !is_sample || kept.next_if_eq(&number).is_some();
        number = number.saturating_add(u32::from(is_sample));
        if is_header || stays == (form == Form::Thin) {
            target.write_all(&line)?;
        }
        line.clear();
    }
    Ok(())
}
