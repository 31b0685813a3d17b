//! What is counted of the objects of one class: created and disposed of, exactly.
//!
//! A group is a class by its name: the same class from several class loaders is one group, so that objects which outlive
//! the job that made them still count. Counters are sharded by the calling thread's stack, so that threads that create
//! many short-lived objects do not fight over a cache line.

use crate::sampling::Rate;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Most classes that are told apart.
pub(super) const GROUPS: usize = 128;

const SHARDS: usize = 8;

/// Objects of one class.
pub(super) struct Group {
    name: OnceLock<String>,
    shards: [Shard; SHARDS],
    /// A native method of the class found no slot, so its figures are not whole.
    pub(super) is_incomplete: AtomicBool,
    /// Disposal does not tell the handle, so it is not known which of the sampled objects are still alive.
    pub(super) is_anonymous: AtomicBool,
    /// How often stacks are taken.
    pub(super) rate: Rate,
    /// Objects of the class in the table of sampled live ones.
    pub(super) live_samples: AtomicUsize,
}

#[repr(align(64))]
struct Shard {
    created: AtomicU64,
    disposed: AtomicU64,
}

impl Group {
    const fn new() -> Self {
        Self {
            name: OnceLock::new(),
            shards: [const {
                Shard {
                    created: AtomicU64::new(0),
                    disposed: AtomicU64::new(0),
                }
            }; SHARDS],
            is_incomplete: AtomicBool::new(false),
            is_anonymous: AtomicBool::new(false),
            rate: Rate::new(),
            live_samples: AtomicUsize::new(0),
        }
    }

    /// Name of the class, with dots.
    pub(super) fn name(&self) -> &str {
        self.name.get().map_or("", String::as_str)
    }

    /// Counts created objects. Returns a number that no other call gets from this group.
    #[inline]
    pub(super) fn created(&self, count: u64) -> u64 {
        let index = shard();
        let Some(shard) = self.shards.get(index) else {
            return 0;
        };
        let before = shard.created.fetch_add(count, Ordering::Relaxed);
        before
            .wrapping_mul(SHARDS as u64)
            .wrapping_add(index as u64)
    }

    /// Counts an object that was disposed of.
    #[inline]
    pub(super) fn disposed(&self) {
        if let Some(shard) = self.shards.get(shard()) {
            shard.disposed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Created and disposed of so far. What is disposed of meanwhile was created before, so the second never exceeds
    /// the first by a race.
    pub(super) fn counts(&self) -> (u64, u64) {
        let sum = |counter: fn(&Shard) -> &AtomicU64| {
            self.shards
                .iter()
                .map(|shard| counter(shard).load(Ordering::Acquire))
                .fold(0, u64::wrapping_add)
        };
        let disposed = sum(|shard| &shard.disposed);
        (sum(|shard| &shard.created), disposed)
    }
}

/// The shard of the calling thread: stacks of different threads lie far apart.
#[inline]
fn shard() -> usize {
    const MULTIPLIER: usize = 0x9E37_79B9_7F4A_7C15;
    let on_the_stack = 0_u8;
    let region = std::ptr::from_ref(&on_the_stack) as usize >> 16;
    region.wrapping_mul(MULTIPLIER) >> (usize::BITS - SHARDS.trailing_zeros())
}

static TABLE: [Group; GROUPS] = [const { Group::new() }; GROUPS];

/// Index of the group of that class, made if there is none. `None` when the table is full.
pub(super) fn index_of(class: &str) -> Option<usize> {
    TABLE.iter().position(|group| {
        let name = group.name.get_or_init(|| class.to_owned());
        name == class
    })
}

/// The group at `index`.
#[inline]
pub(super) fn get(index: usize) -> Option<&'static Group> {
    TABLE.get(index)
}

/// All groups that are in use.
pub(super) fn all() -> impl Iterator<Item = (usize, &'static Group)> {
    TABLE
        .iter()
        .enumerate()
        .take_while(|(_, group)| group.name.get().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_many_threads_are_exact_and_each_call_has_its_number() {
        let group = get(index_of("com.acme.Counted").unwrap()).unwrap();
        let numbers = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let count = |_| {
                            group.disposed();
                            group.created(1)
                        };
                        (0..10_000).map(count).collect::<Vec<_>>()
                    })
                })
                .collect();
            let numbers = threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap());
            numbers.collect::<std::collections::HashSet<_>>()
        });
        assert_eq!(group.counts(), (40_000, 40_000));
        assert_eq!(numbers.len(), 40_000);
    }

    #[test]
    fn a_class_is_one_group() {
        let first = index_of("com.acme.First").unwrap();
        assert_ne!(index_of("com.acme.Second"), Some(first));
        assert_eq!(index_of("com.acme.First"), Some(first));
        assert!(all().any(|(index, group)| index == first && group.name() == "com.acme.First"));
    }
}
