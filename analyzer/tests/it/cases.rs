//! What happened in a process, and what the verdict must be.

use crate::synth::{
    CACHE, ENRICHER, Jvm, KIB, LIMIT, MIB, NETTY, NETWORK, burst_in_a_restart_loop, healthy,
    leak_to_the_limit,
};
use flinkmem_analyzer::case::{Case, OutcomeKind, Surroundings};
use flinkmem_analyzer::finding::{ConsumerKind, Finding, Label, Severity};
use flinkmem_analyzer::report::Report;
use flinkmem_analyzer::rules::AnswerKind;
use proptest::prelude::*;
use serde_json::json;

fn diagnose(jvm: &Jvm) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let case = Case::read(&jvm.write(directory.path())).unwrap();
    // Long after, elsewhere.
    let here = Surroundings {
        now_ms: i64::MAX,
        host: "elsewhere".to_owned(),
    };
    Report::of(&case, &here)
}

fn verdict(jvm: &Jvm, label: Label, consumer: &str) -> Finding {
    let mut report = diagnose(jvm);
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    let finding = report.findings.remove(0);
    assert_eq!(finding.label, label, "{finding:#?}");
    assert_eq!(
        finding.consumer.name.as_deref(),
        Some(consumer),
        "{finding:#?}"
    );
    finding
}

fn silent(jvm: &Jvm) -> Report {
    let report = diagnose(jvm);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    report
}

fn answer(report: &Report, label: Label) -> AnswerKind {
    report
        .checked
        .iter()
        .find(|checked| checked.label == label)
        .unwrap()
        .answer
}

const OPEN: &str = "com.acme.Enricher.open";

#[test]
fn a_leak_to_the_limit_is_a_leak_of_the_method_that_allocates() {
    let finding = verdict(&leak_to_the_limit(), Label::DirectLeak, OPEN);
    assert_eq!(finding.severity, Severity::Critical);
    assert!(finding.confidence > 0.9, "{finding:#?}");
    assert_eq!(finding.consumer.kind, ConsumerKind::CallSite);
    assert_eq!(finding.consumer.line, Some(28));
    assert!(finding.consumer.share.unwrap() > 0.95);
    assert_eq!(
        (finding.limit.bytes, finding.limit.reached),
        (Some(LIMIT), true)
    );
    assert!(
        finding.remedy.config.is_empty(),
        "no size helps against a leak"
    );
    assert_eq!(finding.forecast, None, "the limit is reached already");
}

#[test]
fn a_slow_leak_is_seen_long_before_the_limit_with_a_forecast() {
    let mut jvm = Jvm::task_manager();
    jvm.run(3600, 20, |jvm, second| {
        jvm.allocate(ENRICHER, 10 * KIB).unwrap();
        if second % 600 == 599 {
            jvm.full_gc();
        }
    });
    let finding = verdict(&jvm, Label::DirectLeak, OPEN);
    assert_eq!(finding.severity, Severity::Warning);
    assert!(!finding.limit.reached);
    assert!(finding.confidence > 0.9, "{finding:#?}");
    let left = LIMIT - NETWORK - 16 * MIB - 3600 * 10 * KIB;
    let want = left as f64 / (10 * KIB) as f64;
    let got = finding.forecast.unwrap().exhausted_in_s;
    assert!((got / want - 1.0).abs() < 0.05, "{got} instead of {want}");
}

#[test]
fn growth_that_no_full_collection_has_confirmed_is_less_sure_and_says_what_to_do() {
    let mut jvm = Jvm::task_manager();
    jvm.run(1800, 20, |jvm, _| jvm.allocate(ENRICHER, 20 * KIB).unwrap());
    let report = diagnose(&jvm);
    let finding = &report.findings[0];
    assert_eq!(finding.label, Label::DirectLeak);
    assert!((0.6..=0.8).contains(&finding.confidence), "{finding:#?}");
    assert!(
        report
            .collect
            .iter()
            .any(|advice| advice.contains("jcmd 4711 GC.run")),
        "{:?}",
        report.collect
    );
}

