//! A table of fixed size from an address to a few words, shared by all threads without a lock.
//!
//! Layout: buckets of eight keys, one cache line each; an address lives in the bucket that its hash names and nowhere
//! else, so a lookup reads one line and there are no tombstones. A full bucket refuses: the caller counts the loss.
//! The table is static and zero, so the kernel backs only the pages that are touched.
//!
//! A key is written last when an entry is put in and cleared first when it is taken out. The allocator hands out an
//! address to one thread at a time, so two threads never put or take the same key at once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

/// Keys in a bucket: 64 bytes.
const SLOTS: usize = 8;

/// Empty.
const FREE: u64 = 0;
/// Claimed by a thread that is still writing the words. Never an address: `malloc` aligns to 16.
const BUSY: u64 = 1;

#[repr(align(64))]
struct Bucket {
    keys: [AtomicU64; SLOTS],
}

/// `BUCKETS` (a power of two) buckets of eight entries with `WORDS` words each.
pub(crate) struct AddressTable<const BUCKETS: usize, const WORDS: usize> {
    buckets: [Bucket; BUCKETS],
    words: [[[AtomicU64; WORDS]; SLOTS]; BUCKETS],
    used: AtomicUsize,
}

impl<const BUCKETS: usize, const WORDS: usize> AddressTable<BUCKETS, WORDS> {
    pub(crate) const fn new() -> Self {
        Self {
            buckets: [const {
                Bucket {
                    keys: [const { AtomicU64::new(FREE) }; SLOTS],
                }
            }; BUCKETS],
            words: [const { [const { [const { AtomicU64::new(0) }; WORDS] }; SLOTS] }; BUCKETS],
            used: AtomicUsize::new(0),
        }
    }

    /// Entries in use.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes of the entries in use.
    pub(crate) fn used_bytes(&self) -> usize {
        self.used() * (1 + WORDS) * size_of::<u64>()
    }

    /// Puts an entry in. False when its bucket is full.
    pub(crate) fn put(&self, address: u64, words: [u64; WORDS]) -> bool {
        let Some((bucket, all_words)) = self.bucket(address) else {
            return false;
        };
        for (key, slot) in bucket.keys.iter().zip(all_words) {
            let claimed = key.load(Ordering::Relaxed) == FREE
                && key
                    .compare_exchange(FREE, BUSY, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if claimed {
                // Whoever reads one of our words then sees that the key has changed, see `for_each`.
                fence(Ordering::Release);
                for (word, value) in slot.iter().zip(words) {
                    word.store(value, Ordering::Relaxed);
                }
                key.store(address, Ordering::Release);
                self.used.fetch_add(1, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// Takes the entry of `address` out.
    #[inline]
    pub(crate) fn take(&self, address: u64) -> Option<[u64; WORDS]> {
        let (bucket, all_words) = self.bucket(address)?;
        let position = bucket
            .keys
            .iter()
            .position(|key| key.load(Ordering::Acquire) == address)?;
        let words = read(all_words.get(position)?);
        let key = bucket.keys.get(position)?;
        key.compare_exchange(address, FREE, Ordering::AcqRel, Ordering::Relaxed)
            .ok()?;
        self.used.fetch_sub(1, Ordering::Relaxed);
        Some(words)
    }

    /// Visits every entry. One that is put in or taken out meanwhile may be seen or not.
    pub(crate) fn for_each(&self, mut visit: impl FnMut([u64; WORDS])) {
        self.for_each_address(|_, words| visit(words));
    }

    /// Visits every entry with its address. One that is put in or taken out meanwhile may be seen or not.
    pub(crate) fn for_each_address(&self, mut visit: impl FnMut(u64, [u64; WORDS])) {
        for (bucket, all_words) in self.buckets.iter().zip(&self.words) {
            for (key, slot) in bucket.keys.iter().zip(all_words) {
                let before = key.load(Ordering::Acquire);
                if before > BUSY {
                    let words = read(slot);
                    // Orders the words before the second look at the key, as in a sequence lock.
                    fence(Ordering::Acquire);
                    // Another block may have taken the slot while its words were read.
                    if key.load(Ordering::Relaxed) == before {
                        visit(before, words);
                    }
                }
            }
        }
    }

    #[inline]
    fn bucket(&self, address: u64) -> Option<(&Bucket, &[[AtomicU64; WORDS]; SLOTS])> {
        /// Fibonacci hashing: the multiplier is 2^64 divided by the golden ratio.
        const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
        let hash = (address >> 4).wrapping_mul(MULTIPLIER) >> 32;
        let index = usize::try_from(hash).ok()? & (BUCKETS - 1);
        Some((self.buckets.get(index)?, self.words.get(index)?))
    }
}

fn read<const WORDS: usize>(slot: &[AtomicU64; WORDS]) -> [u64; WORDS] {
    std::array::from_fn(|index| {
        slot.get(index)
            .map_or(0, |word| word.load(Ordering::Relaxed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn what_was_put_in_is_taken_out_once() {
        static TABLE: AddressTable<64, 2> = AddressTable::new();
        assert!(TABLE.put(4096, [1, 2]));
        assert_eq!(TABLE.take(8192), None);
        assert_eq!(TABLE.take(4096), Some([1, 2]));
        assert_eq!((TABLE.take(4096), TABLE.used()), (None, 0));
    }

    #[test]
    fn a_full_bucket_refuses_and_has_room_again_later() {
        static TABLE: AddressTable<1, 1> = AddressTable::new();
        let addresses: Vec<u64> = (1..=8).map(|n| n * 16).collect();
        assert!(
            addresses
                .iter()
                .all(|&address| TABLE.put(address, [address]))
        );
        assert!(!TABLE.put(1024, [0]));
        assert!(TABLE.take(48).is_some() && TABLE.put(1024, [7]));
        assert_eq!(TABLE.take(1024), Some([7]));
    }

    #[test]
    fn threads_do_not_lose_each_others_entries() {
        static TABLE: AddressTable<1024, 1> = AddressTable::new();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                scope.spawn(move || {
                    let mut mine = HashMap::new();
                    for round in 0..20_000_u64 {
                        let address = ((round % 300) * 4 + thread + 1) * 16;
                        if let Some(value) = mine.remove(&address) {
                            assert_eq!(TABLE.take(address), Some([value]));
                        } else if TABLE.put(address, [round]) {
                            mine.insert(address, round);
                        }
                    }
                    for (address, value) in mine {
                        assert_eq!(TABLE.take(address), Some([value]));
                    }
                });
            }
        });
        assert_eq!(TABLE.used(), 0);
        TABLE.for_each(|_| panic!("an entry was left behind"));
    }
}
