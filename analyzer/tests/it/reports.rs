//! Golden reports. After a wanted change: `INSTA_UPDATE=always cargo test -p flinkmem --test it`, and read the difference.

use crate::synth::{
    ENRICHER, Jvm, KIB, LIMIT, MIB, NETWORK, burst_in_a_restart_loop, healthy, leak_to_the_limit,
    netty_over_the_limit,
};
use flinkmem_analyzer::case::{Case, Surroundings};
use flinkmem_analyzer::configuration::load;
use flinkmem_analyzer::model::changes::Behaviour;
use flinkmem_analyzer::report::{Look, Report, Verbosity, json_schema, to_screen, to_text};
use serde_json::json;
use std::path::Path;

fn report(jvm: &Jvm) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let mut case = Case::read(&jvm.write(directory.path())).unwrap();
    case.directory = "/traces/flinkmem-tm-0.example-4711-20260101T000000Z".into();
    let here = Surroundings {
        now_ms: i64::MAX,
        host: "elsewhere".to_owned(),
    };
    Report::of(&case, &here)
}

fn slow_leak() -> Jvm {
    let mut jvm = Jvm::task_manager();
    jvm.agent = json!({"late_ticks": 120, "dropped_stacks": 2});
    jvm.run(3600, 20, |jvm, second| {
        jvm.allocate(ENRICHER, 10 * KIB).unwrap();
        if second % 600 == 599 {
            jvm.full_gc();
        }
    });
    jvm
}

/// Prints one screen and compares it with the golden file of that name.
fn check_text(name: &str, jvm: &Jvm) {
    let report = report(jvm);
    let text = to_text(&report);
    // The verdict is on the first screen of the smallest usual terminal; all of it on a larger one.
    assert!(text.lines().count() <= 56, "more than a screen:\n{text}");
    check_first_screen(&text);
    for columns in [60, 80] {
        check_fits(&report, columns);
    }
    insta::assert_snapshot!(name, text);
}

/// Cause, why and what to do, with all lines to paste, are there before anything is scrolled.
fn check_first_screen(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let Some(advice) = lines.iter().position(|line| *line == "What to do") else {
        assert!(text.starts_with("Nothing found"), "{text}");
        return;
    };
    assert!(lines.contains(&"Why"));
    let behind = lines[advice..].iter().position(|line| {
        ["Caution", "Budget", "To be", "Process"]
            .iter()
            .any(|begin| line.starts_with(begin))
    });
    let end = advice + behind.expect("something follows the advice");
    assert!(end <= 24, "the verdict has {end} lines:\n{text}");
}

/// No line is wider than the terminal, in either amount of detail.
fn check_fits(report: &Report, columns: usize) {
    for verbosity in [Verbosity::Screen, Verbosity::Everything] {
        let look = Look {
            verbosity,
            ..Look::default()
        };
        let text = to_screen(report, look.for_columns(columns));
        for line in anstream::adapter::strip_str(&text).to_string().lines() {
            assert!(
                line.chars().count() <= columns,
                "wider than {columns}: {line}"
            );
        }
    }
}

/// A TaskManager whose user's code has names as no screen is wide.
fn leak_with_a_long_name() -> (Jvm, String) {
    let class = format!(
        "com.acme.{}Enrich$$anonfun$lambda$0",
        "deeply.nested.packages.of.generated.code.".repeat(4)
    );
    let jvm = leak_to_the_limit().renamed("com.acme.Enricher", &class);
    (jvm, format!("{class}.open"))
}

#[test]
fn a_long_name_is_shortened_on_the_screen_and_whole_when_verbose() {
    let (jvm, name) = leak_with_a_long_name();
    let report = report(&jvm);
    assert_eq!(report.findings[0].consumer.name.as_ref(), Some(&name));
    for columns in [60, 80] {
        check_fits(&report, columns);
    }
    let screen = to_text(&report);
    assert!(
        !screen.contains(&name) && screen.contains("lambda$0.open"),
        "{screen}"
    );
    check_first_screen(&screen);
    let look = Look {
        verbosity: Verbosity::Everything,
        ..Look::default()
    };
    let all = anstream::adapter::strip_str(&to_screen(&report, look)).to_string();
    let joined: String = all.split_whitespace().collect();
    assert!(joined.contains(&name), "{all}");
}

#[test]
fn a_healthy_process_is_told_with_its_headroom_the_smallest_first() {
    let report = report(&healthy());
    let shares: Vec<f64> = report
        .headroom
        .iter()
        .map(|one| one.peak as f64 / one.limit as f64)
        .collect();
    assert!(
        shares.len() >= 2 && shares.is_sorted_by(|a, b| a >= b),
        "{shares:?}"
    );
    let direct = report
        .headroom
        .iter()
        .find(|one| one.what == "direct memory")
        .unwrap();
    assert_eq!((direct.limit, direct.peak), (LIMIT, NETWORK + 16 * MIB));
    let text = to_text(&report);
    let (nothing, budget) = (
        text.find("Nothing found.").unwrap(),
        text.find("Budget").unwrap(),
    );
    assert!(
        (nothing..budget).contains(&text.find("Headroom").unwrap()),
        "{text}"
    );
}

#[test]
fn headroom_of_a_container_is_told_without_its_page_cache() {
    let limit = 1000 * MIB;
    let mut jvm = Jvm::task_manager_that(|jvm| {
        jvm.cgroup = json!({"usage_bytes": 950 * MIB, "limit_bytes": limit, "file_bytes": 550 * MIB, "anon_bytes": 390 * MIB});
    });
    jvm.run(60, 5, |_, _| {});
    let report = report(&jvm);
    let container = report
        .headroom
        .iter()
        .find(|one| one.what == "container without cache")
        .unwrap();
    assert_eq!(
        (container.limit, container.peak, container.left()),
        (limit, 400 * MIB, 600 * MIB)
    );
}

