//! The picture as a whole, on small cases put together by hand.

use super::*;
use crate::case::Evidence;
use crate::rules::Facts;
use flinkmem_trace::{
    ClassCount, Event, Heap, HeapSite, HeapSites, Histogram, Pauses, Record, Site, Taken,
};

const MIB: u64 = 1 << 20;
const LIMIT: u64 = 100 * MIB;

/// A case of one reading a second; `used` says how many MiB are in use then, all of them live.
fn case(used: impl Fn(u64) -> u64, seconds: u64) -> Case {
    let mut case = Case::default();
    case.observed.process = Some(Process::TaskManager);
    for s in 0..seconds {
        case.timeline.moments.push(Moment {
            up_ms: s * 1000,
            t_ms: i64::try_from(s).unwrap() * 1000,
            heap: Some(Heap {
                used_bytes: used(s) * MIB,
                max_bytes: LIMIT,
                after_gc_bytes: Some(used(s) * MIB),
                ..Heap::default()
            }),
            pauses: Some(Pauses {
                count: s,
                collections: s,
                total_us: s * 1000,
                ..Pauses::default()
            }),
            ..Moment::default()
        });
    }
    case.events.push(Event {
        event: EventKind::TaskStarted,
        up_ms: 2_000,
        ..Event::default()
    });
    case
}

fn fails_at(case: &mut Case, s: u64, frames: &[&str]) {
    case.incidents.push(Incident {
        up_ms: s * 1000,
        t_ms: i64::try_from(s).unwrap() * 1000,
        id: 1,
        incident: flinkmem_trace::IncidentKind::ResourceExhausted,
        flags: Some(3),
        message: Some("Java heap space".to_owned()),
        frames: stack::tests::frames(frames),
        ..Incident::default()
    });
}

fn survives(case: &mut Case, s: u64, frames: &[&str]) -> Record {
    case.sites.insert(
        1,
        Site {
            id: 1,
            frames: stack::tests::frames(frames),
            ..Site::default()
        },
    );
    Record::HeapSites(Box::new(HeapSites {
        taken: Taken {
            up_ms: s * 1000,
            ..Taken::default()
        },
        sites: vec![HeapSite {
            id: 1,
            live_bytes: 10 * MIB,
            old_bytes: 10 * MIB,
            samples: 20,
            ..HeapSite::default()
        }],
        ..HeapSites::default()
    }))
}

fn holds(s: u64, class: &str) -> Record {
    let count = |class: &str, count, bytes| ClassCount {
        class: class.to_owned(),
        count,
        bytes,
        ..ClassCount::default()
    };
    Record::Histogram(Box::new(Histogram {
        taken: Taken {
            up_ms: s * 1000,
            ..Taken::default()
        },
        complete: true,
        count: 1,
        bytes: 95 * MIB,
        classes: vec![count("byte[]", 1000, 90 * MIB), count(class, 900, 2 * MIB)],
        ..Histogram::default()
    }))
}

fn leaning(case: &Case) -> Leaning {
    let outcome = Outcome {
        kind: OutcomeKind::Unknown,
        detail: String::new(),
    };
    HeapPicture::of(Facts {
        case,
        outcome: &outcome,
        budget: None,
    })
    .leaning
}

fn cause(case: &Case) -> Option<Cause> {
    match leaning(case) {
        Leaning::To(cause, _) => Some(cause),
        _ => None,
    }
}

const MAP: [&str; 2] = [
    "com.acme.Tracker.map",
    "org.apache.flink.streaming.api.operators.StreamMap.processElement",
];

#[test]
fn a_long_way_up_with_one_owner_is_a_leak() {
    let mut leak = case(|s| 20 + s, 80);
    fails_at(&mut leak, 79, &["org.apache.pekko.Dispatcher.execute"]);
    let site = survives(&mut leak, 78, &MAP);
    leak.evidence = Evidence::of_records([site]);
    assert_eq!(cause(&leak), Some(Cause::Leak));
}

#[test]
fn the_same_while_an_operator_opens_is_too_small_a_heap() {
    let open = [
        "com.acme.Lookup.open",
        "org.apache.flink.api.common.functions.util.FunctionUtils.openFunction",
    ];
    let mut table = case(|s| 20 + s, 80);
    fails_at(&mut table, 79, &open);
    let site = survives(&mut table, 78, &open);
    table.evidence = Evidence::of_records([site]);
    assert_eq!(cause(&table), Some(Cause::Undersized));
}

#[test]
fn flinks_own_classes_of_state_tell_state() {
    let mut state = case(|s| 20 + s, 80);
    fails_at(&mut state, 79, &MAP);
    let site = survives(&mut state, 78, &MAP);
    let entries = holds(
        79,
        "org.apache.flink.runtime.state.heap.CopyOnWriteStateMap$StateMapEntry",
    );
    state.evidence = Evidence::of_records([site, entries]);
    assert_eq!(cause(&state), Some(Cause::State));
}

#[test]
fn a_burst_of_one_call_after_a_quiet_time_is_a_bulk_load() {
    let mut bulk = case(|s| if s < 50 { 20 } else { 20 + (s - 50) * 26 }, 54);
    fails_at(
        &mut bulk,
        53,
        &["com.acme.Driver.fetchAll", "com.acme.Enrich.map"],
    );
    assert_eq!(cause(&bulk), Some(Cause::Bulk));
    let mut unseen = case(|_| 20, 54);
    fails_at(
        &mut unseen,
        53,
        &["com.acme.Driver.fetchAll", "com.acme.Enrich.map"],
    );
    assert_eq!(cause(&unseen), Some(Cause::Bulk), "between two readings");
}

#[test]
fn in_a_job_manager_what_coordinates_is_told_by_its_stack() {
    let discover = [
        "com.acme.FileEnumerator.discover",
        "org.apache.flink.runtime.source.coordinator.ExecutorNotifier.lambda$notifyReadyAsync$5",
    ];
    let mut splits = case(|s| 20 + s, 80);
    splits.observed.process = Some(Process::JobManager);
    fails_at(&mut splits, 79, &discover);
    assert_eq!(cause(&splits), Some(Cause::Metadata));
}

#[test]
fn a_steady_rise_is_told_before_the_end() {
    let leak = case(|s| 20 + s / 3, 120);
    assert!(matches!(leaning(&leak), Leaning::To(Cause::Leak, sure) if sure < 0.8));
}

#[test]
fn caches_that_fill_saws_and_large_flat_heaps_are_silent() {
    let settles = |s: u64| 20 + s.min(50);
    let saw = |s: u64| 20 + s % 20 * 3;
    let flat = |s: u64| 85 + s % 2;
    assert_eq!(cause(&case(settles, 200)), None);
    assert_eq!(cause(&case(saw, 200)), None);
    assert_eq!(cause(&case(flat, 200)), None);
    assert_eq!(cause(&case(|s| 20 + s, 40)), None, "a warm-up");
}

#[test]
fn garbage_of_an_old_generation_that_nobody_collected_is_no_leak() {
    let mut unknown = case(|s| 20 + s / 3, 120);
    for moment in &mut unknown.timeline.moments {
        moment.heap.as_mut().unwrap().after_gc_bytes = None;
    }
    assert!(matches!(leaning(&unknown), Leaning::NotEnoughData(_)));
}
