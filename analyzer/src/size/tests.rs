//! Needs and the configurations that meet them.

use super::*;
use crate::case::Moment;
use crate::configuration::from_trace_header;
use crate::finding::{Consumer, Label, LimitClaim, Remedy, Severity};
use crate::model::{Question, Settings};
use flinkmem_trace::{DirectMemory, FlinkFacts, Header, Heap};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

/// A TaskManager 1.20.5 of 1200m, or what `options` make of it.
fn case(up_s: u64, live_heap: u64, direct: u64) -> Case {
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
    let header = Header {
        host: "tm-0".to_owned(),
        pid: 7,
        flink: Some(FlinkFacts {
            process: "tm".to_owned(),
            version: Some("1.20.5".to_owned()),
            options: options.into(),
        }),
        ..Header::default()
    };
    let mut case = Case {
        observed: from_trace_header(&header),
        header,
        ..Case::default()
    };
    for second in 0..=up_s {
        let early = second < up_s / 2;
        case.timeline.moments.push(Moment {
            up_ms: second * 1000,
            heap: Some(Heap {
                after_gc_bytes: Some(if early { live_heap } else { live_heap / 2 }),
                ..Heap::default()
            }),
            direct: Some(DirectMemory {
                capacity_bytes: if early { direct } else { direct / 2 },
                ..DirectMemory::default()
            }),
            ..Moment::default()
        });
    }
    case
}

fn sizes(cases: &[Case], findings: &[Finding], headroom: f64) -> Sizes {
    let budgets: Vec<Budget> = cases
        .iter()
        .map(|case| Budget::recorded(&case.observed).unwrap())
        .collect();
    let measured: Vec<Measured<'_>> = cases
        .iter()
        .zip(&budgets)
        .map(|(case, budget)| Measured {
            case,
            budget,
            findings,
        })
        .collect();
    size(&measured, headroom).remove(0)
}

fn need(sizes: &Sizes, pool: &str) -> Need {
    let mut needs = sizes.needs.iter();
    needs.find(|need| need.pool == pool).unwrap().clone()
}

fn finding(label: Label, remedy: Remedy) -> Finding {
    Finding {
        label,
        severity: Severity::Critical,
        confidence: 0.9,
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "direct",
            confidence: None,
            bytes: None,
            peak: None,
            reached: true,
        },
        consumer: Consumer::unknown(),
        forecast: None,
        evidence: Vec::new(),
        remedy,
        collect: Vec::new(),
        told_ms: None,
    }
}

#[test]
fn the_largest_peak_of_all_processes_counts_with_headroom_on_top() {
    let cases = [case(1200, 100 * MIB, 0), case(1200, 300 * MIB, 0)];
    let sizes = sizes(&cases, &[], 1.0);
    let heap = need(&sizes, "jvm_heap");
    assert_eq!(heap.peak.unwrap().bytes, 300 * MIB);
    assert_eq!((heap.bytes, heap.basis), (600 * MIB, Basis::Measured));
    let after = sizes.result.unwrap().after;
    assert_eq!(after.jvm_heap, Some(600 * MIB));
    assert_eq!(sizes.processes.len(), 2);
}

#[test]
fn a_heap_gets_half_of_its_live_set_at_least() {
    let sizes = sizes(&[case(1200, 200 * MIB, 0)], &[], 0.25);
    assert_eq!(need(&sizes, "jvm_heap").bytes, 300 * MIB);
}

#[test]
fn direct_memory_beyond_the_network_pool_is_the_frameworks_unless_a_site_says_otherwise() {
    let sizes = sizes(&[case(1200, 0, 78_852_916 + 200 * MIB)], &[], 0.25);
    assert_eq!(need(&sizes, "framework_off_heap").bytes, 250 * MIB);
}

#[test]
fn what_was_not_measured_keeps_its_size() {
    let sizes = sizes(&[case(1200, 0, 0)], &[], 0.25);
    let managed = need(&sizes, "managed");
    assert_eq!(
        (managed.bytes, managed.basis),
        (315_411_665, Basis::NotMeasured)
    );
    assert!(sizes.result.unwrap().after.managed >= Some(315_411_665));
}

#[test]
fn a_leak_is_not_sized_and_the_reason_is_told() {
    let found = [finding(Label::DirectLeak, Remedy::default())];
    let sizes = sizes(&[case(1200, 0, 500 * MIB)], &found, 0.25);
    let need = need(&sizes, "framework_off_heap");
    assert_eq!(need.bytes, 128 * MIB, "what it has");
    assert!(
        matches!(need.basis, Basis::Refused(why) if why.contains("direct_leak was found in tm-0 pid 7"))
    );
    assert!(!sizes.is_whole());
}

