//! Objects of the Java heap by class, by a walk over the heap that stops all Java threads.
//!
//! So it is taken sparingly: as a matter of routine only while the live set has grown much since the last one and is
//! a good part of the limit, and never for more than a thousandth of the time; when the heap is exhausted; when somebody
//! asks. Each of these has its [`allowance`].
//!
//! HotSpot cannot be made to end a walk: after the callback's "abort" it still steps over the rest of the heap, which on a
//! large one takes seconds. So the time is predicted, from the bytes in use and the speed of the last walk, and a walk that
//! would not fit is not begun.
//!
//! The agent makes no Java object for it. What the JVM needs for itself is native memory: the tags of the classes, and
//! under collectors that have to mark in order to find the objects a bit for every 8 bytes of the heap. Where a
//! container has no room for that, no walk begins.

mod holders;

use super::root_path::Searches;
use super::{Context, IncidentFacts, Signal, heap_walk};
use crate::agent::Agent;
use crate::gc_clock;
use flinkmem_native::jvm::{self, ClassHistogram, HistogramLimits, WalkTarget, class_histogram};
use flinkmem_trace::{
    ArraySize, ClassCount, Heap, Histogram, Humongous, IncidentKind, Occasion, Record, Sample,
};
use std::time::{Duration, Instant};

/// Time for one walk as a matter of routine.
const ROUTINE: Duration = Duration::from_millis(100);
/// Time for one walk when the heap is exhausted.
const INCIDENT: Duration = Duration::from_secs(1);
/// The most that the application's own collections are taken as a measure for.
const LONGEST: Duration = Duration::from_secs(10);

/// The least that both walks have together when the heap is exhausted.
const BOTH_AT_INCIDENT: Duration = Duration::from_secs(3);

/// A walk along all references takes about that many times one over all objects.
const HOLDERS_TAKE: u32 = 5;

/// Holders whose own path from a root is looked for.
const EXPLAINED: usize = 3;

/// After a walk the next is not begun for that many times its pause: at most a thousandth of the time is spent.
const REST: u32 = 1000;
/// Share of the limit that the live set must have reached.
const WORTHWHILE: f64 = 0.5;
/// Share of the limit by which it must have grown since the last histogram.
const GROWN: f64 = 0.1;

/// Classes with the most bytes and with the most objects that are written down: a line of some 20 KB at most.
const BY_BYTES: usize = 150;
const BY_COUNT: usize = 50;

/// JVMTI ResourceExhausted's flag for the Java heap.
const JAVA_HEAP: u32 = 2;

/// Bytes of the heap for one byte of the native memory that a walk by marking may take: one bit for eight bytes, doubled
/// for the stack of objects to be visited.
const HEAP_BYTES_A_MARK: u64 = 32;

/// When the last one was taken, and what of.
#[derive(Default)]
pub(super) struct Histograms {
    /// Live set at the last histogram, or the least since.
    baseline_bytes: u64,
    last: Option<(Instant, Duration)>,
    /// What the last walk took for a byte of the heap.
    nanoseconds_a_byte: Option<f64>,
    /// Classes of the last complete histogram.
    sizes: Option<holders::Sizes>,
}

impl Signal for Histograms {
    fn interval(&self, _near: bool) -> Option<Duration> {
        Some(Duration::from_secs(10))
    }

    fn is_worthwhile(&mut self, sample: &Sample) -> bool {
        let Some((live, max)) = sample.heap.and_then(live_of_limit) else {
            return false;
        };
        self.baseline_bytes = self.baseline_bytes.min(live);
        let grown = live - self.baseline_bytes;
        let rested = |(at, pause): (Instant, Duration)| at.elapsed() >= pause * REST;
        live as f64 >= max as f64 * WORTHWHILE
            && grown as f64 >= max as f64 * GROWN
            && self.last.is_none_or(rested)
    }

    fn wants(&self, incident: &IncidentFacts) -> bool {
        incident.kind == IncidentKind::ResourceExhausted
            && incident.flags.is_some_and(|flags| flags & JAVA_HEAP != 0)
    }

