//! Budgets of any process of any version: what is taken for the user's configuration derives to what was recorded, and
//! what is proposed derives to what was promised.

use flinkmem_analyzer::budget::{Budget, DirectPool, Giver, Pools};
use flinkmem_analyzer::configuration::{Observed, from_command_line};
use flinkmem_analyzer::model::changes::Behaviour;
use flinkmem_analyzer::model::{FlinkVersion, Model, Process, Question, Settings, derive};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;
const VERSIONS: [(u16, u16, u16); 6] = [
    (1, 10, 3),
    (1, 12, 5),
    (1, 14, 6),
    (1, 17, 2),
    (1, 20, 5),
    (2, 3, 0),
];

/// Options as somebody may have written them.
fn written() -> impl Strategy<Value = Settings> {
    let option = |key: &'static str, values: std::ops::Range<u64>| {
        let text = values.prop_map(move |mib| format!("{mib}m"));
        prop::option::weighted(0.3, text).prop_map(move |value| (key, value))
    };
    let options = (
        option("taskmanager.memory.framework.off-heap.size", 64..512),
        option("taskmanager.memory.task.off-heap.size", 0..256),
        option("taskmanager.memory.managed.size", 0..512),
        option("taskmanager.memory.jvm-metaspace.size", 64..512),
        option("taskmanager.memory.network.max", 64..256),
    );
    (1400_u64..9000, options).prop_map(|(process, (a, b, c, d, e))| {
        let size = format!("{process}m");
        let start = Settings::new().with("taskmanager.memory.process.size", size);
        let set = [a, b, c, d, e].into_iter();
        set.filter_map(|(key, value)| Some((key, value?)))
            .fold(start, |settings, (key, value)| settings.with(key, value))
    })
}

/// What the start script passes to the process.
fn started(question: &Question) -> Option<(Pools, Observed)> {
    let model = derive(question).ok()?.model;
    let Model::TaskManager(task_manager) = &model else {
        return None;
    };
    let main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
    let jvm = model.jvm_args();
    let options = task_manager.resolved_options(&Behaviour::of(question.version));
    let options: Vec<String> = options
        .iter()
        .map(|(key, value)| format!("-D{key}={value}"))
        .collect();
    let program = std::iter::once(main).chain(options.iter().map(String::as_str));
    let observed = Observed {
        version: Some(question.version),
        ..from_command_line(jvm.split_whitespace().chain(program))
    };
    Some((Pools::of(&model), observed))
}

proptest! {
    #[test]
    fn what_is_assumed_and_what_is_proposed_derive_to_what_they_claim(
        settings in written(),
        version in prop::sample::select(VERSIONS.to_vec()),
        need in 1_u64..1024,
        heap_needs in prop::option::of(128_u64..2048),
    ) {
        let version = FlinkVersion::release(version.0, version.1, version.2);
        let question = Question::new(version, Process::TaskManager, settings);
        let start = started(&question);
        prop_assume!(start.is_some(), "Flink would not have started");
        let (pools, observed) = start.unwrap();
        let budget = Budget::recorded(&observed).unwrap();
        prop_assert!(budget.pools.agree_with(&pools));
        prop_assert_eq!(&budget.disagreements, &[]);

        let mut settings = Settings::new();
        for (key, value) in budget.assumed() {
            settings = settings.with(&key, value);
        }
        let assumed = Question { settings, ..question };
        let derived = derive(&assumed).map(|answer| Pools::of(&answer.model));
        prop_assert!(derived.is_ok_and(|derived| derived.agree_with(&budget.pools)));

        let wanted = need * MIB;
        let heap_needs = heap_needs.map(|mib| mib * MIB);
        let raise = budget.raise(DirectPool::TaskOffHeap, wanted, heap_needs).unwrap();
        let mut changed = assumed;
        for (key, value) in &raise.config {
            changed.settings = changed.settings.with(key, value.clone());
        }
        for key in &raise.remove {
            changed.settings.remove(key);
        }
        prop_assert_eq!(Pools::of(&derive(&changed).unwrap().model), raise.after);
        prop_assert!(raise.after.task_off_heap >= Some(wanted));
        prop_assert!(raise.after.managed >= raise.before.managed);
        prop_assert!(raise.after.network >= raise.before.network);
        if raise.from == Giver::Heap {
            prop_assert_eq!(raise.after.total_process, raise.before.total_process);
            prop_assert!(raise.after.jvm_heap >= heap_needs);
        } else {
            prop_assert!(raise.after.task_heap >= raise.before.task_heap);
        }
    }
}
