//! Who is blamed.

use super::{OPEN, verdict};
use crate::synth::{CACHE, ENRICHER, Jvm, KIB, MIB};
use flinkmem_analyzer::finding::Label;

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