#[test]
fn lines_to_paste_are_read_as_a_configuration() {
    let report = report(&burst_in_a_restart_loop());
    let wanted = &report.findings[0].remedy.config;
    assert!(!wanted.is_empty());
    let text = to_text(&report);
    // From the comment on, as somebody would copy it.
    let pasted: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("# "))
        .take_while(|line| !line.is_empty())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    for (file, version) in [("config.yaml", "2.0.0"), ("flink-conf.yaml", "1.18.1")] {
        let path = folder.path().join(file);
        std::fs::write(&path, pasted.join("\n")).unwrap();
        let loaded = load(&path, &Behaviour::of(version.parse().unwrap())).unwrap();
        let read: Vec<(String, String)> = loaded
            .settings
            .iter()
            .map(|(key, setting)| (key.to_owned(), setting.value.to_string()))
            .collect();
        let wanted: Vec<(String, String)> = wanted.clone().into_iter().collect();
        assert_eq!(read, wanted, "{file}");
    }
}

#[test]
fn a_leak_on_one_screen() {
    check_text("leak.txt", &leak_to_the_limit());
}

#[test]
fn a_slow_leak_on_one_screen() {
    check_text("slow-leak.txt", &slow_leak());
}

#[test]
fn a_burst_on_one_screen() {
    check_text("burst.txt", &burst_in_a_restart_loop());
}

#[test]
fn netty_on_one_screen() {
    let mut jvm = netty_over_the_limit();
    jvm.end();
    check_text("netty.txt", &jvm);
}

#[test]
fn a_healthy_process_on_one_screen() {
    check_text("healthy.txt", &healthy());
}

#[test]
fn a_trace_that_says_nothing_on_one_screen() {
    check_text("empty.txt", &Jvm::plain());
}

#[test]
fn a_leak_as_json() {
    insta::assert_snapshot!(
        "leak.json",
        report(&leak_to_the_limit()).to_json(true).unwrap()
    );
}

#[test]
fn a_burst_as_json() {
    insta::assert_snapshot!(
        "burst.json",
        report(&burst_in_a_restart_loop()).to_json(true).unwrap()
    );
}

/// The owners of a TaskManager's resident memory.
const OWNERS: [(&str, u64); 9] = [
    ("malloc_in_use", 20 * MIB),
    ("java_heap", 300 * MIB),
    ("user_off_heap", 400 * MIB),
    ("flink_network_segments", 75 * MIB),
    ("metaspace", 50 * MIB),
    ("code_cache", 40 * MIB),
    ("java_thread_stacks", 30 * MIB),
    ("mapped_libraries", 24 * MIB),
    ("unclaimed", 3 * MIB),
];

#[test]
fn resident_memory_is_shown_with_its_owners() {
    let mut jvm = leak_to_the_limit();
    jvm.ledger(None, &OWNERS);
    check_text("resident.txt", &jvm);
    let json: serde_json::Value =
        serde_json::from_str(&report(&jvm).to_json(false).unwrap()).unwrap();
    let rss = &json["rss"];
    assert_eq!(rss["bytes"], 942 * MIB);
    assert_eq!(rss["attributed"], 0.9968);
    assert_eq!(rss["parts"][0]["owner"], "user_off_heap");
    assert_eq!(rss["parts"].as_array().unwrap().len(), OWNERS.len());
}

#[test]
fn the_ledger_of_the_incident_counts_for_a_process_that_ended() {
    let mut jvm = leak_to_the_limit();
    jvm.ledger(Some(1), &[("user_off_heap", 200 * MIB)]);
    jvm.ledger(None, &[("java_heap", 10 * MIB)]);
    assert_eq!(report(&jvm).rss.unwrap().bytes, 200 * MIB);
}

#[test]
fn malloc_is_split_by_library_where_the_agent_sampled_it() {
    let mut jvm = leak_to_the_limit();
    let rocksdb = "librocksdbjni-linux64.so";
    jvm.libraries(&[
        ("libjvm.so", 1),
        (rocksdb, 90 * MIB),
        ("libzip.so", 2 * MIB),
    ]);
    jvm.ledger(
        None,
        &[("malloc_in_use", 100 * MIB), ("java_heap", 10 * MIB)],
    );
    let rss = report(&jvm).rss.unwrap();
    let names: Vec<_> = rss.parts[0]
        .libraries
        .iter()
        .map(|l| (l.name.as_str(), l.bytes))
        .collect();
    // The JVM's one byte is less than the off-heap memory that passed through it.
    assert_eq!(names, [(rocksdb, 90 * MIB), ("libzip.so", 2 * MIB)]);
    assert!(rss.parts[1].libraries.is_empty());
    assert!(to_text(&report(&jvm)).contains("librocksdb"));
}

#[test]
fn a_trace_without_a_ledger_says_nothing_of_owners() {
    assert_eq!(report(&leak_to_the_limit()).rss, None);
}

/// The schema is derived from the types; `INSTA_UPDATE=always` writes it anew.
#[test]
fn the_schema_in_docs_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/report.schema.json");
    let schema = json_schema().unwrap();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(&path, &schema).unwrap();
    }
    let documented = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        documented == schema,
        "docs/report.schema.json is out of date: INSTA_UPDATE=always cargo test -p flinkmem --test it"
    );
}
