//! Memory outside the JVM's own limits: the container, the allocator, and native libraries.
//!
//! What the container holds is the limit, and whose bytes grew is the consumer. Suspects are looked at one by one: `Unsafe` memory by call site,
//! objects that nobody disposes of, RocksDB by its own figures, libraries, what the allocator keeps. What none of them explains is told as
//! such. Where nothing grows beyond its bounds, the bounds are too large for the container.

mod allocator_fragmentation;
mod codec_native_leak;
mod container_limit_below_budget;
mod jvm_overhead_undersized;
mod libraries;
mod native_engine_leak;
mod native_growth_unattributed;
mod objects;
mod off_heap;
mod rocksdb;
mod rocksdb_native_leak;
mod rocksdb_over_budget;
mod series;
mod standing;
#[cfg(test)]
mod tests;
mod unsafe_memory_leak;

use series::Series;
use standing::Standing;

use super::container::Container;
use super::{Answer, Facts, Verdict};
use crate::budget::Wish;
use crate::case::{Case, Moment};
use crate::finding::{Consumer, ConsumerKind, Evidence, Finding, Label, Remedy};
use crate::units::{bytes, duration, rate, rate_within};
use flinkmem_trace::{Frame, Owner};
use libraries::GrowingLibrary;
use objects::LiveObjects;
use off_heap::OffHeapOwner;
use rocksdb::RocksDbUse;

/// The container with all suspects.
struct Native<'a> {
    container: Container<'a>,
    /// `Unsafe` memory beside every limit, by call site.
    off_heap: Vec<OffHeapOwner<'a>>,
    /// Objects that hold native memory and became more.
    objects: Vec<LiveObjects<'a>>,
    /// RocksDB's own figures.
    rocksdb: Option<RocksDbUse>,
    /// Libraries that grew.
    libraries: Vec<GrowingLibrary<'a>>,
    /// What `malloc` gave out and nobody above is known to hold.
    malloc: Series,
    /// What `malloc` keeps although it is free.
    kept: Series,
}

/// Asks the rules of this family.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    let native = Native::of(facts);
    let answers = [
        (Label::UnsafeMemoryLeak, unsafe_memory_leak::check(&native)),
        (Label::CodecNativeLeak, codec_native_leak::check(&native)),
        (
            Label::RocksdbNativeLeak,
            rocksdb_native_leak::check(&native),
        ),
        (
            Label::RocksdbOverBudget,
            rocksdb_over_budget::check(&native),
        ),
        (Label::NativeEngineLeak, native_engine_leak::check(&native)),
        (
            Label::AllocatorFragmentation,
            allocator_fragmentation::check(&native),
        ),
    ];
    let explained = answers
        .iter()
        .any(|(_, answer)| matches!(answer, Answer::Fires(_)));
    for (label, answer) in answers {
        verdict.take(label, answer);
    }
    let fires = |answer: &Answer| matches!(answer, Answer::Fires(_));
    let mut unattributed = native_growth_unattributed::check(&native, explained);
    let explained = explained || fires(&unattributed);
    let below = container_limit_below_budget::check(&native, explained);
    let overhead = jvm_overhead_undersized::check(&native, explained || fires(&below));
    if !explained && !fires(&below) && !fires(&overhead) {
        unattributed = native_growth_unattributed::limit_alone(&native).unwrap_or(unattributed);
    }
    verdict.take(Label::NativeGrowthUnattributed, unattributed);
    verdict.take(Label::ContainerLimitBelowBudget, below);
    verdict.take(Label::JvmOverheadUndersized, overhead);
}

impl<'a> Native<'a> {
    fn of(facts: Facts<'a>) -> Self {
        let case = facts.case;
        let container = Container::of(facts);
        let of_owner = |owner| {
            let part = container.parts.get(owner);
            Series::new(part.map_or_else(Vec::new, |part| part.points.clone()))
        };
        Self {
            off_heap: off_heap::owners(case),
            objects: objects::growing(case),
            rocksdb: RocksDbUse::of(facts),
            libraries: libraries::growing(case),
            malloc: of_owner(Owner::MallocInUse),
            kept: of_owner(Owner::MallocFree),
            container,
        }
    }

