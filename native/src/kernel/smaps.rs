//! `/proc/self/smaps`: every mapping of the process with what of it is resident.
//!
//! The kernel walks the page tables for it, so it costs milliseconds, more with more memory resident. Read through a small
//! buffer: the kernel holds the lock on the address space for one buffer's worth of mappings at a time and lets go of it
//! in between. So the reading is no snapshot, and mappings that change meanwhile are seen as they are when their turn comes.
//!
//! One pass, into buffers that are kept from one reading to the next.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;

/// The kernel's own buffer is a page: more is not given out with one call.
const READ_BYTES: usize = 4096;

/// More mappings than the kernel allows by default (`vm.max_map_count`).
const MOST_MAPPINGS: usize = 1 << 17;

/// Of a line that is longer the beginning counts: a path has at most 4096 bytes.
const LONGEST_LINE: usize = 8192;

/// `r`, `w`, `x` and whether changes are private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four letters of the kernel's, as they are"
)]
pub struct Permissions {
    /// `r`.
    pub read: bool,
    /// `w`.
    pub write: bool,
    /// `x`.
    pub execute: bool,
    /// `p`; otherwise shared.
    pub private: bool,
}

impl Permissions {
    /// Neither read, written nor executed: address space that is reserved, or a guard.
    #[must_use]
    pub fn none(self) -> bool {
        !(self.read || self.write || self.execute)
    }
}

impl std::fmt::Display for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letter = |set, letter| if set { letter } else { '-' };
        write!(
            f,
            "{}{}{}{}",
            letter(self.read, 'r'),
            letter(self.write, 'w'),
            letter(self.execute, 'x'),
            if self.private { 'p' } else { 's' }
        )
    }
}

/// One mapping. See proc_pid_smaps(5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    /// Addresses.
    pub range: Range<u64>,
    /// What may be done with it.
    pub permissions: Permissions,
    /// Offset into the file.
    pub offset: u64,
    /// 0 for memory without a file.
    pub inode: u64,
    /// Where the name is in [`Smaps`].
    name: Range<usize>,
    /// `Rss`, bytes.
    pub rss_bytes: u64,
    /// `Anonymous`, bytes: of a private file mapping, what was written to.
    pub anonymous_bytes: u64,
    /// `Swap`, bytes.
    pub swap_bytes: u64,
    /// `Shared_Hugetlb` and `Private_Hugetlb`, bytes; not in `Rss`.
    pub hugetlb_bytes: u64,
    /// `nr` of `VmFlags`: no swap space was set aside (`MAP_NORESERVE`).
    pub is_noreserve: bool,
    /// `nh` of `VmFlags`: no huge pages; since Linux 6.7 also what `MAP_STACK` asks for.
    pub has_no_huge_pages: bool,
}

impl Mapping {
    /// Length, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Private memory without a file. It may have a name, see [`Smaps::name`].
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.inode == 0 && self.permissions.private
    }
}

/// The mappings of one reading, in the order of their addresses.
#[derive(Debug, Default)]
pub struct Smaps {
    mappings: Vec<Mapping>,
    names: Vec<u8>,
    lines: Vec<u8>,
}

/// The file of this process, kept open.
#[derive(Debug)]
pub struct SmapsFile(File);

impl SmapsFile {
    /// Opens it; `None` when `/proc` is not mounted or hides it.
    #[must_use]
    pub fn open() -> Option<Self> {
        File::open("/proc/self/smaps").ok().map(Self)
    }

    /// Reads it into `smaps`, in place of what was there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn read(&mut self, smaps: &mut Smaps) -> io::Result<()> {
        self.0.rewind()?;
        smaps.clear();
        let mut buffer = [0; READ_BYTES];
        loop {
            let length = self.0.read(&mut buffer)?;
            if length == 0 {
                smaps.finish();
                return Ok(());
            }
            smaps.feed(buffer.get(..length).unwrap_or_default());
        }
    }
}

