//! Lives of processes that are made up, and what the family says of them.

use super::judge;
use crate::case::{Case, Moment, Outcome, OutcomeKind, SiteSnapshot};
use crate::configuration::from_trace_header;
use crate::finding::{ConsumerKind, Finding, Label, Severity};
use crate::rules::{Facts, Verdict};
use flinkmem_trace::{
    AllocatorFigures, Cgroup, FlinkFacts, Frame, Header, Jvm, Ledger, LedgerPart, Libraries,
    LibraryUse, NativeObjectClass, NativeObjectSite, NativeObjects, Owner, Record, Site, SiteUse,
    Taken,
};

const MIB: u64 = 1 << 20;
/// Samples of a life, ten seconds apart; a ledger with every sixth.
const SAMPLES: u64 = 240;

/// The life of a process in a container of 1000 MiB.
struct Life {
    case: Case,
    killed: bool,
}

fn taken(i: u64) -> Taken {
    Taken {
        up_ms: i * 10_000,
        t_ms: i64::try_from(i * 10_000).unwrap(),
        ..Taken::default()
    }
}

impl Life {
    fn new(killed: bool, held: impl Fn(u64) -> u64) -> Self {
        let mut case = Case::default();
        case.timeline.moments = (0..SAMPLES)
            .map(|i| Moment {
                up_ms: i * 10_000,
                t_ms: taken(i).t_ms,
                cgroup: Some(Cgroup {
                    usage_bytes: held(i) * MIB,
                    limit_bytes: Some(1000 * MIB),
                    file_bytes: Some(0),
                    ..Cgroup::default()
                }),
                ..Moment::default()
            })
            .collect();
        Self { case, killed }
    }

    fn ledgers(mut self, parts: impl Fn(u64) -> Vec<(Owner, u64)>) -> Self {
        for i in (0..SAMPLES).step_by(6).chain([SAMPLES - 1]) {
            let part = |(owner, mib)| LedgerPart {
                owner,
                bytes: mib * MIB,
                samples: None,
            };
            self.push(Record::Ledger(Box::new(Ledger {
                taken: taken(i),
                parts: parts(i).into_iter().map(part).collect(),
                allocator: Some(AllocatorFigures {
                    name: "glibc".to_owned(),
                    ..AllocatorFigures::default()
                }),
                ..Ledger::default()
            })));
        }
        self
    }

    fn push(&mut self, record: Record) {
        self.case.evidence.push(record);
    }

    /// A call site of `class.method`.
    fn site(mut self, id: u32, inner: &str, class: &str) -> Self {
        let frame = |class: &str, method: &str| Frame {
            class: class.to_owned(),
            method: method.to_owned(),
            line: Some(7),
            loader: None,
        };
        let frames = vec![frame(inner, "allocateMemory"), frame(class, "load")];
        let site = Site {
            id,
            frames,
            ..Site::default()
        };
        self.case.sites.insert(id, site);
        self
    }

    fn off_heap(mut self, id: u32, live: impl Fn(u64) -> u64) -> Self {
        self.case.timeline.snapshots = (0..SAMPLES)
            .map(|i| SiteSnapshot {
                up_ms: i * 10_000,
                incident: None,
                uses: vec![SiteUse {
                    id,
                    live_bytes: live(i) * MIB,
                    samples: 100,
                    ..SiteUse::default()
                }],
            })
            .collect();
        self
    }

    fn objects(mut self, class: &str, live: impl Fn(u64) -> u64) -> Self {
        for i in (0..SAMPLES).step_by(3) {
            let class = NativeObjectClass {
                class: class.to_owned(),
                created: live(i) + 10,
                disposed: 10,
                sites: vec![NativeObjectSite {
                    id: 1,
                    live: live(i),
                    samples: 60,
                }],
                ..NativeObjectClass::default()
            };
            self.push(Record::NativeObjects(Box::new(NativeObjects {
                taken: taken(i),
                classes: vec![class],
                ..NativeObjects::default()
            })));
        }
        self
    }

    fn library(mut self, name: &str, live: impl Fn(u64) -> u64) -> Self {
        for i in 0..SAMPLES {
            let library = LibraryUse {
                name: name.to_owned(),
                live_bytes: live(i) * MIB,
                samples: 80,
                ..LibraryUse::default()
            };
            self.push(Record::Libraries(Box::new(Libraries {
                taken: taken(i),
                libraries: vec![library],
                ..Libraries::default()
            })));
        }
        self
    }

