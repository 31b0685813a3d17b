//! HotSpot's performance data: named counters and words in one piece of memory, which `jstat` maps and which is updated in
//! place. Reading one is a load, so it may be done in callbacks that may call nothing.
//!
//! It is found by HotSpot's own pointer to it, proven by its magic and version, and stays mapped until the process ends.
//! Absent with `-XX:-UsePerfData`; present with `-XX:+PerfDisableSharedMem` and where `/tmp` cannot be written.
//!
//! # Safety
//! The memory is HotSpot's and lives as long as the process. Others write to it while it is read: counters are read as
//! atomics, words byte by byte, and a word that is just changing is at worst misspelt.
#![allow(unsafe_code)]

use super::vm_structs::VmStructs;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Bytes `CA FE C0 C0`, in this order on every machine.
const MAGIC: [u8; 4] = [0xCA, 0xFE, 0xC0, 0xC0];
const PROLOGUE_BYTES: usize = 32;
/// Far more than the JVM's default of 32 KiB.
const MOST_BYTES: usize = 1 << 20;
const MOST_ENTRIES: i32 = 10_000;

/// A counter.
#[derive(Debug, Clone, Copy)]
pub struct PerfCounter(&'static AtomicU64);

impl PerfCounter {
    /// Its value now.
    #[inline]
    #[must_use]
    pub fn read(self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A word that changes, ended by a zero or by its room.
#[derive(Debug, Clone, Copy)]
pub struct PerfWord(&'static [AtomicU8]);

impl PerfWord {
    /// Its letters now.
    #[inline]
    pub fn letters(self) -> impl Iterator<Item = u8> {
        let letters = self.0.iter().map(|letter| letter.load(Ordering::Relaxed));
        letters.take_while(|&letter| letter != 0)
    }

    /// The word now.
    #[must_use]
    pub fn text(self) -> String {
        String::from_utf8_lossy(&self.letters().collect::<Vec<u8>>()).into_owned()
    }
}

/// The memory, and where in it each name is.
#[derive(Debug)]
pub struct PerfData {
    start: *const u8,
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    /// Letters of a word, 0 for a number.
    length: usize,
    kind: u8,
    at: usize,
}

impl PerfData {
    /// Finds it; `None` when this JVM keeps none, or lays it out otherwise.
    #[must_use]
    pub fn find() -> Option<Self> {
        let field = VmStructs::find()?.address(c"PerfMemory", c"_start")?;
        let field = usize::try_from(field).ok()? as *const *const u8;
        // SAFETY: a static field of type `char*`, in every release that has it.
        let start = unsafe { field.read() };
        if start.is_null() || !start.addr().is_multiple_of(8) {
            return None;
        }
        // SAFETY: HotSpot's performance memory, which begins with its prologue.
        let prologue = unsafe { copy(start, PROLOGUE_BYTES) };
        let used = used_bytes(&prologue)?;
        // SAFETY: as above; the prologue says that this much is in use.
        let memory = unsafe { copy(start, used) };
        Some(Self {
            start,
            entries: entries(&memory)?,
        })
    }

    /// The counter `name`.
    #[must_use]
    pub fn counter(&self, name: &str) -> Option<PerfCounter> {
        let entry = self.entry(name, b'J')?;
        let is_number = entry.length == 0 && entry.at.is_multiple_of(8);
        // SAFETY: eight aligned bytes within the memory, which `entries` checked; see the module.
        is_number.then(|| PerfCounter(unsafe { &*self.start.add(entry.at).cast::<AtomicU64>() }))
    }

    /// The word `name`.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<PerfWord> {
        let entry = self.entry(name, b'B').filter(|entry| entry.length > 0)?;
        // SAFETY: bytes within the memory, which `entries` checked; see the module.
        let letters = unsafe {
            std::slice::from_raw_parts(self.start.add(entry.at).cast::<AtomicU8>(), entry.length)
        };
        Some(PerfWord(letters))
    }

    fn entry(&self, name: &str, kind: u8) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.name == name && entry.kind == kind)
    }
}

/// # Safety
/// `length` bytes from `start` on are mapped.
unsafe fn copy(start: *const u8, length: usize) -> Vec<u8> {
    let byte = |at| {
        // SAFETY: the caller's promise; volatile, for the JVM writes to it meanwhile.
        unsafe { start.add(at).read_volatile() }
    };
    (0..length).map(byte).collect()
}

/// Bytes in use, if the prologue is one that we understand: version 2.0 in this machine's byte order, complete.
fn used_bytes(prologue: &[u8]) -> Option<usize> {
    let little_endian = u8::from(cfg!(target_endian = "little"));
    let understood =
        prologue.starts_with(&MAGIC) && prologue.get(4..8) == Some(&[little_endian, 2, 0, 1]);
    let used = usize::try_from(int(prologue, 8)?).ok()?;
    (understood && (PROLOGUE_BYTES..=MOST_BYTES).contains(&used)).then_some(used)
}

fn entries(memory: &[u8]) -> Option<Vec<Entry>> {
    let mut at = usize::try_from(int(memory, 24)?).ok()?;
    let count = int(memory, 28).filter(|count| (0..=MOST_ENTRIES).contains(count))?;
    let mut entries = Vec::new();
    for _ in 0..count {
        // The JVM may have added one since it said how much is in use.
        let Some((entry, length)) = entry(memory, at) else {
            break;
        };
        entries.push(entry);
        at = at.checked_add(length)?;
    }
    Some(entries)
}

/// The entry at `start`, and its length.
fn entry(memory: &[u8], start: usize) -> Option<(Entry, usize)> {
    let size = |offset| usize::try_from(int(memory, start.checked_add(offset)?)?).ok();
    let length = size(0).filter(|&length| length > 20)?;
    let whole = memory.get(start..start.checked_add(length)?)?;
    let name = whole.get(size(4)?..)?.split(|&letter| letter == 0).next()?;
    let (letters, kind, data) = (size(8)?, *whole.get(12)?, size(16)?);
    let data_bytes = if kind == b'J' { 8 } else { letters };
    whole.get(data..data.checked_add(data_bytes)?)?;
    let entry = Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        length: letters,
        kind,
        at: start + data,
    };
    Some((entry, length))
}

