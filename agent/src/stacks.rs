//! Distinct call stacks of whatever is attributed to call sites, in one table of fixed size: a stack is named once and
//! known to the trace as a site.
//!
//! Layout: buckets of eight entries, found by the stack's hash. An entry keeps the raw frames until the agent's thread
//! has named them, and the site id under which the trace knows them. When three quarters are in use, entries without a
//! live block that were not seen for a while are given back: class loaders of restarted jobs bring ever new stacks.

use flinkmem_native::jvm::{RawFrame, StackBuffer};
use flinkmem_native::kernel::huge_pages;
use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

const BUCKETS: usize = 512;
const SLOTS: usize = 8;
/// Stacks that can be told apart at once.
pub(crate) const STACKS: usize = BUCKETS * SLOTS;

/// Stands for a stack that found no room. No index of the table.
pub(crate) const UNKNOWN: u32 = u32::MAX;

const FREE: u64 = 0;

struct Entry {
    /// Hash of the frames, `FREE` when unused.
    hash: AtomicU64,
    /// Frames that are filled in; 0 while the entry is being written.
    length: AtomicUsize,
    truncated: AtomicU32,
    /// Identity in the trace; 0 until the agent's thread has written the site.
    site: AtomicU32,
    /// Whose memory it allocates, as the agent's thread has named it; 0 until then.
    owner: AtomicU32,
    /// The agent's tick at which the stack was last seen.
    seen: AtomicU32,
    methods: [AtomicU64; StackBuffer::DEPTH],
    locations: [AtomicI64; StackBuffer::DEPTH],
}

impl Entry {
    const fn new() -> Self {
        Self {
            hash: AtomicU64::new(FREE),
            length: AtomicUsize::new(0),
            truncated: AtomicU32::new(0),
            site: AtomicU32::new(0),
            owner: AtomicU32::new(0),
            seen: AtomicU32::new(0),
            methods: [const { AtomicU64::new(0) }; StackBuffer::DEPTH],
            locations: [const { AtomicI64::new(0) }; StackBuffer::DEPTH],
        }
    }
}

static TABLE: [Entry; STACKS] = [const { Entry::new() }; STACKS];
static USED: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static TICK: AtomicU32 = AtomicU32::new(0);

/// Prepares the table.
pub(crate) fn prepare() {
    huge_pages::avoid(&TABLE);
}

/// Index of `stack` in the table, put in if it is new; [`UNKNOWN`] when there is no room.
pub(crate) fn intern(stack: &StackBuffer) -> u32 {
    if stack.frames().is_empty() {
        return UNKNOWN;
    }
    let place = place(hash(stack), stack);
    let Some((index, entry)) = place.and_then(|index| Some((index, TABLE.get(index)?))) else {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return UNKNOWN;
    };
    entry
        .seen
        .store(TICK.load(Ordering::Relaxed), Ordering::Relaxed);
    u32::try_from(index).unwrap_or(UNKNOWN)
}

/// Where `stack` is, put in if it is new. All of the bucket is searched before a free entry is taken: one that was given
/// back may stand before the stack's own.
fn place(hash: u64, stack: &StackBuffer) -> Option<usize> {
    let bucket = usize::try_from(hash >> 32).unwrap_or(0) % BUCKETS * SLOTS;
    let mut slots = bucket..bucket + SLOTS;
    slots
        .clone()
        .find(|&index| holds(index, hash))
        .or_else(|| slots.find(|&index| claim(index, hash, stack)))
}

fn holds(index: usize, hash: u64) -> bool {
    TABLE
        .get(index)
        .is_some_and(|entry| entry.hash.load(Ordering::Acquire) == hash)
}

/// Takes a free entry for `stack`. Also true when another thread has just taken it for the same stack.
fn claim(index: usize, hash: u64, stack: &StackBuffer) -> bool {
    let Some(entry) = TABLE.get(index) else {
        return false;
    };
    let claimed = entry
        .hash
        .compare_exchange(FREE, hash, Ordering::AcqRel, Ordering::Acquire);
    if claimed.is_ok() {
        fill(entry, stack);
    }
    claimed.is_ok() || claimed == Err(hash)
}

fn fill(entry: &Entry, stack: &StackBuffer) {
    for ((method, location), frame) in entry
        .methods
        .iter()
        .zip(&entry.locations)
        .zip(stack.frames())
    {
        method.store(frame.method as u64, Ordering::Relaxed);
        location.store(frame.location, Ordering::Relaxed);
    }
    entry
        .truncated
        .store(u32::from(stack.truncated()), Ordering::Relaxed);
    entry.site.store(0, Ordering::Relaxed);
    entry.owner.store(0, Ordering::Relaxed);
    // Before the length makes the entry valid, or it could be given back at once as long unseen.
    entry
        .seen
        .store(TICK.load(Ordering::Relaxed), Ordering::Relaxed);
    entry.length.store(stack.frames().len(), Ordering::Release);
    USED.fetch_add(1, Ordering::Relaxed);
    NEW.store(true, Ordering::Release);
}