#[test]
fn a_leak_that_goes_on_through_restarts_is_surer_than_one_seen_once() {
    let once = {
        let mut jvm = Jvm::task_manager();
        let mut failed = false;
        while !failed {
            jvm.run(1, 7, |jvm, _| {
                failed = jvm.allocate(ENRICHER, 2 * MIB).is_err()
            });
        }
        jvm
    };
    let again_and_again = {
        let mut jvm = Jvm::task_manager();
        jvm.run(180, 5, |jvm, _| {
            let _ = jvm.allocate(ENRICHER, 2 * MIB);
        });
        jvm
    };
    let once = verdict(&once, Label::DirectLeak, OPEN);
    let again = verdict(&again_and_again, Label::DirectLeak, OPEN);
    assert!(
        once.confidence < again.confidence,
        "{} {}",
        once.confidence,
        again.confidence
    );
    assert!(
        again
            .evidence
            .iter()
            .any(|fact| fact.text.contains("gave nothing back")),
        "{again:#?}"
    );
}

#[test]
fn a_leak_that_lives_as_long_as_its_task_is_still_a_leak() {
    let mut jvm = Jvm::task_manager();
    jvm.run(400, 5, |jvm, _| {
        if jvm.allocate(ENRICHER, MIB).is_err() {
            jvm.drop_oldest(ENRICHER, u64::MAX);
            jvm.full_gc();
        }
    });
    let finding = verdict(&jvm, Label::DirectLeak, OPEN);
    let for_ever = verdict(&leak_to_the_limit(), Label::DirectLeak, OPEN);
    assert!(
        finding.confidence < for_ever.confidence,
        "a bulk load looks alike: {finding:#?}"
    );
}

#[test]
fn a_task_that_leaks_fails_once_and_is_cleaned_up_has_leaked_nevertheless() {
    let mut jvm = Jvm::task_manager();
    jvm.run(20, 15, |_, _| {});
    let mut failed = false;
    while !failed {
        jvm.run(1, 1000, |jvm, _| {
            failed = (0..48).any(|_| jvm.allocate(ENRICHER, 64 * KIB).is_err())
        });
    }
    jvm.drop_oldest(ENRICHER, u64::MAX);
    jvm.run(10, 5, |_, _| {});
    jvm.full_gc();
    jvm.run(5, 5, |_, _| {});
    let finding = verdict(&jvm, Label::DirectLeak, OPEN);
    assert!(
        (0.6..0.9).contains(&finding.confidence),
        "a bulk load looks alike: {finding:#?}"
    );
}

#[test]
fn a_burst_over_the_limit_is_undersized_and_the_size_would_have_held() {
    let mut jvm = Jvm::task_manager();
    jvm.run(600, 20, |_, _| {});
    let failed = (0..40)
        .try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB))
        .is_err();
    assert!(failed);
    jvm.drop_oldest(ENRICHER, u64::MAX);
    jvm.run(60, 20, |_, _| {});
    let finding = verdict(&jvm, Label::DirectUndersized, OPEN);
    assert_eq!(finding.severity, Severity::Critical);
    assert!(finding.confidence > 0.9, "{finding:#?}");
    let size = &finding.remedy.config["taskmanager.memory.task.off-heap.size"];
    let mib: u64 = size.strip_suffix('m').unwrap().parse().unwrap();
    let (before, after) = (
        finding.remedy.before.unwrap(),
        finding.remedy.after.unwrap(),
    );
    assert_eq!(before.jvm_direct, Some(LIMIT));
    assert_eq!(after.task_off_heap, Some(mib * MIB));
    // The burst wanted 160 MiB on top of network and Netty; with this size it fits.
    assert!(
        after.jvm_direct.unwrap() >= NETWORK + (16 + 160) * MIB,
        "{size}"
    );
    let process = &finding.remedy.config["taskmanager.memory.process.size"];
    let process: u64 = process.strip_suffix('m').unwrap().parse().unwrap();
    assert_eq!(after.total_process, Some(process * MIB));
    // The heap of 248 MiB with 90 MiB in use cannot give 160 MiB.
    assert!(after.jvm_heap >= before.jvm_heap && after.managed >= before.managed);
}

