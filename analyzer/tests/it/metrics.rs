//! Metrics: each row of the table reads the field that it says, under its name, and the document has every row.

use flinkmem_analyzer::case::{Case, Surroundings};
use flinkmem_analyzer::metrics::{
    Exposition, Format, Readings, ServiceFigures, document, process_signals, service_signals,
};
use flinkmem_analyzer::report::Report;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

const BEGIN_MS: i64 = 1_767_225_600_000;

/// A trace in which every figure that there is has a value of its own.
fn everything() -> Vec<Value> {
    let at = |up_ms: u64| json!({"t_ms": BEGIN_MS + up_ms as i64, "up_ms": up_ms});
    let with = |kind: &str, up_ms: u64, mut record: Value| {
        record["kind"] = json!(kind);
        record["t_ms"] = at(up_ms)["t_ms"].clone();
        record["up_ms"] = json!(up_ms);
        record
    };
    let header = with(
        "header",
        0,
        json!({
            "format": {"major": 1, "minor": 0}, "agent_version": "0.1.0", "agent_options": {}, "host": "tm-0", "pid": 4711,
            "start_ms": BEGIN_MS - 1000,
            "jvm": {"version": "17.0.15", "main_class": "com.acme.Main"},
            "flink": {"process": "tm", "version": "1.20.5", "options": {}},
            "system": {"kernel": "6.1", "page_size_bytes": 4096, "cpu_quota": 1.5, "cgroup_version": 2, "cgroup_path": "/pod", "allocator": "glibc"},
        }),
    );
    let user = json!({"class": "com.acme.Enricher", "method": "open", "line": 28, "loader": "org.apache.flink.util.ChildFirstClassLoader"});
    let direct = json!({"class": "java.nio.ByteBuffer", "method": "allocateDirect"});
    let site = with("site", 0, json!({"id": 1, "frames": [direct, user]}));
    let sample = with(
        "sample",
        2000,
        json!({
            "direct": {"reserved_bytes": 101, "capacity_bytes": 100, "count": 3, "max_bytes": 1000},
            "off_heap": {"live_bytes": 110, "live_count": 4, "allocated_bytes": 120, "allocated_count": 5, "accounting": "usable_size", "sampling_bytes": 1},
            "heap": {"used_bytes": 200, "committed_bytes": 210, "max_bytes": 220, "after_gc_bytes": 190},
            "pools": [
                {"name": "G1 Old Gen", "kind": "heap", "used_bytes": 201, "committed_bytes": 202, "max_bytes": 203, "after_gc_bytes": 204},
                {"name": "Metaspace", "kind": "metaspace", "used_bytes": 205, "committed_bytes": 206},
            ],
            "collectors": [{"name": "G1 Young Generation", "count": 7, "time_ms": 1500}],
            "pauses": {"count": 8, "total_us": 2_500_000, "longest_us": 40_000, "collections": 7},
            "safepoints": {"count": 9, "stopped_ms": 3500, "sync_ms": 250},
            "threads": {"live": 30, "daemon": 12, "peak": 31, "started": 40},
            "pids": {"current": 50, "max": 60},
            "classes": {"loaded": 900, "unloaded": 100},
            "process": {"vm_rss_bytes": 300, "rss_anon_bytes": 301, "rss_file_bytes": 302, "rss_shmem_bytes": 303, "vm_swap_bytes": 304, "threads": 35},
            "cgroup": {"usage_bytes": 400, "limit_bytes": 500, "anon_bytes": 401, "file_bytes": 402, "kernel_bytes": 403, "swap_bytes": 404,
                "events": {"low": 1, "high": 2, "max": 6, "oom": 4}, "oom_kill": 2},
            "cpu": {"process_us": 4_500_000, "throttled_us": 750_000, "periods": 20, "throttled_periods": 5},
            "psi": {"scope": "cgroup", "cpu": {"some_us": 1_000_000}, "memory": {"some_us": 2_000_000, "full_us": 500_000}},
            "paging": {"major_faults": 13, "host_swapped_in_bytes": 14, "host_swapped_out_bytes": 15},
            "netty": [{"id": 1, "package": "io.netty", "used_bytes": 600, "max_bytes": 700}],
            "flink": {
                "network": {"segments_total": 64, "segments_available": 60, "segments_required": 4, "segment_bytes": 32768},
                "slots_total": 2, "slots": [{"index": 0, "job": "j", "tasks": 3, "managed_bytes": 800, "managed_available_bytes": 300}],
                "tasks_started": 16, "tasks_ended": 13, "task_managers": 3,
                "jobs": [{"id": "j", "restarts": 17, "checkpoints_failed": 18}],
            },
            "rocksdb": {"caches": 1, "cache_capacity_bytes": 810, "cache_usage_bytes": 811, "cache_pinned_bytes": 812, "write_buffer_managers": 1,
                "write_buffer_limit_bytes": 813, "databases": 19, "memtables_bytes": 814},
            "sites": [{"id": 1, "live_bytes": 90, "live_count": 2, "old_bytes": 80, "samples": 9}, {"id": 77, "live_bytes": 5, "old_bytes": 1}],
            "agent": {"cpu_us": 1_250_000, "memory_bytes": 900, "heap_bytes": 901, "disk_bytes": 902, "tick_us": 500, "late_ticks": 21, "overslept_us": 0,
                "dropped_records": 22, "dropped_samples": 23, "dropped_stacks": 24, "dropped_sizes": 25, "dropped_incidents": 26, "dropped_pauses": 27,
                "failed_reads": 28},
        }),
    );
    let ledger = with(
        "ledger",
        1000,
        json!({
            "occasion": "routine", "cost_us": 1, "rss_bytes": 1000, "parts": [{"owner": "java_heap", "bytes": 750}, {"owner": "unclaimed", "bytes": 250}],
            "allocator": {"name": "glibc", "resident_bytes": 820, "in_use_bytes": 821, "free_bytes": 822, "arenas": 23},
        }),
    );
    let loaders = with(
        "loaders",
        1000,
        json!({
            "occasion": "routine", "cost_us": 1, "classes": 1, "user_loaders": 5, "generations": 1, "threads_of_closed_wrappers": 0, "by_class": [],
            "loaders": [{"class": "L", "classes": 1, "parent_class": "boot", "closed": true, "context_of_threads": 0, "generations": 1, "newer_generations": 0}],
        }),
    );
    let objects = with(
        "native_objects",
        1000,
        json!({
            "occasion": "routine", "cost_us": 1, "classes": [{"class": "org.rocksdb.RocksIterator", "created": 33, "disposed": 30}],
        }),
    );
    let libraries = with(
        "libraries",
        1000,
        json!({
            "occasion": "routine", "cost_us": 1, "libraries": [{"name": "libz.so", "live_bytes": 830}],
        }),
    );
    let around = with(
        "surroundings",
        2000,
        json!({
            "occasion": "routine", "cost_us": 1, "zombies": 0, "unread_processes": 0,
            "descendants": {"count": 2, "vm_rss_bytes": 840, "unreclaimable_bytes": 1, "threads": 2},
            "neighbours": {"count": 1, "vm_rss_bytes": 850, "unreclaimable_bytes": 1, "threads": 2},
            "cgroup": {"inactive_file_bytes": 150},
            "host": {"total_bytes": 8000, "available_bytes": 7000, "swap_total_bytes": 0, "swap_free_bytes": 0, "committed_bytes": 0},
        }),
    );
    let incident = with(
        "incident",
        1500,
        json!({
            "id": 1, "incident": "resource_exhausted", "thread": "main", "frames": [], "suppressed": 4, "flags": 3, "sample": sample.clone(), "sites": [],
        }),
    );
    vec![
        header, site, incident, ledger, loaders, objects, libraries, around, sample,
    ]
}

