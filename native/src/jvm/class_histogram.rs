//! Objects of the Java heap by class, in one walk of `IterateThroughHeap`.
//!
//! Every loaded class is tagged with its place in a table; the JVM hands that tag to the callback with each object, so that
//! the walk itself looks nothing up and allocates nothing. Java threads stand still meanwhile.
//!
//! A walk that has used up its budget counts nothing more, but HotSpot then still steps over the rest of the heap (the
//! answer "abort" is remembered, `object_iterate` goes on): cheap for collectors that parse the heap, nearly as dear as
//! before for those that find its objects by marking (ZGC, Shenandoah). Whoever sets a budget has to reckon with that.
//!
//! # Safety
//! See the module above. The callback runs while the world is stopped: it calls nothing of the JVM, allocates nothing and
//! does not unwind.
#![allow(unsafe_code)]

use super::TaggingEnv;
use super::java_class::{ClassIdentity, identify};
use super::jvmti::{JvmError, error};
use jni::Env;
use jvmti_bindings::sys::jvmti::{JVMTI_VISIT_ABORT, jvmtiHeapCallbacks};
use std::collections::HashMap;
use std::ffi::c_void;
use std::time::{Duration, Instant};

/// Largest arrays that are kept.
const ARRAYS: usize = 10;

/// The clock is read once for that many objects.
const OBJECTS_A_LOOK: u64 = 256;

/// Bounds of one walk.
#[derive(Debug, Clone, Copy)]
pub struct HistogramLimits {
    /// Time after which nothing more is counted.
    pub budget: Duration,
    /// Classes with the most bytes that are named.
    pub by_bytes: usize,
    /// Classes with the most objects that are named as well.
    pub by_count: usize,
    /// Objects of at least that size are counted as humongous.
    pub humongous_bytes: Option<u64>,
}

/// Objects and their bytes, as the JVM sizes them: header and alignment included, what they refer to not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Objects.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What the heap holds of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassTally {
    /// The class.
    pub class: ClassIdentity,
    /// Classes of that name and kind of loader: more than one when several loaders have defined it.
    pub definitions: u32,
    /// Its objects.
    pub tally: Tally,
}

/// One array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeArray {
    /// Its class; absent when that class could not be named.
    pub class: Option<ClassIdentity>,
    /// Elements.
    pub length: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What one walk has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassHistogram {
    /// The named classes, most bytes first.
    pub classes: Vec<ClassTally>,
    /// Everything that was counted.
    pub total: Tally,
    /// Largest arrays, largest first.
    pub arrays: Vec<LargeArray>,
    /// Objects at least as large as asked for.
    pub humongous: Option<Tally>,
    /// Classes that were loaded when the walk began.
    pub classes_loaded: usize,
    /// Whether the budget was enough.
    pub complete: bool,
    /// How long Java threads stood still, waiting for the last of them to stop included.
    pub pause: Duration,
    /// Of that, from the first object counted to the last.
    pub counting: Duration,
}

/// Walks over the heap. References of the JVM's are given back with the caller's local frame.
///
/// # Errors
/// When the JVM refuses one of the calls.
pub fn class_histogram(
    env: &mut Env<'_>,
    limits: &HistogramLimits,
) -> Result<ClassHistogram, JvmError> {
    let tagging = TaggingEnv::new(env)?;
    tagging.with_tagged_classes(env, |env, bindings, classes| {
        let mut walk = Walk::new(classes.len(), limits);
        let callbacks = jvmtiHeapCallbacks {
            heap_iteration_callback: Some(count),
            ..Default::default()
        };
        let began = Instant::now();
        // SAFETY: the walk outlives the call, and only the callback touches it meanwhile; no class or filter is given.
        let walked = unsafe {
            bindings.iterate_through_heap(
                0,
                std::ptr::null_mut(),
                &callbacks,
                (&raw mut walk).cast::<c_void>(),
            )
        };
        let pause = began.elapsed();
        walked.map_err(|code| error("IterateThroughHeap", code))?;
        Ok(walk.finish(env, bindings, classes, limits, pause))
    })
}

/// Candidate for the largest arrays.
#[derive(Clone, Copy, Default)]
struct SeenArray {
    class: i64,
    length: i32,
    bytes: u64,
}

