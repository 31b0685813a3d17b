//! `/proc/<pid>/status`: what of the process is resident.
//!
//! Costs about 20 µs whatever the size of the process, so it can be read at every tick; `smaps` cannot. The file is kept
//! open and read anew from its beginning, and only the wanted lines are parsed: reading it through a library that parses
//! all sixty took a quarter of the agent's tick.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The wanted lines come within the first kilobyte; what follows grows with the number of processors.
const READ_BYTES: usize = 4096;

/// One reading, in bytes. See proc_pid_status(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// `VmRSS`.
    pub vm_rss_bytes: u64,
    /// `RssAnon`, since Linux 4.5.
    pub rss_anon_bytes: u64,
    /// `RssFile`, since Linux 4.5.
    pub rss_file_bytes: u64,
    /// `RssShmem`, since Linux 4.5.
    pub rss_shmem_bytes: u64,
    /// `VmSwap`.
    pub vm_swap_bytes: u64,
    /// `Threads`.
    pub threads: u64,
}

/// The file of this process, open.
#[derive(Debug)]
pub struct StatusFile(File);

impl StatusFile {
    /// Opens it; `None` when `/proc` is not mounted or hides it.
    #[must_use]
    pub fn open() -> Option<Self> {
        File::open("/proc/self/status").ok().map(Self)
    }

    /// Reads what it says now.
    #[must_use]
    pub fn read(&self) -> Option<Status> {
        let mut buffer = [0; READ_BYTES];
        let length = self.0.read_at(&mut buffer, 0).ok()?;
        Status::parse(buffer.get(..length)?)
    }
}

impl Status {
    /// Of the process whose directory of `/proc` is given.
    #[must_use]
    pub fn of(process: &Path) -> Option<Self> {
        Self::parse(&std::fs::read(process.join("status")).ok()?)
    }

    /// `None` without `VmRSS`, as of a kernel thread or a process that is ending. Other lines that are absent are 0.
    fn parse(text: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        let mut has_rss = false;
        for line in text.split(|&byte| byte == b'\n') {
            let Some((key, value)) = key_and_number(line) else {
                continue;
            };
            let bytes = value.saturating_mul(1024);
            match key {
                b"VmRSS" => (status.vm_rss_bytes, has_rss) = (bytes, true),
                b"RssAnon" => status.rss_anon_bytes = bytes,
                b"RssFile" => status.rss_file_bytes = bytes,
                b"RssShmem" => status.rss_shmem_bytes = bytes,
                b"VmSwap" => status.vm_swap_bytes = bytes,
                b"Threads" => {
                    status.threads = value;
                    break;
                }
                _ => {}
            }
        }
        has_rss.then_some(status)
    }
}

/// `VmRSS:     1234 kB` as `(VmRSS, 1234)`.
fn key_and_number(line: &[u8]) -> Option<(&[u8], u64)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (key, value) = line.split_at_checked(colon)?;
    let value = std::str::from_utf8(value.get(1..)?).ok()?;
    let number = value.split_ascii_whitespace().next()?.parse().ok()?;
    Some((key, number))
}

#[cfg(fuzzing)]
pub(super) fn fuzz(data: &[u8]) {
    let _ = Status::parse(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_real_file_are_read_in_bytes() {
        let text = b"Name:\tjava: 7\nUmask:\t0022\nState:\tS (sleeping)\nVmPeak:\t 9000 kB\nVmRSS:\t   39648 kB\n\
            RssAnon:\t   17480 kB\nRssFile:\t   22164 kB\nRssShmem:\t       4 kB\nVmSwap:\t       8 kB\nThreads:\t17\nSigQ:\t0/95\n";
        let expected = Status {
            vm_rss_bytes: 39_648 * 1024,
            rss_anon_bytes: 17_480 * 1024,
            rss_file_bytes: 22_164 * 1024,
            rss_shmem_bytes: 4096,
            vm_swap_bytes: 8192,
            threads: 17,
        };
        assert_eq!(Status::parse(text), Some(expected));
    }

    #[test]
    fn a_process_without_memory_has_no_status() {
        assert_eq!(Status::parse(b"Name:\tkthreadd\nThreads:\t1\n"), None);
        assert_eq!(Status::parse(b""), None);
    }

    #[test]
    fn this_process_is_resident_and_its_parts_add_up() {
        let status = StatusFile::open().unwrap().read().unwrap();
        assert!(status.vm_rss_bytes > 1 << 20);
        let parts = status.rss_anon_bytes + status.rss_file_bytes + status.rss_shmem_bytes;
        assert_eq!(status.vm_rss_bytes, parts);
        assert!(status.threads >= 1);
    }
}