impl Smaps {
    /// What `text` says, as of the whole file.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut smaps = Self::default();
        smaps.feed(text);
        smaps.finish();
        smaps
    }

    /// The mappings, lowest address first.
    #[must_use]
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// The mapping's name: a path, `[heap]`, `[stack]`, `[anon:…]` or nothing. Bytes that are no text are replaced.
    #[must_use]
    pub fn name(&self, mapping: &Mapping) -> std::borrow::Cow<'_, str> {
        let name = self.names.get(mapping.name.clone()).unwrap_or_default();
        String::from_utf8_lossy(name)
    }

    /// The mapping that holds `address`.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<&Mapping> {
        self.mappings.get(self.position(address)?)
    }

    /// Index of the mapping that holds `address`.
    #[must_use]
    pub fn position(&self, address: u64) -> Option<usize> {
        let after = self
            .mappings
            .partition_point(|mapping| mapping.range.start <= address);
        let index = after.checked_sub(1)?;
        self.mappings
            .get(index)
            .filter(|mapping| mapping.range.contains(&address))
            .map(|_| index)
    }

    /// Sum of `Rss`, bytes.
    #[must_use]
    pub fn rss_bytes(&self) -> u64 {
        self.sum(|mapping| mapping.rss_bytes)
    }

    /// Sum of `value` over the mappings.
    #[must_use]
    pub fn sum(&self, value: impl Fn(&Mapping) -> u64) -> u64 {
        self.mappings
            .iter()
            .fold(0, |sum, mapping| sum.saturating_add(value(mapping)))
    }

    fn clear(&mut self) {
        self.mappings.clear();
        self.names.clear();
        self.lines.clear();
    }

    /// Takes the next piece of the text; what is left of its last line waits for the next.
    fn feed(&mut self, piece: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        if lines.len() < LONGEST_LINE {
            lines.extend_from_slice(piece);
        } else {
            let end = piece.iter().position(|&byte| byte == b'\n');
            lines.extend_from_slice(end.and_then(|end| piece.get(end..)).unwrap_or_default());
        }
        let mut rest = lines.as_slice();
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (line, after) = rest.split_at(end);
            self.line(line);
            rest = after.get(1..).unwrap_or_default();
        }
        let consumed = lines.len() - rest.len();
        lines.drain(..consumed);
        self.lines = lines;
    }

    fn finish(&mut self) {
        let line = std::mem::take(&mut self.lines);
        self.line(&line);
        // In order already, but for what a racing process may have done.
        let start = |mapping: &Mapping| mapping.range.start;
        if !self.mappings.is_sorted_by_key(start) {
            self.mappings.sort_by_key(start);
        }
    }

    fn line(&mut self, line: &[u8]) {
        // A field begins with a capital letter, a mapping with a hexadecimal digit in lower case.
        if line.first().is_some_and(u8::is_ascii_uppercase) {
            if let Some(mapping) = self.mappings.last_mut() {
                field(mapping, line);
            }
        } else if self.mappings.len() < MOST_MAPPINGS
            && let Some((mut mapping, name)) = header(line)
        {
            let start = self.names.len();
            self.names.extend_from_slice(name);
            mapping.name = start..self.names.len();
            self.mappings.push(mapping);
        }
    }
}

/// `7f0000000000-7f0000001000 rw-p 00000000 fe:00 123   /path` with the path.
fn header(line: &[u8]) -> Option<(Mapping, &[u8])> {
    let (range, rest) = word(line)?;
    let (permissions, rest) = word(rest)?;
    let (offset, rest) = word(rest)?;
    let (_device, rest) = word(rest)?;
    let (inode, rest) = word(rest).unwrap_or((rest, &[]));
    let dash = range.iter().position(|&byte| byte == b'-')?;
    let (start, end) = range.split_at(dash);
    let (start, end) = (hexadecimal(start)?, hexadecimal(end.get(1..)?)?);
    let &[read, write, execute, private] = permissions else {
        return None;
    };
    let mapping = Mapping {
        range: start..end,
        permissions: Permissions {
            read: read == b'r',
            write: write == b'w',
            execute: execute == b'x',
            private: private == b'p',
        },
        offset: hexadecimal(offset)?,
        inode: decimal(inode)?,
        ..Mapping::default()
    };
    (start < end).then_some((mapping, rest.trim_ascii_start()))
}

/// `Rss:     8 kB` or `VmFlags: rd wr …`.
fn field(mapping: &mut Mapping, line: &[u8]) {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return;
    };
    let (key, value) = line.split_at(colon);
    let value = value.get(1..).unwrap_or_default();
    let bytes = || {
        let number = word(value).and_then(|(number, _)| decimal(number));
        number.unwrap_or(0).saturating_mul(1024)
    };
    match key {
        b"Rss" => mapping.rss_bytes = bytes(),
        b"Anonymous" => mapping.anonymous_bytes = bytes(),
        b"Swap" => mapping.swap_bytes = bytes(),
        b"Shared_Hugetlb" | b"Private_Hugetlb" => {
            mapping.hugetlb_bytes = mapping.hugetlb_bytes.saturating_add(bytes());
        }
        b"VmFlags" => {
            let has = |flag: &[u8]| value.split(|&byte| byte == b' ').any(|word| word == flag);
            mapping.is_noreserve = has(b"nr");
            mapping.has_no_huge_pages = has(b"nh");
        }
        _ => {}
    }
}