#[test]
fn where_a_limit_cut_the_peak_off_the_remedy_counts() {
    let pools = |task_off_heap| {
        Some(Pools {
            task_off_heap: Some(task_off_heap),
            ..Pools::default()
        })
    };
    let config = [(
        "taskmanager.memory.task.off-heap.size".to_owned(),
        "160m".to_owned(),
    )];
    let remedy = Remedy {
        config: config.into(),
        before: pools(0),
        after: pools(160 * MIB),
        ..Remedy::default()
    };
    let mut one = case(1200, 0, 0);
    one.timeline
        .snapshots
        .push(crate::case::SiteSnapshot::default());
    let sizes = sizes(&[one], &[finding(Label::DirectUndersized, remedy)], 0.25);
    let need = need(&sizes, "task_off_heap");
    assert_eq!(need.bytes, 160 * MIB);
    assert_eq!(need.basis, Basis::LimitMet(Label::DirectUndersized));
}

#[test]
fn a_short_trace_and_a_late_peak_are_warned_of() {
    let mut short = case(60, 0, 0);
    let warned = sizes(&[case(60, MIB, MIB)], &[], 0.25).warnings;
    assert!(
        warned.iter().any(|text| text.contains("too few samples")),
        "{warned:?}"
    );
    if let Some(last) = short.timeline.moments.last_mut() {
        last.heap = Some(Heap {
            after_gc_bytes: Some(99 * MIB),
            ..Heap::default()
        });
    }
    let warned = sizes(&[short], &[], 0.25).warnings;
    assert!(
        warned
            .iter()
            .any(|text| text.contains("the peak of jvm_heap is in the last tenth")),
        "{warned:?}"
    );
}

#[test]
fn the_text_fits_the_terminal_and_ends_with_lines_to_paste() {
    let text = to_text(&sizes(&[case(1200, 200 * MIB, 200 * MIB)], &[], 0.25));
    let too_long: Vec<&str> = text
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert_eq!(too_long, Vec::<&str>::new());
    assert!(text.contains("config.yaml\n"), "{text}");
    assert!(
        text.contains("  taskmanager.memory.process.size: "),
        "{text}"
    );
}

/// A configuration as a user may have it, of any version with pools.
fn question(version: &str, options: &[(&str, String)]) -> Question {
    let mut settings = Settings::new();
    for (key, value) in options {
        settings = settings.with(key, value.clone());
    }
    let process = match options.iter().any(|(key, _)| key.starts_with("jobmanager")) {
        true => Process::JobManager,
        false => Process::TaskManager,
    };
    Question::new(version.parse().unwrap(), process, settings)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_is_needed_of_a_task_manager_is_derived(
        version in prop::sample::select(vec!["1.11.0", "1.13.6", "1.17.2", "1.20.5", "2.3.0"]),
        present in 1024u64..65_536,
        fraction in 1u32..6,
        needs in prop::collection::vec(0u64..(8 << 30), 7),
    ) {
        let base = question(version, &[
            ("taskmanager.memory.process.size", format!("{present}m")),
            ("taskmanager.memory.managed.fraction", format!("0.{fraction}")),
            ("taskmanager.numberOfTaskSlots", "3".to_owned()),
        ]);
        let pools = ["jvm_heap", "task_off_heap", "framework_off_heap", "network", "managed", "jvm_metaspace", "jvm_overhead"];
        let least = |(pool, need): (&'static str, &u64)| (pool, match pool {
            "framework_off_heap" | "network" => (*need).max(128 * MIB),
            _ => *need,
        });
        let needs: BTreeMap<&str, u64> = pools.into_iter().zip(&needs).map(least).collect();
        let derived = derived(Some(&base), &needs, &Pools::default()).unwrap();
        for (pool, need) in &needs {
            let size = derived.after.size(pool).unwrap();
            prop_assert!(size >= *need, "{} has {} of {}", pool, size, need);
            // Nothing gets more than it needs but for whole MiB and the least heap.
            prop_assert!(size <= need + MIB || *pool == "jvm_heap", "{} has {} of {}", pool, size, need);
        }
        // The options that it names, and nothing that it takes out, give the same once more.
        let mut again = base.clone();
        for key in &derived.remove {
            again.settings.remove(key);
        }
        for (key, value) in &derived.config {
            again = Question { settings: again.settings.with(key, value.clone()), ..again };
        }
        prop_assert_eq!(Pools::of(&crate::model::derive(&again).unwrap().model), derived.after);
    }

    #[test]
    fn whatever_is_needed_of_a_job_manager_is_derived(
        needs in prop::collection::vec(0u64..(8 << 30), 4),
        limited in any::<bool>(),
    ) {
        let base = question("1.20.5", &[
            ("jobmanager.memory.process.size", "1600m".to_owned()),
            ("jobmanager.memory.enable-jvm-direct-memory-limit", limited.to_string()),
        ]);
        let pools = ["jvm_heap", "off_heap", "jvm_metaspace", "jvm_overhead"];
        let needs: BTreeMap<&str, u64> = pools.into_iter().zip(needs).collect();
        let derived = derived(Some(&base), &needs, &Pools::default()).unwrap();
        for (pool, need) in &needs {
            prop_assert!(derived.after.size(pool) >= Some(*need), "{}", pool);
        }
    }
}

#[test]
fn versions_without_pools_are_refused() {
    let base = question("1.9.3", &[("taskmanager.heap.size", "4g".to_owned())]);
    let needs = BTreeMap::from([("jvm_heap", 512 * MIB)]);
    assert!(derived(Some(&base), &needs, &Pools::default()).is_err());
}