/// What the callback fills.
struct Walk {
    /// By class tag; the first is for classes without one.
    tallies: Vec<Tally>,
    arrays: [SeenArray; ARRAYS],
    /// An array must be larger than that to be among the largest.
    threshold: u64,
    humongous: Tally,
    humongous_bytes: u64,
    budget: Duration,
    first: Option<Instant>,
    counting: Duration,
    seen: u64,
    cut_off: bool,
}

/// `jvmtiHeapIterationCallback`.
unsafe extern "system" fn count(
    class_tag: i64,
    size: i64,
    _tag: *mut i64,
    length: i32,
    walk: *mut c_void,
) -> i32 {
    // SAFETY: the walk that was handed over with this callback; the JVM calls it from one thread.
    let Some(walk) = (unsafe { walk.cast::<Walk>().as_mut() }) else {
        return JVMTI_VISIT_ABORT;
    };
    walk.object(class_tag, u64::try_from(size).unwrap_or(0), length)
}

impl Walk {
    fn new(classes: usize, limits: &HistogramLimits) -> Self {
        Self {
            tallies: vec![Tally::default(); classes + 1],
            arrays: [SeenArray::default(); ARRAYS],
            threshold: 0,
            humongous: Tally::default(),
            humongous_bytes: limits.humongous_bytes.unwrap_or(u64::MAX),
            budget: limits.budget,
            first: None,
            counting: Duration::ZERO,
            seen: 0,
            cut_off: false,
        }
    }

    fn object(&mut self, class: i64, bytes: u64, length: i32) -> i32 {
        if self.cut_off || (self.seen.is_multiple_of(OBJECTS_A_LOOK) && self.is_over()) {
            return JVMTI_VISIT_ABORT;
        }
        self.seen += 1;
        let index = usize::try_from(class).unwrap_or(0);
        let known = if index < self.tallies.len() { index } else { 0 };
        if let Some(tally) = self.tallies.get_mut(known) {
            tally.add(bytes);
        }
        if bytes >= self.humongous_bytes {
            self.humongous.add(bytes);
        }
        if length >= 0 && bytes > self.threshold {
            self.array(SeenArray {
                class,
                length,
                bytes,
            });
        }
        0
    }

    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        let first = *self.first.get_or_insert(now);
        self.counting = now.duration_since(first);
        self.cut_off = self.counting > self.budget;
        self.cut_off
    }

    /// Takes the place of the smallest.
    fn array(&mut self, array: SeenArray) {
        if let Some(smallest) = self.arrays.iter_mut().min_by_key(|seen| seen.bytes) {
            *smallest = array;
        }
        let bytes = self.arrays.iter().map(|seen| seen.bytes);
        self.threshold = bytes.min().unwrap_or(0);
    }

    fn finish(
        mut self,
        env: &Env<'_>,
        bindings: &jvmti_bindings::env::Jvmti,
        classes: &[jvmti_bindings::sys::jni::jclass],
        limits: &HistogramLimits,
        pause: Duration,
    ) -> ClassHistogram {
        let mut total = Tally::default();
        for tally in &self.tallies {
            total.merge(*tally);
        }
        let name = |tag: usize| {
            let class = *classes.get(tag.checked_sub(1)?)?;
            // SAFETY: a local reference of the caller's frame.
            unsafe { identify(bindings, env.get_raw(), class) }
        };
        self.arrays
            .sort_by_key(|seen| std::cmp::Reverse(seen.bytes));
        let arrays = self.arrays.iter().filter(|seen| seen.bytes > 0);
        let arrays = arrays.map(|seen| LargeArray {
            class: usize::try_from(seen.class).ok().and_then(name),
            length: u64::try_from(seen.length).unwrap_or(0),
            bytes: seen.bytes,
        });
        ClassHistogram {
            arrays: arrays.collect(),
            classes: named(&self.tallies, limits, name),
            total,
            humongous: limits.humongous_bytes.map(|_| self.humongous),
            classes_loaded: classes.len(),
            complete: !self.cut_off,
            pause,
            counting: self.counting,
        }
    }
}

