//! Whatever comes from a file is untrusted: no line can make the program panic or print what is no number.

use flinkmem_analyzer::case::{Case, Surroundings};
use flinkmem_analyzer::report::{Report, to_text};
use proptest::prelude::*;
use serde_json::{Value, json};

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..1000,
        any::<u64>(),
        Just(0),
        Just(u64::MAX),
        1u64 << 20..1 << 30
    ]
}

fn site_use() -> impl Strategy<Value = Value> {
    (0u32..5, size(), size(), any::<u32>()).prop_map(|(id, live, old, samples)| {
        json!({"id": id, "live_bytes": live, "old_bytes": old, "live_count": 1, "samples": samples})
    })
}

fn sample() -> impl Strategy<Value = Value> {
    let counters = (size(), size(), size(), prop::option::of(size()));
    let times = (any::<i64>(), prop_oneof![0u64..100_000, any::<u64>()]);
    (times, counters, prop::collection::vec(site_use(), 0..4), size(), size()).prop_map(
        |((t_ms, up_ms), (capacity, young, full, max), sites, usage, limit)| {
            json!({
                "kind": "sample", "t_ms": t_ms, "up_ms": up_ms,
                "direct": {"capacity_bytes": capacity, "reserved_bytes": capacity, "max_bytes": max},
                "collectors": [{"name": "PS Scavenge", "count": young}, {"name": "PS MarkSweep", "count": full}],
                "cgroup": {"usage_bytes": usage, "limit_bytes": limit, "oom_kill": usage},
                "agent": {"late_ticks": usage, "dropped_stacks": limit, "dropped_samples": limit},
                "sites": sites,
            })
        },
    )
}

fn incident() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just("direct_slow_path"),
        Just("out_of_memory_error"),
        Just("resource_exhausted")
    ];
    (kind, sample(), any::<u32>(), prop::option::of(size()), "\\PC{0,60}").prop_map(|(kind, sample, id, requested, words)| {
        json!({
            "kind": "incident", "incident": kind, "t_ms": sample["t_ms"], "up_ms": sample["up_ms"], "id": id,
            "thread": words, "message": format!("{words} direct buffer memory (allocated: {}, limit: 9)", u64::MAX),
            "frames": [{"class": words, "method": words}, {"class": "java.nio.Bits", "method": "reserveMemory"}],
            "requested_bytes": requested, "suppressed": u64::MAX, "sites": sample["sites"], "sample": sample,
        })
    })
}

fn line() -> impl Strategy<Value = String> {
    let site = (0u32..5, "\\PC{0,30}").prop_map(|(id, class)| {
        json!({"kind": "site", "id": id, "frames": [{"class": "java.nio.DirectByteBuffer", "method": "<init>"}, {"class": class, "method": "m"}]})
    });
    let event = (any::<u64>(), any::<u32>()).prop_map(|(up_ms, incident)| {
        json!({"kind": "event", "event": "slow_path_succeeded", "t_ms": 0, "up_ms": up_ms, "incident": incident})
    });
    prop_oneof![
        12 => sample().prop_map(|value| value.to_string()),
        3 => incident().prop_map(|value| value.to_string()),
        2 => site.prop_map(|value| value.to_string()),
        1 => event.prop_map(|value| value.to_string()),
        1 => "\\PC{0,80}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_lines_give_a_report(lines in prop::collection::vec(line(), 0..60), start_ms in any::<i64>(), up_ms in any::<u64>(), is_flink in any::<bool>(), size in size()) {
        let directory = tempfile::tempdir().unwrap();
        let mut header = json!({
            "kind": "header", "format": {"major": 1, "minor": 0}, "t_ms": start_ms, "up_ms": up_ms, "agent_version": "", "agent_options": {},
            "host": "h", "pid": 1, "start_ms": start_ms, "jvm": {}, "system": {},
        });
        if is_flink {
            header["flink"] = json!({"process": "tm", "options": {
                "taskmanager.memory.task.off-heap.size": format!("{size}b"), "taskmanager.memory.network.max": format!("{size}b"),
                "taskmanager.memory.framework.off-heap.size": "1b"}});
        }
        let text = format!("{header}\n{}\n", lines.join("\n"));
        std::fs::write(directory.path().join("facts.jsonl"), text).unwrap();
        let case = Case::read(directory.path()).unwrap();
        let here = Surroundings { now_ms: i64::MAX, host: "h".to_owned() };
        let report = Report::of(&case, &here);
        let json: Value = serde_json::from_str(&report.to_json(false).unwrap()).unwrap();
        prop_assert_eq!(&json["schema"], 1);
        for finding in &report.findings {
            prop_assert!((0.0..=1.0).contains(&finding.confidence));
            prop_assert!((0.0..=1.0).contains(&finding.consumer.confidence));
        }
        let text = to_text(&report);
        prop_assert!(!text.contains("NaN") && !text.contains("inf "), "{}", text);
    }
}
