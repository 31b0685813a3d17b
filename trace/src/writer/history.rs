//! Closed segments: compressed when closed, thinned when room is needed, then removed, oldest first.

use crate::layout::Segment;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// A thinned segment keeps every tenth sample: enough for a trend over days.
const KEPT_SAMPLES: u64 = 10;

/// Fast rather than tight: the agent's CPU budget is small and JSON lines compress about tenfold anyway.
const COMPRESSION_LEVEL: i32 = 1;

/// 128 KiB: bounds the encoder's memory in the host process.
const WINDOW_LOG: u32 = 17;

#[derive(Debug)]
pub(super) struct History {
    directory: PathBuf,
    closed: VecDeque<(Segment, u64)>,
    bytes: u64,
    given_up_bytes: u64,
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

    pub(super) fn add(&mut self, segment: Segment, bytes: u64) {
        self.closed.push_back((segment, bytes));
        self.bytes += bytes;
    }

    /// Compresses the segment that was closed last. On failure it stays as it is.
    pub(super) fn compress_newest(&mut self) {
        let newest = self.closed.len().wrapping_sub(1);
        self.rewrite(
            newest,
            |segment| Segment {
                compressed: true,
                ..segment
            },
            |source, target| io::copy(source, target).map(|_| ()),
        );
    }

    /// Gives back room: thins the oldest segment that is not thinned, or removes the oldest thinned one once those hold
    /// a third of the history. False when nothing is left.
    pub(super) fn shrink(&mut self) -> bool {
        let thinned_bytes: u64 = self
            .closed
            .iter()
            .filter(|(segment, _)| segment.thinned)
            .map(|(_, bytes)| bytes)
            .sum();
        let full = self.closed.iter().position(|(segment, _)| !segment.thinned);
        let Some(full) = full.filter(|_| thinned_bytes <= self.bytes / 3) else {
            return self.remove_oldest();
        };
        let before = self.bytes;
        let thinned = self.rewrite(
            full,
            |segment| Segment {
                thinned: true,
                compressed: true,
                ..segment
            },
            thin,
        );
        if thinned {
            self.given_up_bytes += before.saturating_sub(self.bytes);
            return true;
        }
        self.remove(full)
    }

    /// Removes the oldest segment. False when there is none.
    pub(super) fn remove_oldest(&mut self) -> bool {
        self.remove(0)
    }

    fn remove(&mut self, index: usize) -> bool {
        let Some((segment, bytes)) = self.closed.remove(index) else {
            return false;
        };
        // One that is already gone, or cannot be removed, is forgotten all the same, or room would be sought for ever.
        let _ = std::fs::remove_file(self.directory.join(segment.file_name()));
        self.bytes -= bytes;
        self.given_up_bytes += bytes;
        true
    }

    /// Writes another form of a segment under a temporary name, renames it, removes the old form. A kill in between
    /// leaves both, of which the reader takes one.
    fn rewrite(
        &mut self,
        index: usize,
        form: impl Fn(Segment) -> Segment,
        copy: impl Fn(&mut dyn Read, &mut dyn Write) -> io::Result<()>,
    ) -> bool {
        let Some(&(old, old_bytes)) = self.closed.get(index) else {
            return false;
        };
        let new = form(old);
        if new == old {
            return false;
        }
        let (old_path, new_path) = (
            self.directory.join(old.file_name()),
            self.directory.join(new.file_name()),
        );
        let temporary = self.directory.join(format!("{}.tmp", new.file_name()));
        let written = write_compressed(&old_path, old.compressed, &temporary, copy);
        let renamed =
            written.and_then(|bytes| std::fs::rename(&temporary, &new_path).map(|()| bytes));
        let Ok(new_bytes) = renamed else {
            let _ = std::fs::remove_file(&temporary);
            return false;
        };
        let _ = std::fs::remove_file(&old_path);
        if let Some(entry) = self.closed.get_mut(index) {
            *entry = (new, new_bytes);
        }
        self.bytes = self.bytes - old_bytes + new_bytes;
        true
    }
}

fn write_compressed(
    source: &Path,
    source_is_compressed: bool,
    target: &Path,
    copy: impl Fn(&mut dyn Read, &mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let file = File::open(source)?;
    let mut source: Box<dyn Read> = if source_is_compressed {
        Box::new(zstd::Decoder::new(file)?)
    } else {
        Box::new(file)
    };
    let mut encoder = zstd::Encoder::new(File::create(target)?, COMPRESSION_LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    copy(&mut source, &mut encoder)?;
    Ok(encoder.finish()?.metadata()?.len())
}

/// Copies every line but nine samples in ten.
fn thin(source: &mut dyn Read, target: &mut dyn Write) -> io::Result<()> {
    let mut lines = BufReader::new(source);
    let mut line = Vec::new();
    let mut samples = 0_u64;
    while lines.read_until(b'\n', &mut line)? > 0 {
        let is_sample = line.starts_with(br#"{"kind":"sample""#);
        if !is_sample || samples.is_multiple_of(KEPT_SAMPLES) {
            target.write_all(&line)?;
        }
        samples += u64::from(is_sample);
        line.clear();
    }
    Ok(())
}
