//! How long a diagnosis takes: a day of samples, one a second, and lines of logs.
//!
//! `cargo bench -p flinkmem --bench diagnose`. The trace is that of a TaskManager with everything that the agent records, made by the trace crate's
//! own writer under the default disk budget of 64 MiB, so with its real segments; the process is healthy but for a slow leak of direct memory. Peak memory
//! is the kernel's (`VmHWM`), of this program, which does nothing else. `docs/overhead.md` has figures.

#![allow(clippy::unwrap_used, reason = "a bench may fail loudly")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "figures of a bench"
)]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use flinkmem_analyzer::case::{Case, Surroundings};
use flinkmem_analyzer::lines::LineReader;
use flinkmem_analyzer::report::html::to_html;
use flinkmem_analyzer::report::{Report, to_text};
use flinkmem_trace::{
    AgentCost, Cgroup, Classes, Collector, Cpu, DirectMemory, DiskBudget, FlinkFacts, FlinkInside,
    Header, Heap, Job, Ledger, LedgerPart, NettyCopy, NetworkPool, Occasion, OffHeap, Owner,
    Paging, Pauses, Pool, PoolKind, Process, Psi, Record, RocksDb, Safepoints, Sample, Site,
    SiteUse, Slot, Stall, Surroundings as Around, Taken, Threads, TraceWriter,
};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const DAY_S: u64 = 24 * 3600;
const MIB: u64 = 1 << 20;
const BEGIN_MS: i64 = 1_767_225_600_000;

fn main() {
    let trace = trace();
    let on_disk = size_of_directory(trace);
    let before = peak_bytes();
    let case = Case::read(trace).unwrap();
    let samples = case.timeline.ticks;
    let report = Report::of(&case, &Surroundings::default());
    let verdict = report.findings.first().map(|finding| finding.label.name());
    println!(
        "a day: {samples} samples, {} MiB on disk; verdict {verdict:?}; peak memory of a diagnosis {} MiB (before it {} MiB)",
        on_disk / MIB,
        peak_bytes() / MIB,
        before / MIB
    );
    println!("its page: {} KiB", to_html(&case, &report).len() / 1024);
    divan::main();
    let _ = std::fs::remove_dir_all(trace.parent().unwrap());
}

/// Reading, judging and printing, as `flinkmem diagnose` does it.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_day(bencher: Bencher<'_, '_>) {
    let trace = trace();
    bencher.bench_local(|| {
        let case = Case::read(trace).unwrap();
        to_text(&Report::of(&case, &Surroundings::default()))
    });
}

/// Only reading.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_day_read(bencher: Bencher<'_, '_>) {
    let trace = trace();
    bencher.bench_local(|| Case::read(trace).unwrap());
}

/// Only judging.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_day_judged(bencher: Bencher<'_, '_>) {
    let case = Case::read(trace()).unwrap();
    bencher.bench_local(|| Report::of(black_box(&case), &Surroundings::default()));
}

/// Only the HTML page, of what was read and judged.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_day_as_a_page(bencher: Bencher<'_, '_>) {
    let case = Case::read(trace()).unwrap();
    let report = Report::of(&case, &Surroundings::default());
    bencher.bench_local(|| to_html(black_box(&case), black_box(&report)));
}

/// A TaskManager's log: ordinary lines, now and then a stack.
#[divan::bench(sample_count = 20)]
fn log_lines(bencher: Bencher<'_, '_>) {
    let log = log();
    bencher
        .counter(BytesCount::of_slice(&log))
        .bench_local(|| LineReader::new(0).read(black_box(log.as_slice())));
}

/// A GC log.
#[divan::bench(sample_count = 20)]
fn gc_log_lines(bencher: Bencher<'_, '_>) {
    let log = gc_log();
    bencher
        .counter(BytesCount::of_slice(&log))
        .bench_local(|| LineReader::new(0).read(black_box(log.as_slice())));
}