    /// Growth of what `malloc` gave out that counts and figures explain: codecs, RocksDB by its own word, libraries.
    fn explained_of_malloc(&self) -> u64 {
        let codecs = self
            .objects
            .iter()
            .filter_map(|objects| Some(objects.live.times(objects.object_bytes?).grown()));
        let rocksdb = self.rocksdb.as_ref().map(|used| used.series.grown());
        let libraries = self.libraries.iter().map(|library| library.series.grown());
        codecs
            .chain(rocksdb)
            .chain(libraries)
            .fold(0, u64::saturating_add)
    }

    /// Growth of off-heap memory of Java code, all of it counted by call site.
    fn counted_off_heap(&self) -> u64 {
        let moments = self.container.case.timeline.moments.iter();
        let mut live = moments.filter_map(|moment| Some(moment.off_heap?.live_bytes));
        let first = live.next().unwrap_or(0);
        live.next_back().unwrap_or(first).saturating_sub(first)
    }

    /// A finding of this family; what differs is put over it.
    fn finding(&self, label: Label, standing: &Standing, series: &Series, exact: bool) -> Finding {
        Finding {
            label,
            severity: standing.severity(),
            confidence: standing.confidence(series, exact),
            alternatives: Vec::new(),
            limit: self.container.limit_claim(),
            consumer: Consumer::unknown(),
            forecast: standing.forecast(),
            evidence: Vec::new(),
            remedy: Remedy::default(),
            collect: Vec::new(),
            told_ms: None,
        }
    }

    /// That a series rose: from what to what, how fast.
    fn rose(&self, what: &str, signal: &'static str, series: &Series) -> Evidence {
        let pace = match series.growth.filter(|_| series.is_steady()) {
            Some(growth) => {
                let trend = growth.trend;
                format!(": {}", rate_within(trend.slope, trend.low, trend.high))
            }
            None if series.span_s() > 0.0 => {
                format!(": {}", rate(series.grown() as f64 / series.span_s()))
            }
            None => String::new(),
        };
        let text = format!(
            "{what} rose from {} to {} in {}{pace}",
            bytes(series.first()),
            bytes(series.last()),
            duration(series.span_s()),
        );
        self.evidence(text, signal, series)
            .with_value(series.last())
    }

    fn evidence(&self, text: String, signal: &'static str, series: &Series) -> Evidence {
        let case = self.container.case;
        let (from, to) = (
            case.wall_ms(series.begin_ms()),
            case.wall_ms(series.end_ms()),
        );
        Evidence::new(text, signal, from, to)
    }
}

/// What the heap needs: half as much again as collections leave in it, for with less they come back to back. Where the old generation was not collected
/// lately nobody knows what of it is live, and it needs what it has in use.
fn heap_needs(case: &Case) -> Option<HeapNeeds> {
    let live = case.live_heap_bytes()?;
    let moments = &case.timeline.moments;
    let used = case.timeline.last(|moment| Some(moment.heap?.used_bytes))?;
    let full = |moment: Option<&Moment>| moment.and_then(|moment| moment.full_collections);
    let lately = full(moments.last()) > full(moments.get(moments.len() / 2));
    let is_known = lately || used < live.saturating_mul(2);
    let held = if is_known { live } else { live.max(used) };
    let keeps = if is_known {
        live.saturating_add(live / 2)
    } else {
        held
    };
    Some(HeapNeeds { held, keeps })
}

/// What is known of the need for heap, bytes.
#[derive(Debug, Clone, Copy)]
struct HeapNeeds {
    /// Live, or in use where that is not known.
    held: u64,
    /// The least that it should have.
    keeps: u64,
}

/// A wish that the heap may serve as far as it can.
fn sparing_heap(wish: Wish, case: &Case) -> Wish {
    let needs = heap_needs(case);
    wish.sparing("jvm_heap", needs.map(|needs| needs.keeps))
        .used("jvm_heap", needs.map(|needs| needs.held))
}

/// A call site as a consumer.
fn call_site(frame: &Frame, share: f64, confidence: f64) -> Consumer {
    Consumer {
        kind: ConsumerKind::CallSite,
        name: Some(frame.qualified()),
        line: frame.line,
        share: Some(crate::finding::two_digits(share)),
        confidence: crate::finding::two_digits(confidence),
    }
}

/// What a size changes: how long it lasts.
fn no_size_helps() -> &'static str {
    "No size helps: a larger container only delays the end."
}