#[test]
fn a_burst_in_a_restart_loop_is_undersized_though_the_pool_stays_full() {
    let finding = verdict(&burst_in_a_restart_loop(), Label::DirectUndersized, OPEN);
    assert!(finding.confidence > 0.9, "{finding:#?}");
    assert!(
        finding
            .evidence
            .iter()
            .any(|fact| fact.text.contains("given back")),
        "{finding:#?}"
    );
}

#[test]
fn a_burst_right_after_the_start_is_not_mixed_up_with_flinks_own_start() {
    // Half of the trace is from before Flink took its network memory, as in a session that is given its job at once.
    let mut jvm = Jvm::task_manager_that(|jvm| jvm.run(8, 4, |_, _| {}));
    jvm.run(4, 4, |_, _| {});
    let failed = (0..40)
        .try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB))
        .is_err();
    assert!(failed);
    let finding = verdict(&jvm, Label::DirectUndersized, OPEN);
    assert!(finding.confidence > 0.85, "{finding:#?}");
    assert_eq!(
        finding.consumer.share,
        Some(1.0),
        "network memory is no part of it"
    );
}

#[test]
fn a_restart_loop_within_the_first_seconds_is_undersized() {
    let mut jvm = Jvm::task_manager();
    jvm.run(30, 20, |jvm, _| {
        let _ = (0..40).try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB));
        jvm.drop_oldest(ENRICHER, u64::MAX);
    });
    verdict(&jvm, Label::DirectUndersized, OPEN);
}

#[test]
fn netty_over_the_limit_is_sized_in_the_frameworks_pool() {
    let mut jvm = Jvm::task_manager();
    jvm.run(300, 20, |_, _| {});
    let failed = (0..20)
        .try_for_each(|_| jvm.allocate(NETTY, 16 * MIB))
        .is_err();
    assert!(failed);
    jvm.run(5, 20, |_, _| {});
    let finding = verdict(&jvm, Label::DirectUndersized, "Netty");
    assert_eq!(finding.consumer.kind, ConsumerKind::Library);
    let keys: Vec<&String> = finding.remedy.config.keys().collect();
    assert_eq!(keys, ["taskmanager.memory.framework.off-heap.size"]);
    // Of 248 MiB of heap 90 MiB are in use: it gives, and the process keeps its size.
    let (before, after) = (
        finding.remedy.before.unwrap(),
        finding.remedy.after.unwrap(),
    );
    assert_eq!(after.total_process, before.total_process);
    let given = before.jvm_heap.unwrap() - after.jvm_heap.unwrap();
    let got = after.framework_off_heap.unwrap() - before.framework_off_heap.unwrap();
    assert_eq!(given, got);
}

#[test]
fn reservations_that_only_needed_a_collection_are_a_warning() {
    let mut jvm = Jvm::task_manager();
    // Garbage that young collections do not see piles up to the limit again and again.
    jvm.run(1200, 600, |jvm, _| {
        jvm.allocate(CACHE, MIB).unwrap();
        jvm.drop_oldest(CACHE, u64::MAX);
    });
    let finding = verdict(&jvm, Label::DirectUndersized, "com.acme.Lookup.fill");
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.limit.reached);
    assert!(finding.confidence < 0.9, "{finding:#?}");
}

#[test]
fn a_healthy_plateau_is_silent() {
    let report = silent(&healthy());
    assert_eq!(answer(&report, Label::DirectLeak), AnswerKind::DoesNotFire);
}

#[test]
fn buffers_that_collections_give_back_are_silent() {
    let mut jvm = Jvm::task_manager();
    jvm.run(1200, 30, |jvm, _| {
        jvm.allocate(CACHE, MIB).unwrap();
        jvm.drop_oldest(CACHE, u64::MAX);
    });
    silent(&jvm);
}

