//! A small kernel file that is kept open and read anew from its beginning: opening costs more than reading.
//!
//! A file of `/proc` or of a cgroup makes its content when it is read from offset 0, so one open file serves for ever. Of
//! a cgroup that was removed reading fails, as opening would.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Content beyond this is not seen. The longest of these files, version 2's `memory.stat`, is a third of it.
const READ_BYTES: usize = 4096;

/// An open kernel file.
#[derive(Debug)]
pub(crate) struct KeptFile(File);

impl KeptFile {
    /// Opens it; `None` when it does not exist or may not be read.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        File::open(path).ok().map(Self)
    }

    /// What `parse` makes of the content now.
    pub(crate) fn read<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut buffer = [0; READ_BYTES];
        let length = self.0.read_at(&mut buffer, 0).ok()?;
        parse(std::str::from_utf8(buffer.get(..length)?).ok()?)
    }

    /// The one number in the file; `None` also for `max`, the kernel's word for "no limit".
    pub(crate) fn number(&self) -> Option<u64> {
        self.read(|text| text.trim().parse().ok())
    }

    /// The value of `key` in a file of `key value` lines.
    pub(crate) fn keyed(&self, key: &str) -> Option<u64> {
        self.read(|text| super::keyed(text, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_the_file_says_now() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pids.current");
        assert!(KeptFile::open(&path).is_none());
        std::fs::write(&path, "12\n").unwrap();
        let file = KeptFile::open(&path).unwrap();
        assert_eq!(file.number(), Some(12));
        std::fs::write(&path, "max\n").unwrap();
        assert_eq!(file.number(), None);
        std::fs::write(&path, "low 0\nmax 7\n").unwrap();
        assert_eq!(file.keyed("max"), Some(7));
    }
}
