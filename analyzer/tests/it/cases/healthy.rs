//! Processes about which nothing must be said.

use super::{answer, silent};
use crate::synth::{CACHE, Jvm, KIB, MIB, NETTY, healthy};
use flinkmem_analyzer::finding::Label;
use flinkmem_analyzer::rules::AnswerKind;

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