/// The classes with the most bytes and those with the most objects, named; those of one name as one.
fn named(
    tallies: &[Tally],
    limits: &HistogramLimits,
    name: impl Fn(usize) -> Option<ClassIdentity>,
) -> Vec<ClassTally> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut order: Vec<usize> = (1..tallies.len()).collect();
    let tally = |tag: usize| tallies.get(tag).copied().unwrap_or_default();
    order.retain(|&tag| tally(tag).count > 0);
    order.sort_by_key(|&tag| std::cmp::Reverse(tally(tag).bytes));
    chosen.extend(order.iter().take(limits.by_bytes));
    order.sort_by_key(|&tag| std::cmp::Reverse(tally(tag).count));
    chosen.extend(order.iter().take(limits.by_count));
    chosen.sort_unstable();
    chosen.dedup();
    let mut merged: HashMap<ClassIdentity, (u32, Tally)> = HashMap::new();
    for tag in chosen {
        let Some(class) = name(tag) else { continue };
        let (definitions, sum) = merged.entry(class).or_default();
        *definitions += 1;
        sum.merge(tally(tag));
    }
    let mut classes: Vec<ClassTally> = merged
        .into_iter()
        .map(|(class, (definitions, tally))| ClassTally {
            class,
            definitions,
            tally,
        })
        .collect();
    classes.sort_by(|a, b| {
        let bytes = b.tally.bytes.cmp(&a.tally.bytes);
        bytes.then_with(|| a.class.name.cmp(&b.class.name))
    });
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HistogramLimits = HistogramLimits {
        budget: Duration::from_secs(3600),
        by_bytes: 1,
        by_count: 1,
        humongous_bytes: Some(1000),
    };

    #[test]
    fn objects_are_counted_by_class_and_the_largest_arrays_kept() {
        let mut walk = Walk::new(2, &LIMITS);
        for length in 0..100 {
            walk.object(1, 16 + 8 * u64::try_from(length).unwrap(), length);
        }
        walk.object(2, 24, -1);
        walk.object(2, 2000, -1);
        walk.object(0, 8, -1);
        assert_eq!(walk.tallies[1].count, 100);
        assert_eq!(
            walk.tallies[2],
            Tally {
                count: 2,
                bytes: 2024
            }
        );
        assert_eq!(walk.tallies[0], Tally { count: 1, bytes: 8 });
        assert_eq!(
            walk.humongous,
            Tally {
                count: 1,
                bytes: 2000
            }
        );
        let mut lengths: Vec<i32> = walk.arrays.iter().map(|seen| seen.length).collect();
        lengths.sort_unstable();
        assert_eq!(lengths, (90..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_walk_without_time_left_says_so() {
        let limits = HistogramLimits {
            budget: Duration::ZERO,
            ..LIMITS
        };
        let mut walk = Walk::new(1, &limits);
        let answers: Vec<i32> = (0..10 * OBJECTS_A_LOOK)
            .map(|_| walk.object(1, 16, -1))
            .collect();
        assert!(walk.cut_off);
        assert_eq!(answers.last(), Some(&JVMTI_VISIT_ABORT));
        assert!(walk.seen < 10 * OBJECTS_A_LOOK);
    }

    #[test]
    fn classes_are_chosen_by_bytes_and_by_count_and_merged_by_name() {
        let tally = |count, bytes| Tally { count, bytes };
        let tallies = [
            tally(9, 9999),
            tally(1, 1000),
            tally(50, 800),
            tally(2, 900),
            tally(0, 0),
        ];
        let identity = |name: &str| ClassIdentity {
            name: name.to_owned(),
            loader: None,
        };
        let classes = named(&tallies, &LIMITS, |tag| Some(identity(&tag.to_string())));
        let names: Vec<_> = classes.iter().map(|c| c.class.name.as_str()).collect();
        assert_eq!(names, ["1", "2"]);
        let limits = HistogramLimits {
            by_bytes: 9,
            ..LIMITS
        };
        let classes = named(&tallies, &limits, |_| Some(identity("same")));
        assert_eq!(classes.len(), 1);
        assert_eq!(classes[0].definitions, 3);
        assert_eq!(classes[0].tally, tally(53, 2700));
    }
}