/// The case of these lines, as if the process ran.
fn case_of(lines: &[Value]) -> (Case, Report) {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("flinkmem-tm-0-4711-20260101T000000Z");
    std::fs::create_dir(&directory).unwrap();
    let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(directory.join("facts.jsonl"), format!("{}\n", lines[0])).unwrap();
    std::fs::write(directory.join("samples-000000.jsonl"), text.concat()).unwrap();
    let case = Case::read(&directory).unwrap();
    assert!(case.damage.is_none(), "{:?}", case.damage);
    let here = Surroundings {
        now_ms: BEGIN_MS + 2000,
        host: "elsewhere".to_owned(),
    };
    let report = Report::of(&case, &here);
    (case, report)
}

fn text_of(readings: &Arc<Readings>, format: Format) -> String {
    Exposition::new(vec![Arc::clone(readings)])
        .to_text(format)
        .unwrap()
}

#[test]
fn each_row_reads_the_field_that_it_says() {
    let (case, report) = case_of(&everything());
    let text = text_of(
        &Arc::new(Readings::of(&case, &report, true)),
        Format::Prometheus,
    );
    let process =
        r#"host="tm-0",pid="4711",process="tm",trace="flinkmem-tm-0-4711-20260101T000000Z""#;
    // From the figures above, by hand.
    let expected = r#"
flinkmem_process_up 1
flinkmem_process_outcome outcome="running" 1
flinkmem_process_info main_class="com.acme.Main",flink_version="1.20.5",jdk="17.0.15",agent_version="0.1.0" 1
flinkmem_trace_last_sample_timestamp_seconds 1767225602.0
flinkmem_direct_capacity_bytes 100
flinkmem_direct_limit_bytes 1000
jvm_buffer_memory_used_bytes jvm_buffer_pool_name="direct" 101
jvm_buffer_count jvm_buffer_pool_name="direct" 3
flinkmem_incidents_total incident="resource_exhausted" 5
flinkmem_incidents_total incident="out_of_memory_error" 0
flinkmem_incidents_total incident="direct_slow_path" 0
flinkmem_off_heap_live_bytes 110
flinkmem_off_heap_blocks 4
flinkmem_off_heap_allocated_bytes_total 120
flinkmem_off_heap_site_live_bytes site="com.acme.Enricher.open",origin="user",counted="direct" 90
flinkmem_off_heap_site_live_bytes site="unknown",origin="",counted="" 5
flinkmem_off_heap_site_live_bytes site="others",origin="",counted="" 0
flinkmem_off_heap_site_old_bytes site="com.acme.Enricher.open",origin="user",counted="direct" 80
jvm_memory_used_bytes jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap" 201
jvm_memory_used_bytes jvm_memory_pool_name="Metaspace",jvm_memory_type="non_heap" 205
jvm_memory_committed_bytes jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap" 202
jvm_memory_limit_bytes jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap" 203
jvm_memory_used_after_last_gc_bytes jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap" 204
flinkmem_heap_used_bytes 200
flinkmem_heap_limit_bytes 220
flinkmem_heap_live_bytes 190
jvm_gc_duration_seconds_count jvm_gc_name="G1 Young Generation" 7
jvm_gc_duration_seconds_sum jvm_gc_name="G1 Young Generation" 1.5
jvm_gc_duration_seconds_bucket jvm_gc_name="G1 Young Generation",le="+Inf" 7
flinkmem_gc_pauses_total 8
flinkmem_gc_pause_time_seconds_total 2.5
flinkmem_gc_pause_longest_seconds 0.04
flinkmem_safepoints_total 9
flinkmem_safepoint_time_seconds_total phase="stopped" 3.5
flinkmem_safepoint_time_seconds_total phase="sync" 0.25
jvm_thread_count jvm_thread_daemon="true" 12
jvm_thread_count jvm_thread_daemon="false" 18
flinkmem_thread_started_total 40
jvm_class_count 800
jvm_class_loaded_total 900
jvm_class_unloaded_total 100
flinkmem_class_loaders state="closed" 1
flinkmem_class_loaders state="open" 4
jvm_cpu_time_seconds_total 4.5
flinkmem_budget_used_bytes component="jvm_direct" 100
flinkmem_budget_peak_bytes component="network" 2097152
flinkmem_budget_configured_bytes component="jvm_direct" 1000
flinkmem_network_segments state="total" 64
flinkmem_network_segments state="available" 60
flinkmem_network_segments state="required" 4
flinkmem_network_segment_size_bytes 32768
flinkmem_managed_memory_bytes state="total" 800
flinkmem_managed_memory_bytes state="reserved" 500
flinkmem_slots state="total" 2
flinkmem_slots state="taken" 1
flinkmem_tasks_total event="started" 16
flinkmem_tasks_total event="ended" 13
flinkmem_jobs 1
flinkmem_job_restarts_total job="j" 17
flinkmem_job_checkpoints_failed_total job="j" 18
flinkmem_task_managers 3
flinkmem_netty_used_bytes package="io.netty",copy="1" 600
flinkmem_netty_limit_bytes package="io.netty",copy="1" 700
flinkmem_rocksdb_databases 19
flinkmem_rocksdb_cache_capacity_bytes 810
flinkmem_rocksdb_cache_usage_bytes state="used" 811
flinkmem_rocksdb_cache_usage_bytes state="pinned" 812
flinkmem_rocksdb_write_buffer_limit_bytes 813
flinkmem_rocksdb_memtables_bytes 814
flinkmem_native_objects_live class="org.rocksdb.RocksIterator" 3
flinkmem_native_objects_created_total class="org.rocksdb.RocksIterator" 33
flinkmem_library_live_bytes library="libz.so" 830
flinkmem_allocator_bytes state="resident" 820
flinkmem_allocator_bytes state="in_use" 821
flinkmem_allocator_bytes state="free" 822
flinkmem_allocator_arenas 23
flinkmem_rss_owned_bytes owner="java_heap" 750
flinkmem_rss_owned_bytes owner="unclaimed" 250
flinkmem_rss_attributed_ratio 0.75
flinkmem_rss_ledger_timestamp_seconds 1767225601.0
process_memory_usage_bytes 300
flinkmem_process_memory_resident_bytes kind="anon" 301
flinkmem_process_memory_resident_bytes kind="file" 302
flinkmem_process_memory_resident_bytes kind="shmem" 303
flinkmem_process_memory_swap_bytes 304
process_thread_count 35
process_paging_faults_total system_paging_fault_type="major" 13
process_uptime_seconds 3.0
flinkmem_descendants 2
flinkmem_descendants_memory_bytes 840
container_memory_usage_bytes 400
flinkmem_container_memory_limit_bytes 500
container_memory_working_set_bytes 250
container_memory_available_bytes 250
container_memory_rss_bytes 401
flinkmem_container_memory_part_bytes part="file" 402
flinkmem_container_memory_part_bytes part="kernel" 403
flinkmem_container_memory_part_bytes part="swap" 404
flinkmem_container_memory_limit_hits_total 6
flinkmem_container_oom_kills_total 2
flinkmem_container_cpu_quota 1.5
flinkmem_container_cpu_throttled_time_seconds_total 0.75
flinkmem_container_cpu_periods_total state="all" 20
flinkmem_container_cpu_periods_total state="throttled" 5
flinkmem_pids_current 50
flinkmem_pids_limit 60
flinkmem_psi_stalled_time_seconds_total resource="cpu",kind="some",scope="cgroup" 1.0
flinkmem_psi_stalled_time_seconds_total resource="memory",kind="some",scope="cgroup" 2.0
flinkmem_psi_stalled_time_seconds_total resource="memory",kind="full",scope="cgroup" 0.5
flinkmem_neighbours_memory_bytes 850
flinkmem_host_memory_bytes state="total" 8000
flinkmem_host_memory_bytes state="available" 7000
flinkmem_host_swapped_bytes_total direction="in" 14
flinkmem_host_swapped_bytes_total direction="out" 15
flinkmem_agent_cpu_time_seconds_total 1.25
flinkmem_agent_memory_bytes kind="tables" 900
flinkmem_agent_memory_bytes kind="heap" 901
flinkmem_agent_disk_bytes 902
flinkmem_agent_tick_seconds 0.0005
flinkmem_agent_late_ticks_total 21
flinkmem_agent_dropped_total what="records" 22
flinkmem_agent_dropped_total what="samples" 23
flinkmem_agent_dropped_total what="stacks" 24
flinkmem_agent_dropped_total what="sizes" 25
flinkmem_agent_dropped_total what="incidents" 26
flinkmem_agent_dropped_total what="pauses" 27
flinkmem_agent_failed_reads_total 28
flinkmem_trace_damage what="bad_lines" 0
"#;
    let lines: BTreeSet<&str> = text.lines().collect();
    let mut read = BTreeSet::new();
    for row in expected.lines().filter(|row| !row.is_empty()) {
        let (name, rest) = row.split_once(' ').unwrap();
        let (labels, value) = rest
            .rsplit_once(' ')
            .map_or(("", rest), |(labels, value)| (labels, value));
        let separator = if labels.is_empty() { "" } else { "," };
        let line = format!("{name}{{{process}{separator}{labels}}} {value}");
        assert!(lines.contains(line.as_str()), "{line}\nis not in\n{text}");
        read.insert(name);
    }
    // Findings are in the reports of the simulated processes; all other rows are above.
    for signal in process_signals().iter().flat_map(|group| group.signals) {
        let name = signal.definition.prometheus_name();
        let is_there =
            read.contains(name.as_str()) || read.contains(format!("{name}_sum").as_str());
        assert!(
            is_there || name.starts_with("flinkmem_finding"),
            "{name} is not tested"
        );
    }
}