fn int(memory: &[u8], at: usize) -> Option<i32> {
    let bytes = memory.get(at..at.checked_add(4)?)?;
    Some(i32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A prologue and two entries, laid out as HotSpot's perfMemory.hpp says.
    fn memory() -> Vec<u8> {
        let mut memory = Vec::from(MAGIC);
        memory.extend([u8::from(cfg!(target_endian = "little")), 2, 0, 1]);
        let header = |memory: &mut Vec<u8>, values: &[i32]| {
            memory.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
        };
        header(&mut memory, &[112, 0, 0, 0, 32, 2]);
        header(&mut memory, &[40, 20, 0]);
        memory.extend(*b"J\0\x01\x03");
        header(&mut memory, &[32]);
        memory.extend(*b"sun.a.count\0");
        memory.extend(7_u64.to_ne_bytes());
        header(&mut memory, &[40, 20, 8]);
        memory.extend(*b"B\0\x05\x03");
        header(&mut memory, &[32]);
        memory.extend(*b"sun.a.cause\0No GC\0\0\0");
        memory
    }

    #[test]
    fn names_are_found_where_the_entries_say() {
        let memory = memory();
        assert_eq!(used_bytes(&memory), Some(memory.len()));
        let found = entries(&memory).unwrap();
        let expected = |name: &str, length, kind, at| Entry {
            name: name.to_owned(),
            length,
            kind,
            at,
        };
        assert_eq!(
            found,
            [
                expected("sun.a.count", 0, b'J', 64),
                expected("sun.a.cause", 8, b'B', 104)
            ]
        );
        assert_eq!(memory[64..72], 7_u64.to_ne_bytes());
        assert!(memory[104..].starts_with(b"No GC\0"));
    }

    #[test]
    fn another_layout_and_cut_memory_are_refused() {
        let whole = memory();
        let mut other = whole.clone();
        other[5] = 3;
        assert_eq!(used_bytes(&other), None, "version 3");
        assert_eq!(used_bytes(&[]), None);
        for length in 0..whole.len() {
            let found = entries(&whole[..length]).unwrap_or_default();
            assert!(found.len() < 2, "{length}");
        }
    }
}
