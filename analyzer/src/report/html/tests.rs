//! What is in a page, and how large it gets.

use super::{Shown, page, to_html};
use crate::case::{Case, Moment, PoolUse, SiteSnapshot, Surroundings};
use crate::report::Report;
use flinkmem_trace::{
    Cgroup, DirectMemory, Event, EventKind, Frame, Heap, Incident, Ledger, LedgerPart, OffHeap,
    Owner, Pause, Pauses, Process, Record, Site, SiteUse, Taken, Threads,
};

const BEGIN_MS: i64 = 1_767_225_600_000;
const MIB: u64 = 1 << 20;
const DAY_S: u64 = 86_400;

fn report(case: &Case) -> Report {
    Report::of(case, &Surroundings::default())
}

/// Everything that moves, once a second for so long.
fn busy(seconds: u64) -> Case {
    let mut case = Case {
        directory: "flinkmem-tm-0-4711-20260101T000000Z".into(),
        ..Case::default()
    };
    case.header.t_ms = BEGIN_MS;
    for second in 0..seconds {
        case.timeline.moments.push(moment(second));
    }
    case.timeline.ticks = seconds;
    for second in (0..seconds).step_by(60) {
        case.evidence.push(Record::Ledger(Box::new(ledger(second))));
        case.timeline.snapshots.push(snapshot(second));
    }
    for second in (0..seconds).step_by(10) {
        case.events.push(Event {
            t_ms: wall(second),
            up_ms: second * 1000,
            event: EventKind::Checkpoint,
            number: Some(second),
            job: Some("4a1c7a7f0e3d4b6f8c2b5e9d7f1a3c5e".to_owned()),
            ..Event::default()
        });
        case.evidence.push(Record::Pause(Pause {
            t_ms: wall(second),
            up_ms: second * 1000,
            duration_us: 120_000 + noise(second, 3) % 100_000,
            cause: Some("G1 Evacuation Pause".to_owned()),
            collector: Some("G1 Young Generation".to_owned()),
        }));
    }
    for id in 1..=SITES {
        case.sites.insert(id, site(id));
    }
    case
}

const SITES: u32 = 32;

fn wall(second: u64) -> i64 {
    BEGIN_MS + i64::try_from(second * 1000).unwrap()
}

/// Figures that nobody can foresee, so that none is left out for being the same as the one before.
fn noise(second: u64, salt: u64) -> u64 {
    let mixed =
        (second + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20
}

fn moment(second: u64) -> Moment {
    let around = |base: u64, salt: u64| base * MIB + noise(second, salt) % (64 * MIB);
    let pool = |salt| {
        Some(PoolUse {
            used_bytes: around(100, salt),
            committed_bytes: around(140, salt),
            max_bytes: Some(256 * MIB),
        })
    };
    Moment {
        t_ms: wall(second),
        up_ms: second * 1000,
        direct: Some(DirectMemory {
            capacity_bytes: around(90, 1),
            max_bytes: Some(200 * MIB),
            ..DirectMemory::default()
        }),
        off_heap: Some(OffHeap {
            live_bytes: around(95, 2),
            ..OffHeap::default()
        }),
        heap: Some(Heap {
            used_bytes: around(300, 3),
            committed_bytes: 512 * MIB,
            max_bytes: 512 * MIB,
            after_gc_bytes: Some(around(200, 4)),
        }),
        metaspace: pool(5),
        class_space: pool(6),
        code_cache: pool(7),
        process: Some(Process {
            vm_rss_bytes: around(900, 8),
            threads: 60 + noise(second, 9) % 20,
            ..Process::default()
        }),
        cgroup: Some(Cgroup {
            usage_bytes: around(1000, 10),
            limit_bytes: Some(1200 * MIB),
            ..Cgroup::default()
        }),
        threads: Some(Threads {
            live: 50 + noise(second, 11) % 20,
            ..Threads::default()
        }),
        pauses: Some(Pauses {
            longest_us: noise(second, 12) % 90_000,
            ..Pauses::default()
        }),
        ..Moment::default()
    }
}

fn ledger(second: u64) -> Ledger {
    let owners = [
        Owner::JavaHeap,
        Owner::Metaspace,
        Owner::CodeCache,
        Owner::UserOffHeap,
        Owner::FlinkNetworkSegments,
        Owner::MallocInUse,
        Owner::MallocFree,
        Owner::JavaThreadStacks,
        Owner::GcStructures,
        Owner::Netty,
        Owner::MappedFiles,
        Owner::Agent,
    ];
    let parts = owners.iter().zip(0..).map(|(owner, salt)| LedgerPart {
        owner: *owner,
        bytes: noise(second, 100 + salt) % (90 * MIB),
        samples: None,
    });
    Ledger {
        taken: Taken {
            t_ms: wall(second),
            up_ms: second * 1000,
            ..Taken::default()
        },
        rss_bytes: 900 * MIB,
        parts: parts.collect(),
        ..Ledger::default()
    }
}

fn snapshot(second: u64) -> SiteSnapshot {
    let uses = (1..=SITES).map(|id| SiteUse {
        id,
        live_bytes: noise(second, u64::from(id)) % MIB,
        live_count: 10,
        old_bytes: 0,
        samples: 5,
    });
    SiteSnapshot {
        up_ms: second * 1000,
        incident: None,
        uses: uses.collect(),
    }
}

fn site(id: u32) -> Site {
    let frame = |depth: u32| Frame {
        class: format!("com.acme.jobs.enrichment.Operator{id}"),
        method: format!("callNumber{depth}"),
        line: Some(depth),
        loader: None,
    };
    Site {
        id,
        frames: (0..40).map(frame).collect(),
        ..Site::default()
    }
}

#[test]
fn a_day_at_one_sample_a_second_fits_into_two_megabytes() {
    let case = busy(DAY_S);
    let page = to_html(&case, &report(&case));
    assert!(page.len() <= 2_000_000, "{} bytes", page.len());
    for part in ["timeline", "ledger", "flame", "facts"] {
        assert!(page.contains(&format!("id=\"p1-{part}-h\"")), "{part}");
    }
}

#[test]
fn the_page_refers_to_nothing_outside_of_it() {
    let case = busy(120);
    let page = to_html(&case, &report(&case));
    for reference in [
        "src=",
        "href=\"http",
        "@import",
        "url(",
        "<link",
        "<iframe",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
    ] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("script-src 'unsafe-inline'"));
}

