//! Who starts threads: stacks of creators, and which of their threads still live.
//!
//! The creating thread counts, takes its stack and leaves it with the new thread's id in a mailbox of fixed size; the
//! agent's thread empties it once a base tick. Stacks are taken of every start up to [`FULL_RATE`] in a base tick; beyond
//! that of a random share, each with the weight of those it stands for. Nothing happens when a thread ends: a census
//! sees who still lives ([`Creators::settle`]).

use crate::agent::jvmti;
use crate::{classes, stacks};
use flinkmem_native::jvm::raw::{JNIEnv, jobject};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Starts in a base tick whose stacks are all taken.
const FULL_RATE: u64 = 128;

/// Room for starts between two base ticks.
const MAILBOX: usize = 512;

/// Creators that are told apart. Beyond that, those without a live thread are forgotten.
const MOST_CREATORS: usize = 512;

/// Threads whose creator is remembered.
const MOST_THREADS: usize = 16_384;

/// Once in how many base ticks the creators' stacks are kept from being given back, which they are after 60.
const KEEP_TICKS: u32 = 16;

/// Threads started since the agent was loaded, and starts that the JVM refused.
static STARTED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Starts whose stack was taken but found no room.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// One start in 2 to the power of this has its stack taken.
static RARITY: AtomicU32 = AtomicU32::new(0);

/// A start that waits for the agent's thread. `id` is written last, and 0 where there is room.
struct Letter {
    id: AtomicU64,
    stack: AtomicU32,
    weight: AtomicU32,
}

/// Stands in a letter that is being written. No thread's id.
const WRITING: u64 = u64::MAX;