#[test]
fn old_garbage_that_full_collections_give_back_is_silent() {
    let mut jvm = Jvm::task_manager();
    jvm.run(1500, 10, |jvm, second| {
        jvm.allocate(CACHE, 128 * KIB).unwrap();
        // Dropped only when they are old, so that young collections leave them.
        if second > 60 {
            jvm.drop_oldest(CACHE, 128 * KIB);
        }
        if second % 400 == 399 {
            jvm.full_gc();
        }
    });
    silent(&jvm);
}

#[test]
fn a_cache_that_fills_to_its_bound_is_silent() {
    let mut jvm = Jvm::task_manager();
    jvm.run(900, 10, |jvm, second| {
        if second < 300 {
            jvm.allocate(CACHE, 200 * KIB).unwrap();
        }
    });
    silent(&jvm);
}

#[test]
fn a_cache_that_fills_ever_more_slowly_is_silent() {
    let mut jvm = Jvm::task_manager();
    let mut filled = 0;
    jvm.run(900, 10, |jvm, second| {
        // 64 MiB in the end, time constant 400 s: the trace ends at 90 % of it.
        let want = (64.0 * MIB as f64 * (1.0 - (-(second as f64) / 400.0).exp())) as u64;
        jvm.allocate(CACHE, want - filled).unwrap();
        filled = want;
    });
    silent(&jvm);
}

#[test]
fn a_warm_up_is_silent() {
    let mut jvm = Jvm::task_manager();
    jvm.run(50, 4, |jvm, _| jvm.allocate(NETTY, MIB).unwrap());
    let report = silent(&jvm);
    assert_eq!(
        answer(&report, Label::DirectLeak),
        AnswerKind::NotEnoughData,
        "still rising when the trace ends"
    );
    jvm.run(600, 10, |_, _| {});
    let report = silent(&jvm);
    assert_eq!(answer(&report, Label::DirectLeak), AnswerKind::DoesNotFire);
}

#[test]
fn a_short_trace_is_not_enough() {
    let mut jvm = Jvm::task_manager();
    jvm.run(20, 5, |jvm, _| jvm.allocate(ENRICHER, MIB).unwrap());
    let report = silent(&jvm);
    assert_eq!(
        answer(&report, Label::DirectLeak),
        AnswerKind::NotEnoughData
    );
}

#[test]
fn a_trace_without_samples_is_not_enough() {
    let report = silent(&Jvm::plain());
    assert_eq!(
        answer(&report, Label::DirectLeak),
        AnswerKind::NotEnoughData
    );
}

#[test]
fn a_damaged_trace_gives_the_verdict_of_a_sound_one_and_tells_the_damage() {
    let mut jvm = leak_to_the_limit();
    jvm.garbage("{\"kind\":\"sample\",\"t_ms\":");
    jvm.garbage("\u{0}\u{0}\u{0}");
    let report = diagnose(&jvm);
    assert_eq!(report.trace.bad_lines, 2);
    let finding = verdict(&jvm, Label::DirectLeak, OPEN);
    assert_eq!(
        finding,
        verdict(&leak_to_the_limit(), Label::DirectLeak, OPEN)
    );
}

#[test]
fn a_plain_jvm_gets_a_verdict_without_flinks_pools() {
    let mut jvm = Jvm::plain();
    jvm.run(300, 5, |jvm, _| {
        let _ = jvm.allocate(ENRICHER, MIB);
    });
    let report = diagnose(&jvm);
    assert_eq!(report.findings[0].label, Label::DirectLeak);
    let components: Vec<&str> = report.budget.iter().map(|line| line.component).collect();
    assert_eq!(components, ["jvm_heap", "jvm_direct", "jvm_metaspace"]);
}