/// FNV-1a over method and location; never [`FREE`].
fn hash(stack: &StackBuffer) -> u64 {
    let mut hasher = Fnv(0xCBF2_9CE4_8422_2325);
    for frame in stack.frames() {
        hasher.write_usize(frame.method);
        hasher.write_i64(frame.location);
    }
    // The low bits of FNV are weak and the bucket comes from the high ones; fold.
    (hasher.finish() ^ (hasher.finish() << 32)).max(1)
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

/// A stack that the trace does not know yet.
pub(crate) struct NewStack {
    pub(crate) index: u32,
    pub(crate) frames: Vec<RawFrame>,
    pub(crate) truncated: bool,
}

/// Whether a stack was put in since the agent's thread last looked: looking costs a cache line for each entry.
static NEW: AtomicBool = AtomicBool::new(false);

/// At most `most` stacks without a site id, for the agent's thread to name while their classes are still loaded.
pub(crate) fn without_site(most: usize) -> Vec<NewStack> {
    if !NEW.swap(false, Ordering::Acquire) {
        return Vec::new();
    }
    let found = look_for_new(most);
    if found.len() == most {
        NEW.store(true, Ordering::Release);
    }
    found
}

fn look_for_new(most: usize) -> Vec<NewStack> {
    let is_new = |entry: &&Entry| {
        entry.length.load(Ordering::Acquire) > 0 && entry.site.load(Ordering::Relaxed) == 0
    };
    TABLE
        .iter()
        .enumerate()
        .filter(|(_, entry)| is_new(entry))
        .take(most)
        .filter_map(|(index, entry)| {
            let length = entry.length.load(Ordering::Acquire);
            let frames = entry.methods.iter().zip(&entry.locations).take(length).map(
                |(method, location)| RawFrame {
                    method: usize::try_from(method.load(Ordering::Relaxed)).unwrap_or(0),
                    location: location.load(Ordering::Relaxed),
                },
            );
            let truncated = entry.truncated.load(Ordering::Relaxed) != 0;
            Some(NewStack {
                index: u32::try_from(index).ok()?,
                frames: frames.collect(),
                truncated,
            })
        })
        .collect()
}

/// Remembers under which id the trace knows a stack, and whose memory it allocates.
pub(crate) fn set_site(index: u32, site: u32, owner: u32) {
    if let Some(entry) = entry(index) {
        entry.owner.store(owner, Ordering::Relaxed);
        entry.site.store(site, Ordering::Relaxed);
    }
}

/// Whose memory a stack allocates; 0 when it is not known.
pub(crate) fn owner(index: u32) -> u32 {
    entry(index).map_or(0, |entry| entry.owner.load(Ordering::Relaxed))
}

/// The id under which the trace knows a stack; 0 for none.
pub(crate) fn site(index: u32) -> u32 {
    entry(index).map_or(0, |entry| entry.site.load(Ordering::Relaxed))
}

fn entry(index: u32) -> Option<&'static Entry> {
    TABLE.get(usize::try_from(index).ok()?)
}

/// Stacks that found no room so far.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Keeps a stack in the table although no off-heap block refers to it: whoever holds an index of its own says so at
/// least every [`IDLE_TICKS`] ticks.
pub(crate) fn still_used(index: u32) {
    if let Some(entry) = entry(index) {
        entry
            .seen
            .store(TICK.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// Bytes of the entries in use.
pub(crate) fn used_bytes() -> usize {
    USED.load(Ordering::Relaxed) * size_of::<Entry>()
}

/// Called once a tick by the agent's thread. When the table is nearly full, entries that `is_live` denies and that were
/// not seen for [`IDLE_TICKS`] are given back.
pub(crate) fn tick(is_live: impl Fn(u32) -> bool) {
    let now = TICK.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    if USED.load(Ordering::Relaxed) < STACKS / 4 * 3 {
        return;
    }
    for (index, entry) in TABLE.iter().enumerate() {
        let used = entry.length.load(Ordering::Acquire) > 0;
        let idle = now.wrapping_sub(entry.seen.load(Ordering::Relaxed)) > IDLE_TICKS;
        if used && idle && u32::try_from(index).is_ok_and(|index| !is_live(index)) {
            entry.length.store(0, Ordering::Relaxed);
            entry.hash.store(FREE, Ordering::Release);
            USED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Far longer than a thread takes from finding its stack here to putting its block into the table of live blocks.
const IDLE_TICKS: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_found_behind_an_entry_that_was_given_back() {
        let stack = StackBuffer::default();
        let [first, second] = [1, 2].map(|low| (7 << 32) | low);
        let given_back = place(first, &stack).unwrap();
        let kept = place(second, &stack).unwrap();
        assert!(given_back < kept);
        TABLE[given_back].hash.store(FREE, Ordering::Release);
        assert_eq!(place(second, &stack), Some(kept));
        assert_eq!(place(first, &stack), Some(given_back));
    }
}