    fn take(&mut self, context: &mut Context<'_, '_>) {
        let marks = heap_walk::finds_objects_by_marking(context.agent);
        let used_bytes = context.sample.heap.map(|heap| heap.used_bytes);
        let longest = Duration::from_micros(gc_clock::longest_us());
        let budget = allowance(context.occasion, longest, context.patience);
        let predicted = self.predicted(used_bytes.unwrap_or(0), marks);
        let fits = predicted <= budget && (!marks || has_room_for_marks(context.sample));
        let is_routine = matches!(context.occasion, Occasion::Routine | Occasion::NearLimit);
        if !fits && is_routine {
            return;
        }
        let walked = if fits {
            self.walk(context, budget)
        } else {
            Some(Histogram::default())
        };
        let Some(mut walked) = walked else { return };
        let holders_fit = if is_routine {
            predicted * HOLDERS_TAKE <= budget && self.sizes.is_some()
        } else {
            walked.complete
        };
        // Both walks share the allowance; but who holds what fills an exhausted heap is worth a longer stop.
        let afterwards = heap_walk::after_references(context.agent, used_bytes.unwrap_or(0));
        let spent = Duration::from_micros(walked.pause_us) + afterwards;
        let budget = match context.occasion {
            Occasion::Incident => budget.max(BOTH_AT_INCIDENT).saturating_sub(spent),
            _ => budget.saturating_sub(spent),
        };
        let holders_fit = holders_fit && !budget.is_zero();
        let mut objects = Vec::new();
        if holders_fit && walked.count > 0 && has_room_for_marks(context.sample) {
            let before = self.sizes.take().unwrap_or_default();
            objects = holders::add(&mut walked, &before, context, budget);
            let search = walked.holder_search.map_or(0, |search| search.pause_us);
            let pauses = Duration::from_micros(walked.pause_us.saturating_add(search));
            self.last = Some((Instant::now(), pauses));
        }
        if walked.complete {
            self.sizes = Some(holders::sizes(&walked));
        }
        let histogram = Histogram {
            taken: context.taken(),
            predicted_us: micros(predicted),
            used_bytes,
            garbage_included: !marks,
            ..walked
        };
        let pass = histogram.holder_search.map_or(0, |search| search.pause_us);
        context.write(Record::Histogram(Box::new(histogram)));
        explain(&objects, context, Duration::from_micros(pass));
    }
}

impl Histograms {
    fn walk(&mut self, context: &mut Context<'_, '_>, budget: Duration) -> Option<Histogram> {
        let region_bytes = region_bytes(context.agent);
        let limits = HistogramLimits {
            budget,
            by_bytes: BY_BYTES,
            by_count: BY_COUNT,
            humongous_bytes: region_bytes.map(|bytes| bytes / 2),
        };
        let found = class_histogram(context.env, &limits).ok()?;
        self.last = Some((Instant::now(), found.pause));
        if let Some((live, _)) = context.sample.heap.and_then(live_of_limit) {
            self.baseline_bytes = live;
        }
        if found.total.bytes > 0 {
            // Of a walk that was cut off: as if the rest had been counted as well.
            let whole = if found.complete {
                found.pause
            } else {
                found.pause.max(found.counting)
            };
            self.nanoseconds_a_byte = Some(whole.as_nanos() as f64 / found.total.bytes as f64);
        }
        Some(record(found, region_bytes))
    }

    /// How long a walk over that many bytes will take.
    fn predicted(&self, used_bytes: u64, marks: bool) -> Duration {
        let at_first = heap_walk::nanoseconds_a_byte(marks);
        let nanoseconds = self.nanoseconds_a_byte.unwrap_or(at_first) * used_bytes as f64;
        Duration::from_secs_f64(nanoseconds / 1e9)
    }
}

/// Why the objects that hold the classes which have grown most are alive themselves.
fn explain(objects: &[holders::Foremost], context: &mut Context<'_, '_>, pass: Duration) {
    let Some(searches) = Searches::allowed(context.occasion, context.patience) else {
        return;
    };
    for foremost in objects.iter().take(EXPLAINED) {
        let Ok(Some(object)) = foremost.object.object.upgrade_local(context.env) else {
            continue;
        };
        let target = WalkTarget::Object(&object);
        let goes_on = searches.explain(context, target, foremost.about.clone(), pass);
        context.env.delete_local_ref(object);
        if !goes_on {
            return;
        }
    }
}

