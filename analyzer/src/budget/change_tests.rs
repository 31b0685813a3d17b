//! Changes of every pool, and that none is proposed which Flink would refuse or which takes what is needed.

use super::tests::{job_manager, task_manager};
use super::*;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

#[test]
fn managed_memory_that_nobody_reserved_goes_to_the_heap() {
    let budget = task_manager();
    let wish = Wish::of("jvm_heap", 400 * MIB).sparing("managed", Some(0));
    let raise = budget.change(&wish).unwrap();
    assert_eq!(raise.from, Giver::Managed);
    assert_eq!(raise.after.total_process, raise.before.total_process);
    assert!(raise.after.jvm_heap >= Some(400 * MIB));
    assert!(raise.after.managed < raise.before.managed);
    assert_eq!(raise.after.network, raise.before.network);
}

#[test]
fn managed_memory_in_use_is_not_taken() {
    let wish = Wish::of("task_heap", 400 * MIB).sparing("managed", Some(300 * MIB));
    let raise = task_manager().change(&wish).unwrap();
    assert_eq!(raise.from, Giver::HeapInUse);
    assert!(raise.after.managed >= raise.before.managed);
    assert!(raise.after.total_process > raise.before.total_process);
}

#[test]
fn shares_do_not_shrink_when_metaspace_or_overhead_takes_from_the_heap() {
    for pool in ["jvm_metaspace", "jvm_overhead"] {
        let wish = Wish::of(pool, 288 * MIB).sparing("jvm_heap", Some(100 * MIB));
        let raise = task_manager().change(&wish).unwrap();
        assert_eq!(raise.from, Giver::Heap, "{pool}");
        assert!(raise.after.size(pool) >= Some(288 * MIB));
        assert_eq!(raise.after.total_process, raise.before.total_process);
        assert_eq!(raise.after.managed, raise.before.managed, "{pool}");
        assert_eq!(raise.after.network, raise.before.network, "{pool}");
    }
}

#[test]
fn what_the_heap_cannot_spare_comes_out_of_managed_memory_where_both_may_give() {
    let wish = Wish::of("task_off_heap", 256 * MIB)
        .sparing("jvm_heap", Some(200 * MIB))
        .sparing("managed", Some(50 * MIB));
    let raise = task_manager().change(&wish).unwrap();
    assert_eq!(raise.after.total_process, raise.before.total_process);
    assert!(raise.after.jvm_heap >= Some(200 * MIB));
    assert!(raise.after.managed >= Some(50 * MIB));
}

#[test]
fn a_job_managers_pools_are_changed_alike() {
    for pool in ["jvm_heap", "jvm_metaspace", "jvm_overhead", "off_heap"] {
        let raise = job_manager().change(&Wish::of(pool, 320 * MIB)).unwrap();
        assert!(raise.after.size(pool) >= Some(320 * MIB), "{pool}");
        assert!(raise.after.total_process > raise.before.total_process);
        let shrinks = ["jvm_heap", "off_heap", "jvm_metaspace"]
            .into_iter()
            .any(|other| raise.after.size(other) < raise.before.size(other));
        assert!(!shrinks, "{pool}: {raise:?}");
    }
}

#[test]
fn other_options_are_checked_by_deriving() {
    let budget = task_manager();
    let size = "taskmanager.memory.process.size";
    let grown = budget
        .with_options(&[(size, "2g".to_owned())], &[])
        .unwrap();
    assert_eq!(grown.after.total_process, Some(2048 * MIB));
    assert_eq!(grown.config[size], "2g");
    let refused = budget.with_options(&[(size, "300m".to_owned())], &[]);
    assert_eq!(refused, None, "Flink would refuse it");
}

#[test]
fn a_pool_that_this_process_does_not_have_cannot_be_changed() {
    assert_eq!(job_manager().change(&Wish::of("managed", MIB)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_change_meets_its_needs_and_takes_nothing_that_is_needed(
        pool in prop::sample::select(vec!["task_heap", "jvm_heap", "task_off_heap", "framework_off_heap", "managed", "network", "jvm_metaspace", "jvm_overhead"]),
        mib in 1u64..2000,
        heap in prop::option::of(0u64..400),
        managed in prop::option::of(0u64..400),
    ) {
        let wish = Wish::of(pool, mib * MIB)
            .sparing("jvm_heap", heap.map(|mib| mib * MIB))
            .sparing("managed", managed.map(|mib| mib * MIB));
        let Some(raise) = task_manager().change(&wish) else {
            return Ok(());
        };
        prop_assert!(raise.after.size(pool) >= Some(mib * MIB));
        for other in ["jvm_heap", "managed", "network", "task_off_heap", "framework_off_heap", "jvm_metaspace", "jvm_overhead"] {
            let keeps = wish.spares.iter().find(|(name, _)| *name == other).map(|(_, keeps)| *keeps);
            let present = raise.before.size(other);
            let floor = keeps.map_or(present, |keeps| present.map(|size| size.min(keeps)));
            prop_assert!(raise.after.size(other) >= floor, "{} shrinks: {:?}", other, raise);
        }
        if raise.config.is_empty() {
            prop_assert_eq!(raise.from, Giver::Nobody);
        }
    }
}
