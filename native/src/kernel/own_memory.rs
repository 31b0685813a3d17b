//! Reading this process's own memory where it may vanish meanwhile: the kernel copies it and says when it is gone.
//!
//! `/proc/self/mem` is read where it can be opened, for sandboxes more often forbid `process_vm_readv`, which is asked
//! otherwise. A read costs about half a microsecond.

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt;

/// A way to read.
#[derive(Debug)]
pub struct OwnMemory {
    file: Option<File>,
    id: Pid,
}

impl OwnMemory {
    /// Finds out how it can be read.
    #[must_use]
    pub fn open() -> Self {
        Self {
            file: File::open("/proc/self/mem").ok(),
            id: Pid::this(),
        }
    }

    /// Fills `buffer` from `address`; `None` when not all of it is there.
    #[must_use]
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> Option<()> {
        let length = buffer.len();
        // Beyond what a file's offset can say there is only the kernel.
        let end = address.checked_add(u64::try_from(length).ok()?)?;
        i64::try_from(end).ok()?;
        let read = match &self.file {
            Some(file) => file.read_at(buffer, address).ok()?,
            None => {
                let remote = RemoteIoVec {
                    base: usize::try_from(address).ok()?,
                    len: length,
                };
                process_vm_readv(self.id, &mut [IoSliceMut::new(buffer)], &[remote]).ok()?
            }
        };
        (read == length).then_some(())
    }

    /// The eight bytes at `address`.
    #[must_use]
    pub fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes)?;
        Some(u64::from_ne_bytes(bytes))
    }

    /// The words from `address` on.
    #[must_use]
    pub fn words<const N: usize>(&self, address: u64) -> Option<[u64; N]> {
        let mut bytes = [[0; 8]; N];
        self.read(address, bytes.as_flattened_mut())?;
        Some(bytes.map(u64::from_ne_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_read_what_is_there_and_refuse_what_is_not() {
        let words = [7_u64, 8, 9];
        let address = words.as_ptr().addr() as u64;
        let by_file = OwnMemory::open();
        let by_call = OwnMemory {
            file: None,
            id: Pid::this(),
        };
        for memory in [by_file, by_call] {
            assert_eq!(memory.word(address), Some(7), "{memory:?}");
            assert_eq!(memory.words(address), Some(words), "{memory:?}");
            for gone in [0, 4096, u64::MAX - 4, u64::MAX / 2] {
                assert_eq!(memory.word(gone), None, "{memory:?} {gone:x}");
            }
        }
    }
}