/// The first word and what follows it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace);
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (!word.is_empty()).then_some((word, rest))
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"5607ac1bd000-5607ac204000 rw-p 00000000 00:00 0                          [heap]\n\
        Size:                284 kB\nKernelPageSize:        4 kB\nRss:                 108 kB\nAnonymous:           104 kB\n\
        Private_Hugetlb:       0 kB\nSwap:                  8 kB\nVmFlags: rd wr mr mw me ac \n\
        7fa018021000-7fa01c000000 ---p 00000000 00:00 0 \nRss:                   0 kB\nVmFlags: mr mw me nr \n\
        7fa042000000-7fa042bc7000 rw-p 00001000 fe:00 315157                     /opt/jdk 17/classes.jsa\n\
        Rss:               11788 kB\nVmFlags: rd wr nh\n\
        7fa043000000-7fa043010000 rw-s 00000000 00:01 2048 /memfd:java_heap (deleted)\n";

    #[test]
    fn the_mappings_of_a_real_file_are_read() {
        let smaps = Smaps::parse(TEXT);
        let [heap, reserved, archive, memfd] = smaps.mappings() else {
            panic!("{smaps:?}");
        };
        assert_eq!(heap.range, 0x5607_ac1b_d000..0x5607_ac20_4000);
        assert_eq!((heap.rss_bytes, heap.swap_bytes), (108 << 10, 8 << 10));
        assert_eq!(heap.anonymous_bytes, 104 << 10);
        assert_eq!(smaps.name(heap), "[heap]");
        assert!(heap.is_anonymous() && !heap.is_noreserve);
        assert!(reserved.permissions.none() && reserved.is_noreserve);
        assert_eq!(smaps.name(reserved), "");
        assert_eq!(smaps.name(archive), "/opt/jdk 17/classes.jsa");
        assert_eq!((archive.offset, archive.inode), (0x1000, 315_157));
        assert!(archive.has_no_huge_pages && !archive.is_anonymous());
        assert!(!memfd.permissions.private);
        assert_eq!(memfd.permissions.to_string(), "rw-s");
        assert_eq!(smaps.name(memfd), "/memfd:java_heap (deleted)");
        assert_eq!(smaps.rss_bytes(), (108 + 11_788) << 10);
    }

    #[test]
    fn an_address_finds_its_mapping() {
        let smaps = Smaps::parse(TEXT);
        let at = |address| smaps.at(address).map(|mapping| mapping.range.start);
        assert_eq!(at(0x5607_ac1b_d000), Some(0x5607_ac1b_d000));
        assert_eq!(at(0x5607_ac20_3fff), Some(0x5607_ac1b_d000));
        assert_eq!(at(0x5607_ac20_4000), None);
        assert_eq!(at(0), None);
    }

    #[test]
    fn pieces_of_any_length_give_the_same() {
        let whole = Smaps::parse(TEXT);
        for length in [1, 2, 7, 80, 4096] {
            let mut smaps = Smaps::default();
            TEXT.chunks(length).for_each(|piece| smaps.feed(piece));
            smaps.finish();
            assert_eq!(smaps.mappings(), whole.mappings(), "{length}");
        }
    }

    #[test]
    fn this_process_is_read_twice_with_the_same_buffers() {
        let mut file = SmapsFile::open().unwrap();
        let mut smaps = Smaps::default();
        for _ in 0..2 {
            file.read(&mut smaps).unwrap();
            let stack = smaps.at(std::ptr::from_ref(&smaps).addr() as u64);
            assert!(stack.is_some_and(|mapping| mapping.rss_bytes > 0));
            assert!(smaps.rss_bytes() > 1 << 20);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_failing(text in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let smaps = Smaps::parse(&text);
            for mapping in smaps.mappings() {
                prop_assert!(mapping.range.start < mapping.range.end);
            }
        }

        #[test]
        fn damaged_text_is_read_without_failing(at in 0..TEXT.len(), byte in any::<u8>(), end in 0..TEXT.len()) {
            let mut text = TEXT.to_vec();
            text[at] = byte;
            text.truncate(end);
            let smaps = Smaps::parse(&text);
            prop_assert!(smaps.mappings().len() <= 5);
        }
    }
}