    /// A TaskManager with so many MiB of heap and of overhead.
    fn flink(mut self, heap: u64, overhead: u64) -> Self {
        let options = [
            ("taskmanager.memory.network.min", 64),
            ("taskmanager.memory.network.max", 64),
            ("taskmanager.memory.task.off-heap.size", 0),
            ("taskmanager.memory.jvm-metaspace.size", 96),
            ("taskmanager.memory.jvm-overhead.min", overhead),
            ("taskmanager.memory.jvm-overhead.max", overhead),
            ("taskmanager.memory.framework.off-heap.size", 64),
            ("taskmanager.memory.framework.heap.size", 128),
            ("taskmanager.memory.managed.size", 0),
            ("taskmanager.memory.task.heap.size", heap - 128),
        ];
        let options = options.map(|(key, mib)| (key.to_owned(), format!("{}b", mib * MIB)));
        self.case.header = Header {
            flink: Some(FlinkFacts {
                process: "tm".to_owned(),
                version: Some("1.20.5".to_owned()),
                options: options.into(),
            }),
            jvm: Jvm {
                arguments: vec![format!("-Xmx{}", heap * MIB)],
                ..Jvm::default()
            },
            ..Header::default()
        };
        self.case.observed = from_trace_header(&self.case.header);
        self
    }

    fn findings(mut self) -> Vec<Finding> {
        self.case.evidence.sort();
        let outcome = Outcome {
            kind: match self.killed {
                true => OutcomeKind::Killed,
                false => OutcomeKind::Running,
            },
            detail: "it is told so".to_owned(),
        };
        let budget = crate::budget::Budget::recorded(&self.case.observed);
        let mut verdict = Verdict::default();
        let facts = Facts {
            case: &self.case,
            outcome: &outcome,
            budget: budget.as_ref(),
        };
        judge(facts, &mut verdict);
        verdict.findings
    }
}

fn labels(life: Life) -> Vec<Label> {
    let findings = life.findings();
    findings.iter().map(|finding| finding.label).collect()
}

/// From 200 MiB to the limit.
fn to_the_limit(i: u64) -> u64 {
    200 + i * 798 / (SAMPLES - 1)
}

fn leaked(i: u64) -> u64 {
    to_the_limit(i) - 200
}

#[test]
fn unsafe_memory_of_user_code_is_named_by_its_call_site() {
    let life = Life::new(true, to_the_limit)
        .site(1, "sun.misc.Unsafe", "com.acme.Index")
        .off_heap(1, leaked)
        .ledgers(|i| vec![(Owner::UserOffHeap, leaked(i)), (Owner::JavaHeap, 100)]);
    let findings = life.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].label, Label::UnsafeMemoryLeak);
    assert_eq!(
        findings[0].consumer.name.as_deref(),
        Some("com.acme.Index.load")
    );
    assert_eq!(findings[0].severity, Severity::Critical);
    assert!(findings[0].remedy.config.is_empty());
}

#[test]
fn flinks_own_segments_are_not_unsafe_memory_of_anybody() {
    let life = Life::new(true, to_the_limit)
        .site(
            1,
            "org.apache.flink.core.memory.MemoryUtils",
            "com.acme.Index",
        )
        .off_heap(1, leaked);
    assert!(!labels(life).contains(&Label::UnsafeMemoryLeak));
}

#[test]
fn a_rise_of_unsafe_memory_is_seen_before_the_end() {
    let life = Life::new(false, |i| 200 + i)
        .site(1, "sun.misc.Unsafe", "com.acme.Index")
        .off_heap(1, |i| i)
        .ledgers(|i| vec![(Owner::UserOffHeap, i)]);
    let findings = life.findings();
    assert_eq!(findings[0].label, Label::UnsafeMemoryLeak);
    // 561 MiB to go at a MiB each ten seconds.
    let forecast = findings[0].forecast.unwrap();
    assert!((forecast.exhausted_in_s - 5610.0).abs() < 1.0);
    assert!(!findings[0].limit.reached);
}

#[test]
fn codecs_that_are_never_ended_are_named_by_who_makes_them() {
    // 40 KiB each.
    let life = Life::new(true, to_the_limit)
        .site(1, "java.util.zip.Inflater", "com.acme.Decoder")
        .objects("java.util.zip.Inflater", |i| leaked(i) * 25)
        .ledgers(|i| vec![(Owner::MallocInUse, 20 + leaked(i))]);
    let findings = life.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].label, Label::CodecNativeLeak);
    assert_eq!(
        findings[0].consumer.name.as_deref(),
        Some("com.acme.Decoder.load")
    );
}

#[test]
fn objects_of_rocksdb_own_what_malloc_gave_out_while_they_became_more() {
    let life = Life::new(true, to_the_limit)
        .site(1, "org.rocksdb.Options", "com.acme.Lookup")
        .objects("org.rocksdb.Options", |i| leaked(i) * 3)
        .ledgers(|i| vec![(Owner::MallocInUse, 20 + leaked(i))]);
    assert_eq!(labels(life), [Label::RocksdbNativeLeak]);
}