#[test]
fn text_of_a_trace_is_escaped_in_markup_and_in_data() {
    let hostile = "</script><b onclick=\"x\">'&";
    let mut case = busy(60);
    case.header.host = hostile.to_owned();
    case.sites.get_mut(&1).unwrap().frames[0].class = hostile.to_owned();
    case.incidents.push(Incident {
        t_ms: BEGIN_MS,
        thread: Some(hostile.to_owned()),
        ..Incident::default()
    });
    let page = to_html(&case, &report(&case));
    assert!(!page.contains(hostile));
    assert!(!page.contains("<b onclick"));
    assert!(
        page.contains("&lt;/script&gt;&lt;b onclick=&quot;x&quot;&gt;"),
        "in markup"
    );
    assert!(page.contains("\\u003c/script>\\u003cb onclick="), "in data");
    // The styles', the page's own script's, and one for the data of the process.
    assert_eq!(page.matches("</script>").count(), 2);
}

#[test]
fn several_processes_are_one_page_the_worst_first() {
    let (healthy, leaking) = (busy(60), out_of_direct_memory());
    let reports = [report(&healthy), report(&leaking)];
    let shown = |case, report| Shown {
        case,
        report,
        budget: None,
    };
    let page = page(&[shown(&healthy, &reports[0]), shown(&leaking, &reports[1])]);
    assert_eq!(page.matches("<article").count(), 2);
    assert!(page.contains("href=\"#p1\"") && page.contains("href=\"#p2\""));
    let first = page.find("id=\"p1\"").unwrap();
    let second = page.find("id=\"p2\"").unwrap();
    let critical = page[first..second].contains("badge critical");
    assert!(critical, "the one that ran out comes first");
    assert!(!page[second..].contains("badge critical"));
}

/// One whose direct memory was met, by a line of its log's words.
fn out_of_direct_memory() -> Case {
    let mut case = busy(60);
    for moment in &mut case.timeline.moments {
        let full = DirectMemory {
            capacity_bytes: 200 * MIB,
            max_bytes: Some(200 * MIB),
            ..DirectMemory::default()
        };
        moment.direct = Some(full);
    }
    case.incidents.push(Incident {
        t_ms: wall(59),
        up_ms: 59_000,
        id: 1,
        incident: flinkmem_trace::IncidentKind::OutOfMemoryError,
        error_class: Some("java.lang.OutOfMemoryError".to_owned()),
        message: Some("Direct buffer memory".to_owned()),
        frames: vec![Frame {
            class: "java.nio.Bits".to_owned(),
            method: "reserveMemory".to_owned(),
            ..Frame::default()
        }],
        ..Incident::default()
    });
    case
}