static LETTERS: [Letter; MAILBOX] = [const {
    Letter {
        id: AtomicU64::new(0),
        stack: AtomicU32::new(0),
        weight: AtomicU32::new(0),
    }
}; MAILBOX];
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A thread was started, or refused.
///
/// # Safety
/// `env` is the calling thread's `JNIEnv`, `thread` the thread that `start0` was called for.
#[allow(unsafe_code)]
pub(crate) unsafe fn started(env: *mut JNIEnv, thread: jobject) {
    let Some(reader) = classes::threads() else {
        return;
    };
    // SAFETY: the caller's promise.
    let Some(id) = (unsafe { reader.id(env, thread) }) else {
        REFUSED.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let rarity = RARITY.load(Ordering::Relaxed);
    if is_drawn(number, rarity)
        && let Some(jvmti) = jvmti()
    {
        let stack = stacks::intern(&jvmti.current_stack());
        if !post(id, stack, 1 << rarity) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether the start with this number is in the sample of one in 2^`rarity`. Scattered, so that two creators that take turns
/// are both drawn.
fn is_drawn(number: u64, rarity: u32) -> bool {
    // The multiplier of Fibonacci hashing; its high bits are well mixed.
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    rarity == 0
        || (scattered ^ (scattered >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> (64 - rarity) == 0
}

fn post(id: u64, stack: u32, weight: u32) -> bool {
    let place = NEXT.fetch_add(1, Ordering::Relaxed);
    let letter = usize::try_from(place)
        .ok()
        .and_then(|place| LETTERS.get(place % MAILBOX));
    let Some(letter) = letter else { return false };
    let free = letter
        .id
        .compare_exchange(0, WRITING, Ordering::Acquire, Ordering::Relaxed);
    if free.is_err() {
        return false;
    }
    letter.stack.store(stack, Ordering::Relaxed);
    letter.weight.store(weight, Ordering::Relaxed);
    letter.id.store(id, Ordering::Release);
    true
}

/// Counts since the agent was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) started: u64,
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
}

pub(crate) fn counts() -> Counts {
    Counts {
        started: STARTED.load(Ordering::Relaxed),
        refused: REFUSED.load(Ordering::Relaxed),
        dropped: DROPPED.load(Ordering::Relaxed),
    }
}

/// One place that starts threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Creator {
    /// Threads started so far; estimated where there were too many to look at each.
    pub(crate) started: u64,
    /// Of these, threads that lived at the last census.
    pub(crate) live: u64,
}

/// Creators by their stack's index, and the threads whose creator is known. Touched by the agent's thread only.
#[derive(Default)]
pub(crate) struct Creators {
    creators: HashMap<u32, Creator>,
    /// By thread id: the creator's stack, and how many threads this one stands for.
    threads: HashMap<u64, (u32, u32)>,
    started_before: u64,
    ticks: u32,
}

static CREATORS: Mutex<Option<Creators>> = Mutex::new(None);

/// Once a base tick: empties the mailbox and adapts the share of starts that are looked at.
pub(crate) fn tick() {
    with_creators(|creators| {
        creators.empty_mailbox();
        creators.adapt();
        if creators.ticks.is_multiple_of(KEEP_TICKS) {
            creators
                .creators
                .keys()
                .for_each(|&stack| stacks::still_used(stack));
        }
        creators.ticks = creators.ticks.wrapping_add(1);
    });
}

/// Lends the creators to `look`.
pub(crate) fn with_creators<T>(look: impl FnOnce(&mut Creators) -> T) -> T {
    let mut creators: MutexGuard<'_, _> = CREATORS.lock().unwrap_or_else(PoisonError::into_inner);
    look(creators.get_or_insert_default())
}

impl Creators {
    pub(crate) fn empty_mailbox(&mut self) {
        for letter in &LETTERS {
            let id = letter.id.load(Ordering::Acquire);
            if id == 0 || id == WRITING {
                continue;
            }
            let stack = letter.stack.load(Ordering::Relaxed);
            let weight = letter.weight.load(Ordering::Relaxed);
            letter.id.store(0, Ordering::Release);
            self.learn(id, stack, weight);
        }
    }

    fn learn(&mut self, id: u64, stack: u32, weight: u32) {
        if self.creators.len() >= MOST_CREATORS && !self.creators.contains_key(&stack) {
            self.creators.retain(|_, creator| creator.live > 0);
        }
        let has_room = self.creators.len() < MOST_CREATORS || self.creators.contains_key(&stack);
        if stack == stacks::UNKNOWN || !has_room || self.threads.len() >= MOST_THREADS {
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let creator = self.creators.entry(stack).or_default();
        creator.started += u64::from(weight);
        // Until a census says otherwise; so a creator whose threads are new is not forgotten.
        creator.live += u64::from(weight);
        self.threads.insert(id, (stack, weight));
    }

    fn adapt(&mut self) {
        let started = STARTED.load(Ordering::Relaxed);
        let rate = started - std::mem::replace(&mut self.started_before, started);
        let rarity = (rate / FULL_RATE).checked_ilog2().map_or(0, |log| log + 1);
        RARITY.store(rarity.min(16), Ordering::Relaxed);
    }

    /// Forgets the threads that are not in `live`, and counts anew which creators' threads live.
    pub(crate) fn settle(&mut self, live: &HashSet<u64>) {
        self.threads.retain(|id, _| live.contains(id));
        for creator in self.creators.values_mut() {
            creator.live = 0;
        }
        for (stack, weight) in self.threads.values() {
            if let Some(creator) = self.creators.get_mut(stack) {
                creator.live += u64::from(*weight);
            }
        }
    }

    /// Stack of the thread's creator, and how many threads this one stands for.
    pub(crate) fn of_thread(&self, id: u64) -> Option<(u32, u32)> {
        self.threads.get(&id).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Creator)> {
        self.creators
            .iter()
            .map(|(&stack, &creator)| (stack, creator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_starts_is_drawn_whoever_takes_turns() {
        for rarity in [1, 3, 6] {
            for creators in [2, 3] {
                let drawn = |creator| {
                    let numbers = (0..100_000_u64).filter(|number| number % creators == creator);
                    let (all, drawn) = numbers.fold((0, 0), |(all, drawn), number| {
                        (all + 1, drawn + u32::from(is_drawn(number, rarity)))
                    });
                    f64::from(drawn * (1 << rarity)) / f64::from(all)
                };
                for creator in 0..creators {
                    let share = drawn(creator);
                    assert!((0.8..1.2).contains(&share), "{rarity} {creators} {share}");
                }
            }
        }
    }

    #[test]
    fn creators_without_live_threads_make_room_and_those_with_keep_it() {
        let mut creators = Creators::default();
        for (stack, id) in (0..).zip(0..MOST_CREATORS as u64) {
            creators.learn(id, stack, 1);
        }
        creators.settle(&HashSet::from([7, 8]));
        creators.learn(10_000, 9_999, 2);
        let mut left: Vec<_> = creators.iter().collect();
        left.sort_by_key(|&(stack, _)| stack);
        let creator = |started| Creator {
            started,
            live: started,
        };
        assert_eq!(
            left,
            [(7, creator(1)), (8, creator(1)), (9_999, creator(2))]
        );
        assert_eq!(creators.of_thread(10_000), Some((9_999, 2)));
        assert_eq!(creators.of_thread(9), None);
    }
}