#[test]
fn a_finding_is_a_metric_with_confidence_limit_and_forecast() {
    let parent = tempfile::tempdir().unwrap();
    let mut jvm = crate::synth::Jvm::task_manager();
    jvm.run(80, 5, |jvm, _| {
        let _ = jvm.allocate(crate::synth::ENRICHER, crate::synth::MIB);
    });
    let case = Case::read(&jvm.write(parent.path())).unwrap();
    let last = case.timeline.moments.last().unwrap().t_ms;
    let here = Surroundings {
        now_ms: last,
        host: "elsewhere".to_owned(),
    };
    let report = Report::of(&case, &here);
    let readings = Readings::of(&case, &report, true);
    let value = |name: &str, labels: &[(&str, &str)]| {
        let fits = |point: &&flinkmem_analyzer::metrics::Point| {
            labels
                .iter()
                .all(|&(key, value)| point.labels.iter().any(|(k, v)| *k == key && v == value))
        };
        readings
            .points(name)
            .iter()
            .find(fits)
            .map(|point| match point.value {
                flinkmem_analyzer::metrics::Value::Whole(value) => value as f64,
                flinkmem_analyzer::metrics::Value::Real(value) => value,
                flinkmem_analyzer::metrics::Value::Summed { sum, .. } => sum,
            })
    };
    let leak = [("label", "direct_leak"), ("limit", "direct")];
    let named = [
        leak[0],
        leak[1],
        ("consumer_kind", "call_site"),
        ("consumer", "com.acme.Enricher.open"),
    ];
    assert_eq!(value("flinkmem.finding", &named), Some(1.0));
    assert_eq!(
        value("flinkmem.finding.limit", &leak),
        Some(crate::synth::LIMIT as f64)
    );
    // Network, Netty, and 80 MiB of the leak.
    let held = crate::synth::NETWORK + 96 * crate::synth::MIB;
    assert_eq!(value("flinkmem.finding.peak", &leak), Some(held as f64));
    assert!(value("flinkmem.finding.confidence", &leak).unwrap() > 0.5);
    assert!(value("flinkmem.finding.consumer.share", &leak).unwrap() > 0.9);
    let bound = |bound| {
        value(
            "flinkmem.finding.exhausted_in",
            &[leak[0], leak[1], ("bound", bound)],
        )
        .unwrap()
    };
    // A MiB a second, and this much room.
    let expected = (crate::synth::LIMIT - held) as f64 / crate::synth::MIB as f64;
    assert!(
        (bound("expected") - expected).abs() < 5.0,
        "{} is not {expected}",
        bound("expected")
    );
    assert!(bound("earliest") <= bound("expected") && bound("expected") <= bound("latest"));
    let of_all: f64 = ["critical", "warning", "info"]
        .map(|severity| value("flinkmem.findings", &[("severity", severity)]).unwrap())
        .iter()
        .sum();
    assert_eq!(of_all, report.findings.len() as f64);
}

