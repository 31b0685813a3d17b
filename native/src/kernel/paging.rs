//! Pages that had to come from a disk: major faults of the process, swapping of the host.

use super::host::page_size_bytes;
use super::kept::KeptFile;
use std::path::Path;

/// One reading, since the process began or the host was booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// `majflt` of `/proc/self/stat`: faults that had to wait for a disk.
    pub major_faults: u64,
    /// `pswpin` of `/proc/vmstat`: read back from swap by the host.
    pub host_swapped_in_bytes: Option<u64>,
    /// `pswpout`: written to swap by the host.
    pub host_swapped_out_bytes: Option<u64>,
}

/// The files, open.
#[derive(Debug)]
pub struct PagingFiles {
    stat: KeptFile,
    vmstat: Option<VmStat>,
}

/// `/proc/vmstat`: some kilobytes that the kernel sums up over all processors, so it is not read at every tick.
#[derive(Debug)]
struct VmStat {
    page_bytes: u64,
}

impl PagingFiles {
    /// Opens them; `None` when `/proc` is not mounted or hides them.
    #[must_use]
    pub fn open() -> Option<Self> {
        Some(Self {
            stat: KeptFile::open(Path::new("/proc/self/stat"))?,
            vmstat: page_size_bytes().map(|page_bytes| VmStat { page_bytes }),
        })
    }

    /// Reads what they say now; the host's figures only `with_host`.
    #[must_use]
    pub fn read(&self, with_host: bool) -> Option<Reading> {
        let vmstat = self.vmstat.as_ref().filter(|_| with_host);
        let swapped = vmstat.and_then(VmStat::read);
        Some(Reading {
            major_faults: self.stat.read(major_faults)?,
            host_swapped_in_bytes: swapped.map(|(bytes, _)| bytes),
            host_swapped_out_bytes: swapped.map(|(_, bytes)| bytes),
        })
    }
}

impl VmStat {
    fn read(&self) -> Option<(u64, u64)> {
        let text = super::read(Path::new("/proc/vmstat"))?;
        let bytes =
            |key| super::keyed(&text, key).map(|pages| pages.saturating_mul(self.page_bytes));
        Some((bytes("pswpin")?, bytes("pswpout")?))
    }
}

/// Field 12, counted from behind the name, which may hold blanks and parentheses. See proc_pid_stat(5).
fn major_faults(text: &str) -> Option<u64> {
    let (_, behind_name) = text.rsplit_once(')')?;
    behind_name.split_ascii_whitespace().nth(9)?.parse().ok()
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = major_faults(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let text = "4711 (odd (name) 7) S 1 4711 4711 0 -1 4194304 32421 0 117 0 264 51 0 0 20 0 31 0 8923";
        assert_eq!(major_faults(text), Some(117));
        assert_eq!(major_faults("4711 (cut) S 1"), None);
    }

    #[test]
    fn this_process_and_its_host_answer() {
        let files = PagingFiles::open().unwrap();
        assert!(files.read(true).unwrap().host_swapped_in_bytes.is_some());
        assert_eq!(files.read(false).unwrap().host_swapped_in_bytes, None);
    }
}