#[test]
fn a_plain_jvm_that_needs_more_is_told_the_jvms_own_option() {
    let mut jvm = Jvm::plain();
    jvm.run(60, 5, |_, _| {});
    let failed = (0..60)
        .try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB))
        .is_err();
    assert!(failed);
    jvm.run(5, 5, |_, _| {});
    let finding = verdict(&jvm, Label::DirectUndersized, OPEN);
    assert!(
        finding.remedy.text.contains("-XX:MaxDirectMemorySize="),
        "{finding:#?}"
    );
    assert!(finding.remedy.config.is_empty());
}

#[test]
fn accounting_under_native_memory_tracking_makes_no_difference() {
    let mut jvm = Jvm::task_manager();
    jvm.accounting = "table";
    jvm.run(140, 5, |jvm, _| {
        let _ = jvm.allocate(ENRICHER, MIB);
    });
    let finding = verdict(&jvm, Label::DirectLeak, OPEN);
    assert_eq!(
        finding,
        verdict(&leak_to_the_limit(), Label::DirectLeak, OPEN)
    );
}

#[test]
fn of_two_users_the_growing_one_is_blamed_not_the_larger() {
    let mut jvm = Jvm::task_manager();
    jvm.allocate(CACHE, 60 * MIB).unwrap();
    jvm.run(1200, 10, |jvm, second| {
        jvm.allocate(ENRICHER, 20 * KIB).unwrap();
        if second % 300 == 299 {
            jvm.full_gc();
        }
    });
    let finding = verdict(&jvm, Label::DirectLeak, OPEN);
    assert!(finding.consumer.share.unwrap() > 0.9, "{finding:#?}");
}

#[test]
fn flinks_network_memory_is_never_blamed_even_without_an_earlier_moment() {
    let mut jvm = Jvm::task_manager_that(|jvm| jvm.with_sites = false);
    jvm.run(100, 5, |jvm, _| jvm.allocate(ENRICHER, 512 * KIB).unwrap());
    jvm.with_sites = true;
    jvm.run(120, 5, |jvm, _| {
        let _ = jvm.allocate(ENRICHER, 512 * KIB);
    });
    verdict(&jvm, Label::DirectLeak, OPEN);
}

#[test]
fn without_call_sites_the_requester_is_named_with_little_confidence() {
    let mut jvm = Jvm::task_manager_that(|jvm| jvm.with_sites = false);
    jvm.run(140, 5, |jvm, _| {
        let _ = jvm.allocate(ENRICHER, MIB);
    });
    let finding = verdict(&jvm, Label::DirectLeak, OPEN);
    assert!(finding.consumer.confidence <= 0.3);
    assert!(finding.confidence > finding.consumer.confidence);
    assert_eq!(finding.consumer.share, None);
}

#[test]
fn an_error_with_nothing_before_and_after_is_no_sure_case() {
    let mut jvm = Jvm::plain();
    jvm.tick(1.0);
    let failed = (0..60)
        .try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB))
        .is_err();
    assert!(failed);
    let sure = diagnose(&burst_in_a_restart_loop()).findings[0].confidence;
    let report = diagnose(&jvm);
    assert!(report.findings[0].confidence < sure, "{report:#?}");
    assert!(report.findings[0].limit.reached);
}

#[test]
fn a_fast_climb_in_small_steps_may_be_either_and_says_so() {
    let mut jvm = Jvm::plain();
    let mut failed = false;
    while !failed {
        jvm.tick(0.2);
        failed = (0..40).any(|_| jvm.allocate(ENRICHER, 256 * KIB).is_err());
    }
    let report = diagnose(&jvm);
    assert!(report.findings[0].confidence < 0.7, "{report:#?}");
    assert!(report.findings[0].limit.reached);
    assert!(!report.collect.is_empty(), "it says what would settle it");
}

