//! Where the objects that survive were allocated, while the heap is near its limit.
//!
//! Sampling begins when the live set passes [`BEGIN`] of the limit and ends, capability and table given back, when it falls
//! below [`END`]. In between the mean distance between samples follows the rate of allocation.

use super::{Context, IncidentFacts, Signal};
use crate::{gc_clock, stacks, survivors};
use flinkmem_native::jvm::Jvmti;
use flinkmem_native::jvm::jni::sys::JNIEnv;
use flinkmem_trace::{HeapSite, HeapSites, Occasion, Record, Sample};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use survivors::Survivor;

/// Share of the limit from which on the allocations are sampled.
const BEGIN: f64 = 0.8;
/// Share below which they are no more.
const END: f64 = 0.7;

/// Mean distance between samples at first, and its bounds.
const FIRST_BYTES: u32 = 512 << 10;
const LEAST_BYTES: u32 = 64 << 10;
const MOST_BYTES: u32 = 32 << 20;
/// Samples a second that are wanted: one takes some 5 µs.
const RARE: f64 = 20.0;
const OFTEN: f64 = 200.0;

/// Time between two records.
const BETWEEN_RECORDS: Duration = Duration::from_secs(10);

/// Sites that are written down.
const SITES: usize = 20;

/// JVMTI ResourceExhausted's flag for the Java heap.
const JAVA_HEAP: u32 = 2;

#[derive(Default)]
pub(super) struct Sites {
    wanted: bool,
    /// While sampling.
    sampling: Option<Sampling>,
    /// Another agent samples: not tried again.
    refused: bool,
}

struct Sampling {
    interval_bytes: u32,
    samples: u64,
    swept: Instant,
    written: Option<(Instant, u64)>,
}

impl Signal for Sites {
    fn interval(&self, _near: bool) -> Option<Duration> {
        Some(Duration::from_secs(2))
    }

    fn is_worthwhile(&mut self, sample: &Sample) -> bool {
        let live = sample.heap.and_then(|heap| {
            (heap.max_bytes > 0).then_some(heap.after_gc_bytes? as f64 / heap.max_bytes as f64)
        });
        if let Some(live) = live {
            self.wanted = live > if self.wanted { END } else { BEGIN };
        }
        self.sampling.is_some() || (self.wanted && !self.refused)
    }

    fn wants(&self, incident: &IncidentFacts) -> bool {
        self.sampling.is_some() && incident.flags.is_some_and(|flags| flags & JAVA_HEAP != 0)
    }

    #[allow(unsafe_code)]
    fn take(&mut self, context: &mut Context<'_, '_>) {
        let (jvmti, env) = (context.agent.jvmti, context.env.get_raw());
        let Some(mut sampling) = self.sampling.take() else {
            if self.wanted && !self.refused {
                self.sampling = begin(jvmti);
                self.refused = self.sampling.is_none();
            }
            if let Some(sampling) = &self.sampling {
                sampling.write(context, Vec::new());
            }
            return;
        };
        // SAFETY: the environment of the agent's thread.
        let survivors = unsafe { survivors::sweep(env) };
        sampling.adapt(jvmti);
        let routine = matches!(context.occasion, Occasion::Routine | Occasion::NearLimit);
        if !routine || sampling.has_news() {
            let sites = sites(jvmti, env, &survivors);
            if !sites.is_empty() {
                sampling.written = Some((Instant::now(), gc_clock::collections()));
                sampling.write(context, sites);
            }
        }
        if self.wanted {
            self.sampling = Some(sampling);
        } else {
            jvmti.end_sampling_allocations();
            // SAFETY: as above.
            unsafe { survivors::clear(env) };
        }
    }
}

fn begin(jvmti: Jvmti) -> Option<Sampling> {
    survivors::prepare();
    survivors::set_interval(FIRST_BYTES);
    jvmti.begin_sampling_allocations(FIRST_BYTES).ok()?;
    Some(Sampling {
        interval_bytes: FIRST_BYTES,
        samples: survivors::samples().0,
        swept: Instant::now(),
        written: None,
    })
}

impl Sampling {
    /// Whether a record is due: some time and a collection after the last.
    fn has_news(&self) -> bool {
        self.written.is_none_or(|(at, collections)| {
            at.elapsed() >= BETWEEN_RECORDS && gc_clock::collections() > collections
        })
    }