fn log() -> Vec<u8> {
    let mut text = String::new();
    for line in 0..100_000_u64 {
        let (minute, second, ms) = (line / 6_000 % 60, line / 100 % 60, line % 1000);
        text.push_str(&format!(
            "2026-01-01 10:{minute:02}:{second:02},{ms:03} INFO  org.apache.flink.runtime.taskmanager.Task                    [] - Map -> Sink: Out ({}/8)#{line} switched from DEPLOYING to RUNNING.\n",
            line % 8
        ));
        if line % 1000 == 999 {
            text.push_str("java.lang.RuntimeException: retry\n");
            for frame in 0..20 {
                text.push_str(&format!(
                    "\tat com.acme.Enricher.call{frame}(Enricher.java:{frame})\n"
                ));
            }
        }
    }
    text.into_bytes()
}

fn gc_log() -> Vec<u8> {
    let line = |n: u64| {
        format!(
            "[2026-01-01T10:{:02}:{:02}.{:03}+0000][info][gc] GC({n}) Pause Young (Normal) (G1 Evacuation Pause) {}M->{}M(2048M) 3.{:03}ms\n",
            n / 6_000 % 60,
            n / 100 % 60,
            n % 1000,
            1000 + n % 500,
            400 + n % 50,
            n % 1000
        )
    };
    (0..100_000).map(line).collect::<String>().into_bytes()
}

/// The trace of a day, written once.
fn trace() -> &'static Path {
    static TRACE: OnceLock<PathBuf> = OnceLock::new();
    TRACE.get_or_init(|| {
        let parent = std::env::temp_dir().join(format!("flinkmem-bench-{}", std::process::id()));
        let directory = parent.join("flinkmem-tm-0-4711-20260101T000000Z");
        write_day(&directory);
        directory
    })
}

fn write_day(directory: &Path) {
    let mut writer = TraceWriter::create(directory, &header(), DiskBudget::new(64 * MIB)).unwrap();
    for id in 1..=3 {
        let site = Site {
            id,
            ..Site::default()
        };
        writer.write(&Record::Site(site)).unwrap();
    }
    for second in 0..DAY_S {
        writer
            .write(&Record::Sample(Box::new(sample(second))))
            .unwrap();
        if second % 60 == 0 {
            writer
                .write(&Record::Ledger(Box::new(ledger(second))))
                .unwrap();
        }
        if second % 30 == 0 {
            let around = Around {
                taken: taken(second),
                ..Around::default()
            };
            writer
                .write(&Record::Surroundings(Box::new(around)))
                .unwrap();
        }
    }
}