#[test]
fn of_a_process_that_is_not_fresh_only_findings_and_its_end_are_shown() {
    let (case, report) = case_of(&everything());
    let names: BTreeSet<&str> = Readings::of(&case, &report, false)
        .families
        .iter()
        .map(|family| family.definition.name)
        .collect();
    assert!(names.contains("flinkmem.process.up") && names.contains("flinkmem.findings"));
    let others = names.iter().filter(|name| {
        let stays = [
            "flinkmem.process.up",
            "flinkmem.process.outcome",
            "flinkmem.process.info",
            "flinkmem.trace.last_sample.timestamp",
        ];
        !stays.contains(name) && !name.starts_with("flinkmem.finding")
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn labels_are_those_of_the_document() {
    let (case, report) = case_of(&everything());
    for family in Readings::of(&case, &report, true).families {
        for point in &family.points {
            let labels: Vec<&str> = point.labels.iter().map(|(name, _)| *name).collect();
            assert_eq!(
                labels, family.definition.labels,
                "{}",
                family.definition.name
            );
        }
    }
}

#[test]
fn a_name_in_a_trace_cannot_break_out_of_its_label() {
    let mut lines = everything();
    lines.last_mut().unwrap()["pools"][0]["name"] = json!("a\"} 1\nevil{x=\"\\");
    let (case, report) = case_of(&lines);
    let readings = Arc::new(Readings::of(&case, &report, true));
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = text_of(&readings, format);
        assert!(
            text.contains(r#"jvm_memory_pool_name="a\"} 1evil{x=\"\\""#),
            "{text}"
        );
        assert!(!text.lines().any(|line| line.starts_with("evil")));
    }
}

#[test]
fn openmetrics_has_units_and_an_end() {
    let (case, report) = case_of(&everything());
    let text = text_of(
        &Arc::new(Readings::of(&case, &report, true)),
        Format::OpenMetrics,
    );
    assert!(text.ends_with("# EOF\n"));
    assert!(
        text.contains("# TYPE jvm_memory_used_bytes gauge\n# UNIT jvm_memory_used_bytes bytes\n")
    );
    assert!(text.contains("# TYPE jvm_class_loaded counter\n"));
}

#[test]
fn the_service_tells_of_itself() {
    let figures = ServiceFigures {
        processes: 5,
        running: 3,
        rounds: 7,
        rounds_s: 1.5,
        ..ServiceFigures::default()
    };
    let text = text_of(
        &Arc::new(Readings::of_service(&figures, 0)),
        Format::Prometheus,
    );
    for line in [
        "flinkmem_serve_processes{state=\"running\"} 3",
        "flinkmem_serve_processes{state=\"ended\"} 2",
        "flinkmem_serve_rounds_total 7",
        "flinkmem_serve_round_time_seconds_total 1.5",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

/// The tables come from the table; `INSTA_UPDATE=always` writes them anew behind the last line of text.
#[test]
fn the_tables_in_docs_are_those_of_the_program() {
    const MARK: &str =
        "<!-- written by `INSTA_UPDATE=always cargo test -p flinkmem --test it metrics` -->\n\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let documented = std::fs::read_to_string(&path).unwrap();
    let (text, tables) = documented.split_once(MARK).unwrap();
    let expected = document();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(&path, format!("{text}{MARK}{expected}")).unwrap();
        return;
    }
    assert!(
        tables == expected,
        "docs/metrics.md is out of date: INSTA_UPDATE=always cargo test -p flinkmem --test it metrics"
    );
    assert!(
        service_signals()
            .iter()
            .all(|signal| tables.contains(signal.definition.name))
    );
}