    fn write(&self, context: &mut Context<'_, '_>, sites: Vec<HeapSite>) {
        let (samples, dropped) = survivors::samples();
        context.write(Record::HeapSites(Box::new(HeapSites {
            taken: context.taken(),
            sampling_bytes: u64::from(self.interval_bytes),
            samples,
            dropped,
            sites,
        })));
    }

    fn adapt(&mut self, jvmti: Jvmti) {
        let now = Instant::now();
        let elapsed = now.duration_since(std::mem::replace(&mut self.swept, now));
        let samples = survivors::samples().0;
        let since = samples - std::mem::replace(&mut self.samples, samples);
        let interval_bytes = interval(self.interval_bytes, since as f64 / elapsed.as_secs_f64());
        if interval_bytes != self.interval_bytes
            && jvmti.set_sampling_interval(interval_bytes).is_ok()
        {
            self.interval_bytes = interval_bytes;
            survivors::set_interval(interval_bytes);
        }
    }
}

/// The distance that brings the rate of samples to what is wanted.
fn interval(bytes: u32, samples_a_second: f64) -> u32 {
    if samples_a_second > OFTEN {
        bytes.saturating_mul(2).min(MOST_BYTES)
    } else if samples_a_second < RARE {
        (bytes / 2).max(LEAST_BYTES)
    } else {
        bytes
    }
}

/// Survivors of at least one collection by site, most bytes first.
#[allow(unsafe_code)]
fn sites(jvmti: Jvmti, env: *mut JNIEnv, survivors: &[Survivor]) -> Vec<HeapSite> {
    let mut by_stack: HashMap<u32, (HeapSite, u64, usize)> = HashMap::new();
    for survivor in survivors.iter().filter(|survivor| survivor.age > 0) {
        let (site, milli, weak) = by_stack.entry(survivor.stack).or_default();
        site.live_bytes = site.live_bytes.saturating_add(survivor.bytes);
        if survivor.age >= HeapSite::OLD_COLLECTIONS {
            site.old_bytes = site.old_bytes.saturating_add(survivor.bytes);
        }
        site.samples += 1;
        *milli = milli.saturating_add(survivor.milli);
        *weak = survivor.weak;
    }
    let mut found: Vec<_> = by_stack.into_iter().collect();
    found.sort_by_key(|(_, (site, ..))| std::cmp::Reverse(site.live_bytes));
    let found = found.into_iter().take(SITES);
    let named = found.filter_map(|(stack, (site, milli, weak))| {
        // One that has no name yet is told the next time.
        let id = Some(stacks::site(stack)).filter(|&id| id != 0)?;
        // SAFETY: the environment of the agent's thread, which alone deletes the references, and has not since the sweep.
        let class = unsafe { jvmti.weakly_held_class(env, weak) };
        let (class, loader) = class.map_or((None, None), |class| (Some(class.name), class.loader));
        Some(HeapSite {
            id,
            class,
            loader,
            live_count: milli / 1000,
            ..site
        })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_follows_the_rate() {
        assert_eq!(interval(FIRST_BYTES, 1000.0), FIRST_BYTES * 2);
        assert_eq!(interval(FIRST_BYTES, 100.0), FIRST_BYTES);
        assert_eq!(interval(FIRST_BYTES, 1.0), FIRST_BYTES / 2);
        assert_eq!(interval(MOST_BYTES, 1000.0), MOST_BYTES);
        assert_eq!(interval(LEAST_BYTES, 0.0), LEAST_BYTES);
    }

    #[test]
    fn allocations_are_sampled_while_the_live_set_is_near_the_limit() {
        let live = |percent| Sample {
            heap: Some(flinkmem_trace::Heap {
                after_gc_bytes: Some(percent),
                max_bytes: 100,
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut sites = Sites::default();
        let wanted: Vec<bool> = [79, 81, 75, 69, 75]
            .map(|percent| sites.is_worthwhile(&live(percent)))
            .into();
        assert_eq!(wanted, [false, true, true, false, false]);
        sites.refused = true;
        assert!(!sites.is_worthwhile(&live(90)), "another agent samples");
    }
}
