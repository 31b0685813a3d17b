//! `top`: what a view says of processes whose story is known.

use crate::synth::{ENRICHER, Jvm, KIB, LIMIT, MIB, NETWORK, healthy, leak_to_the_limit};
use flinkmem_analyzer::finding::Severity;
use flinkmem_analyzer::top::view::{Exhaustion, Pace, PoolRow, View};
use flinkmem_analyzer::top::{Choice, Subject, choice_as_text, view_as_text};
use serde_json::json;

fn view(jvm: &Jvm) -> View {
    let parent = tempfile::tempdir().unwrap();
    Subject::of_trace(&jvm.write(parent.path())).unwrap().view()
}

fn pool<'a>(view: &'a View, name: &str) -> &'a PoolRow {
    let mut rows = view.pools.iter();
    rows.find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no {name} in {:#?}", view.pools))
}

fn per_minute(pace: Option<Pace>) -> f64 {
    match pace {
        Some(Pace::PerMinute(change)) => change,
        other => panic!("{other:?} is no change"),
    }
}

/// 10 KiB a second for an hour, far from the limit.
fn slow_leak() -> Jvm {
    let mut jvm = Jvm::task_manager();
    jvm.run(3600, 20, |jvm, second| {
        jvm.allocate(ENRICHER, 10 * KIB).unwrap();
        if second % 600 == 599 {
            jvm.full_gc();
        }
    });
    jvm
}

#[test]
fn a_slow_leak_has_its_pace_its_site_and_the_time_that_is_left() {
    let view = view(&slow_leak());
    let expected = 600.0 * KIB as f64;
    let direct = pool(&view, "jvm_direct");
    assert_eq!(direct.limit, Some(LIMIT));
    assert_eq!(direct.used, Some(NETWORK + 16 * MIB + 3600 * 10 * KIB));
    let found = per_minute(direct.pace);
    assert!(
        (found / expected - 1.0).abs() < 0.1,
        "{found} instead of {expected}"
    );
    let left = LIMIT - NETWORK - 16 * MIB - 3600 * 10 * KIB;
    let want = left as f64 / (10 * KIB) as f64;
    let Some(Exhaustion::In(forecast)) = direct.exhaustion else {
        panic!("no forecast in {direct:#?}");
    };
    assert!(
        (forecast.exhausted_in_s / want - 1.0).abs() < 0.05,
        "{forecast:?}"
    );
    let site = &view.sites[0];
    assert_eq!(site.name, "com.acme.Enricher.open:28");
    assert_eq!(site.live_bytes, 3600 * 10 * KIB);
    let all = (NETWORK + 16 * MIB + 3600 * 10 * KIB) as f64;
    assert!(
        (site.share - 36_000.0 * KIB as f64 / all).abs() < 0.001,
        "{site:?}"
    );
    let found = per_minute(site.pace);
    assert!(
        (found / expected - 1.0).abs() < 0.1,
        "{found} instead of {expected}"
    );
    assert_eq!(view.findings[0].label, "direct_leak");
    assert!(
        view.findings[0].text.contains("Exhausted in"),
        "{:?}",
        view.findings
    );
}

#[test]
fn user_memory_that_nothing_was_meant_for_is_over() {
    let view = view(&slow_leak());
    let tasks = pool(&view, "task_off_heap");
    assert!(tasks.is_part);
    assert_eq!((tasks.limit, tasks.used), (Some(0), Some(3600 * 10 * KIB)));
    assert_eq!(tasks.share(), None);
}

#[test]
fn a_limit_that_was_met_is_told_so() {
    let view = view(&leak_to_the_limit());
    assert_eq!(pool(&view, "jvm_direct").exhaustion, Some(Exhaustion::Met));
    assert_eq!(view.findings[0].severity, Severity::Critical);
    let others = view.pools.iter().filter(|row| row.name != "jvm_direct");
    assert!(
        others.into_iter().all(|row| row.exhaustion.is_none()),
        "{:#?}",
        view.pools
    );
}

#[test]
fn a_healthy_process_grows_nowhere_and_says_how_much_nothing_is_worth() {
    let view = view(&healthy());
    assert!(view.findings.is_empty());
    assert!(
        view.no_findings.starts_with("Nothing found in 10 min: "),
        "{}",
        view.no_findings
    );
    for row in &view.pools {
        assert!(matches!(row.pace, None | Some(Pace::Steady)), "{row:?}");
        assert_eq!(row.exhaustion, None);
    }
    // What was taken at the start does not grow.
    assert!(
        view.sites.iter().all(|row| row.pace == Some(Pace::Steady)),
        "{:#?}",
        view.sites
    );
}

#[test]
fn page_cache_is_not_held_against_the_container() {
    let mut jvm = Jvm::task_manager();
    jvm.cgroup =
        json!({"usage_bytes": 1000 * MIB, "limit_bytes": 1024 * MIB, "file_bytes": 600 * MIB});
    jvm.run(20, 10, |_, _| {});
    let view = view(&jvm);
    let container = pool(&view, "container");
    assert_eq!(
        (container.used, container.limit),
        (Some(400 * MIB), Some(1024 * MIB))
    );
}

#[test]
fn the_frame_of_a_leak() {
    insta::assert_snapshot!(view_as_text(&view(&slow_leak())));
}

#[test]
fn traces_are_listed_with_the_worst_first() {
    let parent = tempfile::tempdir().unwrap();
    healthy().with_pid(10).write(parent.path());
    leak_to_the_limit().with_pid(11).write(parent.path());
    slow_leak().with_pid(12).write(parent.path());
    let broken = parent
        .path()
        .join("flinkmem-tm-0.example-13-20260101T000000Z");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("facts.jsonl"), "no trace\n").unwrap();
    let text = choice_as_text(&Choice::open(parent.path()).unwrap());
    let order: Vec<&str> = ["pid 11", "pid 12", "pid 10", "flinkmem-tm-0.example-13"]
        .into_iter()
        .filter(|words| text.contains(words))
        .collect();
    assert_eq!(order.len(), 4, "{text}");
    let at = |words: &str| text.find(words).unwrap();
    assert!(
        at("pid 11") < at("pid 12") && at("pid 12") < at("pid 10"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn a_finding_is_opened_as_its_whole_report() {
    let parent = tempfile::tempdir().unwrap();
    let mut subject = Subject::of_trace(&leak_to_the_limit().write(parent.path())).unwrap();
    let text = subject.text(0);
    assert!(text.starts_with("CRITICAL  direct_leak"), "{text}");
    for part in ["Why", "What to do", "Budget", "Outcome"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert_eq!(
        subject.report().findings.len(),
        1,
        "the report is as it was"
    );
    assert_eq!(
        subject.text(7),
        text,
        "without such a finding it is the report of all"
    );
}
