//! Archives of traces or logs, as somebody attaches them to a mail: unpacked into a folder of their own, which goes when they have been read.

use super::InputError;
use super::file::with_head;
use super::foreign::is_tar;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What is unpacked at most: traces are bounded by the agent, a day of logs is less. An archive of more is not meant well.
const LARGEST: u64 = 8 << 30;

/// An archive, unpacked.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    unpacked: TempDir,
}

impl Archive {
    /// Unpacks a tar archive, gzipped or not; `None` for any other file.
    ///
    /// # Errors
    /// [`InputError`] when it is an archive and cannot be unpacked.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, InputError> {
        let broken = |source| InputError::Archive {
            path: path.to_owned(),
            source,
        };
        let Ok(plain) = File::open(path).and_then(unzipped) else {
            // Whoever reads it as a file says why it cannot be read.
            return Ok(None);
        };
        let Ok((head, content)) = with_head(plain) else {
            return Ok(None);
        };
        if !is_tar(&head) {
            return Ok(None);
        }
        let unpacked = tempfile::Builder::new()
            .prefix("flinkmem-archive-")
            .tempdir()
            .map_err(broken)?;
        unpack(content.take(LARGEST), unpacked.path()).map_err(broken)?;
        Ok(Some(Self {
            path: path.to_owned(),
            unpacked,
        }))
    }

    /// The folder with what was in it.
    pub(super) fn folder(&self) -> &Path {
        self.unpacked.path()
    }

    /// A path in the folder as somebody knows it: within the archive.
    pub(super) fn shown(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(self.folder()).ok()?;
        Some(self.path.join(inside))
    }
}

fn unzipped(file: File) -> io::Result<Box<dyn Read>> {
    let (head, whole) = with_head(file)?;
    let is_gzip = head.starts_with(&super::file::GZIP);
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}

/// Files and folders only: a link could lead out of the folder, and no trace has one.
fn unpack(archive: impl Read, folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_dir() {
            // False for a name that leads out of the folder; such a file is left out.
            entry.unpack_in(folder)?;
        }
    }
    Ok(())
}
