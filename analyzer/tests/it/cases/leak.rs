//! Leaks: found, named, and surer the more there is to see.

use super::{OPEN, diagnose, verdict};
use crate::synth::{ENRICHER, Jvm, KIB, LIMIT, MIB, NETWORK, leak_to_the_limit};
use flinkmem_analyzer::finding::{ConsumerKind, Label, Severity};

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
    let forecast = finding.forecast.unwrap();
    let got = forecast.exhausted_in_s;
    assert!((got / want - 1.0).abs() < 0.05, "{got} instead of {want}");
    assert!(
        forecast.earliest_s <= got && got <= forecast.latest_s,
        "{forecast:?}"
    );
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
