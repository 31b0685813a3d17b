//! Legitimate use that does not fit, and the size that would have held.

use super::{OPEN, diagnose, verdict};
use crate::synth::{
    CACHE, ENRICHER, Jvm, LIMIT, MIB, NETWORK, burst_in_a_restart_loop, netty_over_the_limit,
};
use flinkmem_analyzer::finding::{ConsumerKind, Label, Severity};

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
    let jvm = netty_over_the_limit();
    let finding = verdict(&jvm, Label::DirectFrameworkShuffle, "Netty");
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
fn where_a_later_flag_sets_the_limit_no_option_of_flink_is_proposed() {
    let option = "taskmanager.memory.task.off-heap.size";
    let jvm = netty_over_the_limit().with_option(option, "67108864b");
    let finding = verdict(&jvm, Label::DirectFrameworkShuffle, "Netty");
    assert!(finding.remedy.config.is_empty(), "{finding:#?}");
    let text = &finding.remedy.text;
    assert!(text.contains("-XX:MaxDirectMemorySize="), "{text}");
    assert!(text.contains("a later flag"), "{text}");
    let found = &diagnose(&jvm).disagreements;
    let pools: Vec<&str> = found.iter().map(|one| one.pool).collect();
    assert_eq!(pools, ["jvm_direct"]);
}