#[test]
fn a_kill_in_the_middle_of_a_slow_path_claims_no_success() {
    let mut jvm = Jvm::task_manager();
    jvm.run(60, 20, |_, _| {});
    let failed = (0..40)
        .try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB))
        .is_err();
    assert!(failed);
    jvm.forget_facts_after("direct_slow_path");
    let finding = verdict(&jvm, Label::DirectUndersized, OPEN);
    assert_eq!(finding.severity, Severity::Warning);
    assert!(
        !finding
            .evidence
            .iter()
            .any(|fact| fact.text.contains("made room")),
        "{finding:#?}"
    );
}

#[test]
fn the_outcome_tells_an_orderly_end_from_a_kill() {
    let mut jvm = healthy();
    assert_eq!(diagnose(&jvm).outcome.kind, OutcomeKind::Unknown);
    jvm.cgroup =
        json!({"usage_bytes": 1000 * MIB, "limit_bytes": 1001 * MIB, "file_bytes": 3 * MIB});
    jvm.tick(1.0);
    assert_eq!(diagnose(&jvm).outcome.kind, OutcomeKind::Killed);
    jvm.cgroup =
        json!({"usage_bytes": 1000 * MIB, "limit_bytes": 1001 * MIB, "file_bytes": 600 * MIB});
    jvm.tick(1.0);
    assert_eq!(
        diagnose(&jvm).outcome.kind,
        OutcomeKind::Unknown,
        "page cache can be given back"
    );
    jvm.end();
    assert_eq!(diagnose(&jvm).outcome.kind, OutcomeKind::Exited);
}

#[test]
fn a_fresh_trace_is_of_a_running_process() {
    let jvm = healthy();
    let directory = tempfile::tempdir().unwrap();
    let case = Case::read(&jvm.write(directory.path())).unwrap();
    let last_ms = case.timeline.moments.last().unwrap().t_ms;
    let here = Surroundings {
        now_ms: last_ms + 900,
        host: "elsewhere".to_owned(),
    };
    assert_eq!(Report::of(&case, &here).outcome.kind, OutcomeKind::Running);
}

#[test]
fn a_direct_oom_ends_a_plain_jvm_but_not_a_task_manager() {
    let fill = |mut jvm: Jvm| {
        while jvm.allocate(ENRICHER, 8 * MIB).is_ok() {}
        jvm.end();
        diagnose(&jvm).outcome.kind
    };
    assert_eq!(fill(Jvm::plain()), OutcomeKind::JavaOom);
    assert_eq!(fill(Jvm::task_manager()), OutcomeKind::Exited);
}

/// A process whose user holds a varying number of buffers around a level, with garbage in between.
fn varying(levels: &[u64], young_every: u64, full_every: u64, leak_per_s: u64) -> Jvm {
    let mut jvm = Jvm::task_manager();
    let mut held = 0;
    jvm.run(1200, young_every, |jvm, second| {
        let want = levels[(second / 7) as usize % levels.len()];
        while held < want {
            jvm.allocate(CACHE, MIB).unwrap();
            held += 1;
        }
        while held > want {
            jvm.drop_oldest(CACHE, MIB);
            held -= 1;
        }
        if leak_per_s > 0 {
            jvm.allocate(ENRICHER, leak_per_s).unwrap();
        }
        if second % full_every == full_every - 1 {
            jvm.full_gc();
        }
    });
    jvm
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_healthy_process_is_silent_however_its_use_varies(
        levels in prop::collection::vec(0u64..16, 30..170), young_every in 2u64..60, full_every in 40u64..200,
    ) {
        let jvm = varying(&levels, young_every, full_every, 0);
        prop_assume!(jvm.incidents == 0, "a pool that meets its limit is not healthy");
        silent(&jvm);
    }

    #[test]
    fn a_leak_is_found_under_a_use_that_varies(
        levels in prop::collection::vec(0u64..12, 30..170), young_every in 2u64..30, full_every in 40u64..200, kib in 15u64..60,
    ) {
        let finding = verdict(&varying(&levels, young_every, full_every, kib * KIB), Label::DirectLeak, OPEN);
        prop_assert!(finding.confidence >= 0.6);
    }
}