fn header() -> Header {
    let options = [
        ("taskmanager.memory.network.min", "78852916b"),
        ("taskmanager.memory.network.max", "78852916b"),
        ("taskmanager.memory.task.off-heap.size", "0b"),
        ("taskmanager.memory.jvm-metaspace.size", "268435456b"),
        ("taskmanager.memory.jvm-overhead.min", "201326592b"),
        ("taskmanager.memory.jvm-overhead.max", "201326592b"),
        ("taskmanager.memory.framework.off-heap.size", "134217728b"),
        ("taskmanager.memory.framework.heap.size", "134217728b"),
        ("taskmanager.memory.managed.size", "315411665b"),
        ("taskmanager.memory.task.heap.size", "125829115b"),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Header {
        t_ms: BEGIN_MS,
        host: "tm-0".to_owned(),
        pid: 4711,
        flink: Some(FlinkFacts {
            process: "tm".to_owned(),
            version: Some("1.20.5".to_owned()),
            options: options.into(),
        }),
        ..Header::default()
    }
}

fn taken(second: u64) -> Taken {
    Taken {
        t_ms: BEGIN_MS + second as i64 * 1000,
        up_ms: second * 1000,
        occasion: Occasion::Routine,
        ..Taken::default()
    }
}

fn ledger(second: u64) -> Ledger {
    let owners = [
        Owner::JavaHeap,
        Owner::Metaspace,
        Owner::CodeCache,
        Owner::FlinkNetworkSegments,
        Owner::MallocInUse,
        Owner::JavaThreadStacks,
        Owner::GcStructures,
    ];
    let part = |owner| LedgerPart {
        owner,
        bytes: 40 * MIB + second % 1000 * 4096,
        samples: None,
    };
    Ledger {
        taken: taken(second),
        rss_bytes: 300 * MIB,
        parts: owners.map(part).to_vec(),
        ..Ledger::default()
    }
}

/// Figures that move as those of a living process do, so that they compress as those do: a counter that grows by what nobody can foresee.
fn noise(second: u64, salt: u64) -> u64 {
    let mut x =
        (second + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    x ^= x >> 32;
    x = x.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    x ^ (x >> 32)
}

fn sample(second: u64) -> Sample {
    let wobble = |salt: u64, most: u64| noise(second, salt) % most;
    let leaked = second * 512;
    let direct = 80 * MIB + leaked + wobble(1, MIB);
    let young = second / 8;
    let full = second / 600;
    let used = 90 * MIB + (second % 8) * 12 * MIB + wobble(2, MIB);
    Sample {
        t_ms: BEGIN_MS + second as i64 * 1000 + wobble(3, 3) as i64,
        up_ms: second * 1000 + wobble(3, 3),
        direct: Some(DirectMemory {
            reserved_bytes: direct + 1,
            capacity_bytes: direct,
            count: 900 + leaked / 4096,
            max_bytes: Some(213_070_644),
        }),
        off_heap: Some(OffHeap {
            live_bytes: direct + MIB,
            live_count: 1000 + wobble(4, 100),
            allocated_bytes: second * MIB + wobble(5, MIB),
            allocated_count: second * 100 + wobble(6, 100),
            sampling_bytes: 524_288,
            ..OffHeap::default()
        }),
        heap: Some(Heap {
            used_bytes: used,
            committed_bytes: 248 * MIB,
            max_bytes: 248 * MIB,
            after_gc_bytes: Some(88 * MIB + wobble(7, MIB)),
        }),
        pools: pools(second, used),
        collectors: vec![
            Collector {
                name: "G1 Young Generation".to_owned(),
                count: young,
                time_ms: young * 5,
            },
            Collector {
                name: "G1 Old Generation".to_owned(),
                count: full,
                time_ms: full * 80,
            },
        ],
        pauses: Some(Pauses {
            count: young,
            total_us: young * 5000 + wobble(8, 1000),
            longest_us: wobble(9, 9000),
            collections: young + full,
        }),
        safepoints: Some(Safepoints {
            count: second * 2,
            stopped_ms: second,
            sync_ms: second / 3,
        }),
        threads: Some(Threads {
            live: 90 + wobble(10, 4),
            daemon: 40,
            peak: 96,
            started: 120 + second / 100,
        }),
        classes: Some(Classes {
            loaded: 12_000 + second / 500,
            unloaded: second / 900,
        }),
        process: Some(Process {
            vm_rss_bytes: 700 * MIB + leaked + wobble(11, 4 * MIB),
            rss_anon_bytes: 650 * MIB + leaked + wobble(12, 4 * MIB),
            rss_file_bytes: 50 * MIB,
            threads: 130,
            ..Process::default()
        }),
        cgroup: Some(Cgroup {
            usage_bytes: 900 * MIB + wobble(13, 8 * MIB),
            limit_bytes: Some(1200 * MIB),
            anon_bytes: Some(655 * MIB + leaked),
            file_bytes: Some(200 * MIB + wobble(14, MIB)),
            kernel_bytes: Some(12 * MIB),
            swap_bytes: Some(0),
            failcnt: Some(0),
            oom_kill: Some(0),
            ..Cgroup::default()
        }),
        cpu: Some(Cpu {
            process_us: second * 400_000 + wobble(15, 100_000),
            throttled_us: Some(0),
            periods: Some(second * 10),
            throttled_periods: Some(0),
        }),
        psi: Some(Psi {
            cpu: Some(stall(second * 900 + wobble(16, 900))),
            memory: Some(stall(17)),
            io: Some(stall(second * 30 + wobble(17, 30))),
            ..Psi::default()
        }),
        paging: Some(Paging {
            major_faults: 12,
            host_swapped_in_bytes: Some(0),
            host_swapped_out_bytes: Some(0),
        }),
        netty: vec![NettyCopy {
            id: 1,
            package: "org.apache.flink.shaded.netty4.io.netty".to_owned(),
            ..NettyCopy::default()
        }],
        flink: Some(flink(second)),
        rocksdb: Some(RocksDb {
            caches: 2,
            cache_capacity_bytes: 300 * MIB,
            cache_usage_bytes: Some(200 * MIB + wobble(18, MIB)),
            memtables_bytes: Some(60 * MIB + wobble(19, MIB)),
            databases: 4,
            ..RocksDb::default()
        }),
        sites: match second % 10 {
            0 => sites(direct, leaked),
            _ => Vec::new(),
        },
        agent: AgentCost {
            cpu_us: second * 400 + wobble(20, 100),
            memory_bytes: 2 * MIB,
            heap_bytes: MIB + wobble(21, 4096),
            disk_bytes: second * 300,
            tick_us: 300 + wobble(22, 100),
            overslept_us: wobble(23, 900),
            ..AgentCost::default()
        },
        ..Sample::default()
    }
}

fn stall(us: u64) -> Stall {
    Stall {
        some_us: us,
        full_us: Some(us / 2),
    }
}

fn pools(second: u64, heap_used: u64) -> Vec<Pool> {
    let pool = |name: &str, kind, used_bytes, max_bytes| Pool {
        name: name.to_owned(),
        kind,
        used_bytes,
        committed_bytes: used_bytes + MIB,
        max_bytes,
        after_gc_bytes: (kind == PoolKind::Heap).then_some(used_bytes / 2),
    };
    let code = 20 * MIB + second * 16;
    vec![
        pool(
            "CodeHeap 'non-nmethods'",
            PoolKind::CodeCache,
            2 * MIB,
            Some(6 * MIB),
        ),
        pool(
            "CodeHeap 'profiled nmethods'",
            PoolKind::CodeCache,
            code,
            Some(120 * MIB),
        ),
        pool(
            "CodeHeap 'non-profiled nmethods'",
            PoolKind::CodeCache,
            code / 2,
            Some(120 * MIB),
        ),
        pool(
            "Metaspace",
            PoolKind::Metaspace,
            70 * MIB + second,
            Some(256 * MIB),
        ),
        pool(
            "Compressed Class Space",
            PoolKind::ClassSpace,
            9 * MIB,
            Some(208 * MIB),
        ),
        pool("G1 Eden Space", PoolKind::Heap, heap_used / 2, None),
        pool("G1 Survivor Space", PoolKind::Heap, 4 * MIB, None),
        pool("G1 Old Gen", PoolKind::Heap, heap_used / 2, Some(248 * MIB)),
    ]
}

fn sites(direct: u64, leaked: u64) -> Vec<SiteUse> {
    let site = |id, live_bytes| SiteUse {
        id,
        live_bytes,
        live_count: live_bytes / 4096,
        old_bytes: live_bytes / 2,
        samples: 40,
    };
    vec![
        site(1, 75 * MIB),
        site(2, leaked),
        site(3, direct - 75 * MIB - leaked),
    ]
}

fn flink(second: u64) -> FlinkInside {
    let slot = |index| Slot {
        index,
        job: Some("a3f0c1d2e4b5968778695a4b3c2d1e0f".to_owned()),
        tasks: 4,
        managed_bytes: Some(150 * MIB),
        managed_available_bytes: Some(0),
    };
    FlinkInside {
        network: Some(NetworkPool {
            segments_total: 2406,
            segments_available: Some(1200 + noise(second, 24) % 50),
            segments_required: Some(300),
            segment_bytes: 32_768,
        }),
        slots_total: Some(2),
        slots: vec![slot(0), slot(1)],
        tasks_started: Some(8),
        tasks_ended: Some(0),
        jobs: vec![Job {
            id: "a3f0c1d2e4b5968778695a4b3c2d1e0f".to_owned(),
            tasks: Some(8),
            running: Some(8),
            attempt: Some(0),
            checkpoint_id: Some(second / 60),
            ..Job::default()
        }],
        cost_us: 50 + noise(second, 25) % 20,
        ..FlinkInside::default()
    }
}

fn size_of_directory(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    entries.map(|entry| entry.metadata().unwrap().len()).sum()
}

/// The most that this process ever had resident.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.unwrap().trim().parse::<u64>().unwrap() * 1024
}
