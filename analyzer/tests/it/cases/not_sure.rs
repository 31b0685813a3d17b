//! Traces that do not tell everything: what is said then, and how surely.

use super::{OPEN, answer, diagnose, silent, verdict};
use crate::synth::{ENRICHER, Jvm, KIB, MIB, burst_in_a_restart_loop, leak_to_the_limit};
use flinkmem_analyzer::finding::Label;
use flinkmem_analyzer::rules::AnswerKind;

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