#[test]
fn as_many_objects_of_rocksdb_as_there_were_are_no_leak() {
    let life = Life::new(true, to_the_limit)
        .site(1, "org.rocksdb.Options", "com.acme.Lookup")
        .objects("org.rocksdb.Options", |i| (i * 100).min(500))
        .ledgers(|i| vec![(Owner::MallocInUse, 20 + leaked(i))]);
    assert_eq!(labels(life), [Label::NativeGrowthUnattributed]);
}

#[test]
fn what_the_allocator_keeps_is_its_own() {
    let life = Life::new(true, to_the_limit)
        .ledgers(|i| vec![(Owner::MallocInUse, 60), (Owner::MallocFree, 5 + leaked(i))]);
    let findings = life.findings();
    assert_eq!(findings[0].label, Label::AllocatorFragmentation);
    assert!(findings[0].remedy.text.contains("MALLOC_ARENA_MAX"));
}

#[test]
fn a_library_is_named_where_somebody_counted() {
    let ledger = |i| vec![(Owner::MallocInUse, 20 + leaked(i))];
    let counted = Life::new(true, to_the_limit)
        .library("libacme.so", leaked)
        .ledgers(ledger);
    let findings = counted.findings();
    assert_eq!(findings[0].label, Label::NativeEngineLeak);
    assert_eq!(findings[0].consumer.kind, ConsumerKind::Library);
    let uncounted = Life::new(true, to_the_limit).ledgers(ledger).findings();
    assert_eq!(uncounted[0].label, Label::NativeGrowthUnattributed);
    assert_eq!(uncounted[0].consumer.kind, ConsumerKind::Unknown);
    assert!(uncounted[0].collect[0].contains("native=on"));
}

#[test]
fn two_culprits_are_two_findings() {
    let half = |i| leaked(i) / 2;
    let life = Life::new(true, to_the_limit)
        .site(1, "sun.misc.Unsafe", "com.acme.Index")
        .off_heap(1, half)
        .library("libacme.so", half)
        .ledgers(|i| vec![(Owner::UserOffHeap, half(i)), (Owner::MallocInUse, half(i))]);
    let labels = labels(life);
    assert_eq!(labels.len(), 2);
    assert!(labels.contains(&Label::UnsafeMemoryLeak) && labels.contains(&Label::NativeEngineLeak));
}

#[test]
fn a_heap_that_first_fills_kills_where_the_overhead_has_no_room() {
    // All pools with an overhead of 32 MiB are 1000 MiB; beside them 150 MiB are taken.
    let heap = |i: u64| 60 + i * 600 / (SAMPLES - 1);
    let life = Life::new(true, |i| heap(i) + 338)
        .flink(680, 32)
        .ledgers(|i| {
            vec![
                (Owner::JavaHeap, heap(i)),
                (Owner::Metaspace, 60),
                (Owner::MallocInUse, 150),
            ]
        });
    let findings = life.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].label, Label::JvmOverheadUndersized);
}

#[test]
fn a_container_smaller_than_the_process_is_arithmetic() {
    let killed = Life::new(true, to_the_limit)
        .flink(980, 192)
        .ledgers(|i| vec![(Owner::JavaHeap, 100 + leaked(i))]);
    let findings = killed.findings();
    assert_eq!(findings[0].label, Label::ContainerLimitBelowBudget);
    assert_eq!(findings[0].severity, Severity::Critical);
    let far = Life::new(false, |_| 300).flink(980, 192).findings();
    assert_eq!(far[0].severity, Severity::Info);
}

#[test]
fn a_kill_that_nothing_explains_is_told_with_little_confidence() {
    let life = Life::new(true, |i| 900 + i * 99 / (SAMPLES - 1))
        .ledgers(|_| vec![(Owner::JavaHeap, 584), (Owner::MallocInUse, 100)]);
    let findings = life.findings();
    assert_eq!(findings[0].label, Label::NativeGrowthUnattributed);
    assert!(findings[0].confidence < 0.5);
    assert_eq!(findings[0].consumer.kind, ConsumerKind::Unknown);
}

#[test]
fn healthy_processes_are_left_alone() {
    let flat = Life::new(false, |_| 930)
        .flink(584, 192)
        .ledgers(|_| vec![(Owner::JavaHeap, 584), (Owner::MallocInUse, 100)]);
    assert_eq!(labels(flat), []);
    let warm_up = |i: u64| 20 + i.min(30);
    let warming = Life::new(false, move |i| 300 + warm_up(i))
        .flink(584, 192)
        .ledgers(move |i| vec![(Owner::MallocInUse, warm_up(i)), (Owner::MallocFree, 10)]);
    assert_eq!(labels(warming), []);
    let heap_fills = Life::new(false, |i| 300 + 2 * i)
        .flink(584, 192)
        .ledgers(|i| vec![(Owner::JavaHeap, 50 + 2 * i), (Owner::MallocInUse, 100)]);
    assert_eq!(labels(heap_fills), []);
}
