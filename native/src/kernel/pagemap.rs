//! `/proc/self/pagemap`: which pages of a range are resident.
//!
//! Eight bytes a page, so it is asked only where a mapping has more than one owner.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bit 63 of an entry: the page is in memory.
const PRESENT: u64 = 1 << 63;

/// Bytes of an entry.
const ENTRY: u64 = 8;

/// Entries read with one call: 16 MiB of 4 KiB pages.
const ENTRIES_AT_ONCE: usize = 4096;

/// The file of this process, kept open.
#[derive(Debug)]
pub struct Pagemap {
    file: File,
    page_bytes: u64,
    buffer: Vec<u8>,
}

impl Pagemap {
    /// Opens it; `None` where the kernel does not let us.
    #[must_use]
    pub fn open() -> Option<Self> {
        Some(Self {
            file: File::open("/proc/self/pagemap").ok()?,
            page_bytes: super::host::page_size_bytes()?,
            buffer: Vec::new(),
        })
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    /// Bytes of the pages in memory that lie in `range`, be it only in part. The zero page counts, which `Rss` leaves out.
    #[must_use]
    pub fn resident_bytes(&mut self, range: Range<u64>) -> Option<u64> {
        let mut pages: u64 = 0;
        self.for_each_resident(range, |_| pages += 1)?;
        Some(pages.saturating_mul(self.page_bytes))
    }

    /// Calls `visit` with the address of each page of `range` that is in memory. `None` when the file cannot be read.
    #[must_use]
    pub fn for_each_resident(
        &mut self,
        range: Range<u64>,
        mut visit: impl FnMut(u64),
    ) -> Option<()> {
        let page_bytes = self.page_bytes.max(1);
        let mut page = range.start / page_bytes;
        let end = range.end.div_ceil(page_bytes);
        while page < end {
            let wanted = usize::try_from(end - page).ok()?.min(ENTRIES_AT_ONCE);
            self.buffer.resize(wanted * size_of::<u64>(), 0);
            self.file
                .read_exact_at(&mut self.buffer, page.checked_mul(ENTRY)?)
                .ok()?;
            let (entries, _) = self.buffer.as_chunks();
            for entry in entries {
                if u64::from_ne_bytes(*entry) & PRESENT != 0 {
                    visit(page.saturating_mul(page_bytes));
                }
                page += 1;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_pages_are_resident_and_untouched_ones_are_not() {
        let Some(mut pagemap) = Pagemap::open() else {
            return eprintln!("SKIPPED no pagemap here");
        };
        const PAGES: usize = 5000;
        let page = usize::try_from(pagemap.page_bytes()).unwrap();
        // Zeroed memory of that size comes from the kernel untouched.
        let mut memory = vec![0_u8; PAGES * page];
        let start = (memory.as_ptr().addr() as u64).next_multiple_of(page as u64);
        let range = start..start + ((PAGES - 1) * page) as u64;
        let before = pagemap.resident_bytes(range.clone()).unwrap();
        for touched in 0..10 {
            memory[(100 + touched) * page] = 1;
        }
        let after = pagemap.resident_bytes(range).unwrap();
        assert_eq!(after - before, 10 * page as u64);
    }
}
