//! A file that grows by whole lines.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct AppendFile {
    file: File,
    path: PathBuf,
    bytes: u64,
    /// The last write was cut short, so the file may end in the middle of a line.
    torn: bool,
}

impl AppendFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(path)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            bytes: 0,
            torn: false,
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `line` and a newline with one `write`. `line` comes back as it was.
    pub(super) fn append_line(&mut self, line: &mut Vec<u8>) -> io::Result<()> {
        let repair = self.torn;
        if repair {
            // Keeps the torn line from swallowing this one; the reader counts it as damage.
            line.insert(0, b'\n');
        }
        line.push(b'\n');
        let written = self.write_once(line);
        line.pop();
        if repair {
            line.remove(0);
        }
        written
    }

    fn write_once(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.bytes += u64::try_from(written).unwrap_or(0);
        let whole = written == bytes.len();
        // A write of nothing leaves the end of the file as it was.
        self.torn = !whole && (written > 0 || self.torn);
        if whole {
            Ok(())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
}