/// How long Java threads may stand still. Near the limit and at it, as long as the application's own collector has already
/// let them stand: what it does then is as long as a walk, and comes again and again.
fn allowance(occasion: Occasion, longest_collection: Duration, patience: Duration) -> Duration {
    match occasion {
        Occasion::Routine => ROUTINE,
        Occasion::NearLimit => longest_collection.clamp(ROUTINE, INCIDENT),
        Occasion::Incident => longest_collection.clamp(INCIDENT, LONGEST),
        Occasion::Demand => patience,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Live set and limit.
fn live_of_limit(heap: Heap) -> Option<(u64, u64)> {
    Some((heap.after_gc_bytes?, heap.max_bytes)).filter(|&(_, max)| max > 0)
}

/// Size of G1's regions.
fn region_bytes(agent: &Agent) -> Option<u64> {
    let of_g1 = agent.flag("UseG1GC") == Some("true");
    let bytes = agent.flag("G1HeapRegionSize").filter(|_| of_g1)?;
    bytes.parse().ok().filter(|&bytes| bytes > 0)
}

/// Whether the container can give what marking the heap takes. Page cache is given back for it.
fn has_room_for_marks(sample: &Sample) -> bool {
    let Some((cgroup, limit)) = sample.cgroup.and_then(|c| Some((c, c.limit_bytes?))) else {
        return true;
    };
    let resident = sample.process.map_or(0, |process| {
        process.rss_anon_bytes + process.rss_shmem_bytes
    });
    let held = resident.max(cgroup.anon_bytes.unwrap_or(0));
    let heap = sample.heap.map_or(0, |heap| heap.committed_bytes);
    limit.saturating_sub(held) > heap / HEAP_BYTES_A_MARK
}

fn record(found: ClassHistogram, region_bytes: Option<u64>) -> Histogram {
    let humongous = region_bytes.zip(found.humongous);
    Histogram {
        pause_us: micros(found.pause),
        complete: found.complete,
        count: found.total.count,
        bytes: found.total.bytes,
        classes: found.classes.into_iter().map(class_count).collect(),
        classes_loaded: found.classes_loaded as u64,
        arrays: found.arrays.into_iter().map(array).collect(),
        humongous: humongous.map(|(region_bytes, tally)| Humongous {
            region_bytes,
            count: tally.count,
            bytes: tally.bytes,
        }),
        ..Histogram::default()
    }
}

fn class_count(found: jvm::ClassTally) -> ClassCount {
    ClassCount {
        class: found.class.name,
        loader: found.class.loader,
        definitions: Some(found.definitions).filter(|&definitions| definitions > 1),
        count: found.tally.count,
        bytes: found.tally.bytes,
    }
}

fn array(found: jvm::LargeArray) -> ArraySize {
    ArraySize {
        class: found
            .class
            .map_or_else(|| "?".to_owned(), |class| class.name),
        length: found.length,
        bytes: found.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(percent: u64) -> Sample {
        let heap = Heap {
            after_gc_bytes: Some(percent),
            max_bytes: 100,
            ..Default::default()
        };
        Sample {
            heap: Some(heap),
            ..Default::default()
        }
    }

    #[test]
    fn a_histogram_is_worthwhile_when_the_live_set_is_large_and_has_grown() {
        let mut histograms = Histograms::default();
        assert!(!histograms.is_worthwhile(&Sample::default()), "not known");
        assert!(!histograms.is_worthwhile(&live(49)), "far from the limit");
        assert!(histograms.is_worthwhile(&live(50)));
        histograms.baseline_bytes = 50;
        assert!(!histograms.is_worthwhile(&live(59)), "hardly grown");
        assert!(histograms.is_worthwhile(&live(60)));
        assert!(!histograms.is_worthwhile(&live(40)), "shrunk");
        assert!(histograms.is_worthwhile(&live(52)), "grown anew");
    }

    #[test]
    fn a_long_pause_is_followed_by_a_long_rest() {
        let mut histograms = Histograms {
            last: Some((Instant::now(), Duration::from_secs(1))),
            ..Default::default()
        };
        assert!(!histograms.is_worthwhile(&live(90)));
    }

    #[test]
    fn a_walk_that_would_not_fit_is_foreseen() {
        let mut histograms = Histograms::default();
        let gib = 1 << 30;
        assert!(
            histograms.predicted(gib, false)
                > allowance(Occasion::Routine, Duration::ZERO, Duration::ZERO)
        );
        assert!(
            histograms.predicted(gib / 8, true)
                < allowance(Occasion::Incident, Duration::ZERO, Duration::ZERO)
        );
        histograms.nanoseconds_a_byte = Some(0.05);
        assert!(
            histograms.predicted(gib, false)
                < allowance(Occasion::Routine, Duration::ZERO, Duration::ZERO)
        );
        let long = Duration::from_secs(4);
        assert_eq!(
            allowance(Occasion::Incident, long, Duration::ZERO),
            long,
            "as its own collector"
        );
        assert_eq!(
            allowance(Occasion::NearLimit, long, Duration::ZERO),
            INCIDENT
        );
    }

    #[test]
    fn the_java_heap_is_what_it_tells_about() {
        let incident = |kind, flags| IncidentFacts {
            id: 1,
            kind,
            flags,
            is_metaspace: false,
        };
        let histograms = Histograms::default();
        assert!(histograms.wants(&incident(IncidentKind::ResourceExhausted, Some(3))));
        assert!(!histograms.wants(&incident(IncidentKind::ResourceExhausted, Some(1))));
        assert!(!histograms.wants(&incident(IncidentKind::DirectSlowPath, None)));
    }
}
