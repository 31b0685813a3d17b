//! What must hold for any input at all.

use flinkmem_analyzer::configuration::{
    from_command_line, from_log_head, parse_config_yaml, parse_dynamic, parse_flink_conf,
};
use flinkmem_analyzer::model::options::{FlinkOption, jm, tm};
use flinkmem_analyzer::model::{
    Answer, Deployment, Environment, FlinkVersion, MemorySize, Model, Process, Question, Settings,
    Source, derive, to_json,
};
use flinkmem_analyzer::network::{Exchange, Shortage};
use flinkmem_analyzer::overview::accepted_changes;
use flinkmem_analyzer::plan::{Hold, Need, satisfy};
use proptest::prelude::*;

/// Options that change what is derived.
const OPTIONS: [FlinkOption; 30] = [
    tm::PROCESS,
    tm::FLINK,
    tm::FRAMEWORK_HEAP,
    tm::FRAMEWORK_OFF_HEAP,
    tm::TASK_HEAP,
    tm::TASK_OFF_HEAP,
    tm::MANAGED,
    tm::MANAGED_FRACTION,
    tm::NETWORK_MIN,
    tm::NETWORK_MAX,
    tm::NETWORK_FRACTION,
    tm::METASPACE,
    tm::OVERHEAD_MIN,
    tm::OVERHEAD_MAX,
    tm::OVERHEAD_FRACTION,
    tm::SEGMENT,
    tm::WEIGHTS,
    tm::SLOTS,
    tm::CPU,
    tm::NUMBER_OF_BUFFERS,
    tm::LEGACY_HEAP,
    tm::LEGACY_HEAP_MB,
    tm::ROCKSDB_WRITE_RATIO,
    jm::PROCESS,
    jm::FLINK,
    jm::HEAP,
    jm::OFF_HEAP,
    jm::DIRECT_LIMIT,
    jm::LEGACY_HEAP,
    jm::OVERHEAD_FRACTION,
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[0-9]{1,5} ?(m|mb|k|g|bytes)",
        2 => "[0-9]{1,19}(b|t|)",
        2 => "0\\.[0-9]{1,9}",
        1 => "-?[0-9]{1,3}",
        1 => "(true|false|NaN|Infinity|-0.0|1e-60|OPERATOR:70,PYTHON:x)",
        1 => ".{0,12}",
    ]
}

fn version() -> impl Strategy<Value = FlinkVersion> {
    let releases = [
        (1, 9),
        (1, 10),
        (1, 11),
        (1, 12),
        (1, 13),
        (1, 14),
        (1, 16),
        (1, 17),
        (1, 20),
        (2, 0),
        (2, 3),
    ];
    prop::sample::select(releases.to_vec())
        .prop_map(|(major, minor)| FlinkVersion::release(major, minor, 1))
}

fn question() -> impl Strategy<Value = Question> {
    let option = (prop::sample::select(OPTIONS.to_vec()), value());
    let process = prop::sample::select(vec![Process::TaskManager, Process::JobManager]);
    let deployment = prop::sample::select(vec![Deployment::Standalone, Deployment::Container]);
    let settings = prop::collection::vec(option, 0..7);
    (
        version(),
        process,
        deployment,
        settings,
        prop::option::of(value()),
    )
        .prop_map(|(version, process, deployment, options, heap)| {
            let mut settings = Settings::new();
            for (option, value) in options {
                settings.set(option.key, value, Source::Given);
            }
            Question {
                deployment,
                environment: Environment {
                    tm_heap: heap.clone(),
                    jm_heap: heap,
                },
                ..Question::new(version, process, settings)
            }
        })
}

/// A TaskManager that Flink accepts more often than not.
fn sound_task_manager() -> impl Strategy<Value = Question> {
    let version = version().prop_filter("the model of nested pools", |version| {
        version.is_since(1, 10)
    });
    (
        version,
        512_u64..65_536,
        0_u64..1_024,
        prop::option::of(0.0_f64..0.9),
    )
        .prop_map(|(version, process_mib, off_heap_mib, fraction)| {
            let mut settings = Settings::new()
                .with(tm::PROCESS.key, format!("{process_mib}m"))
                .with(tm::TASK_OFF_HEAP.key, format!("{off_heap_mib}m"));
            if let Some(fraction) = fraction {
                settings = settings.with(tm::MANAGED_FRACTION.key, format!("{fraction:.3}"));
            }
            Question::new(version, Process::TaskManager, settings)
        })
}

fn check_sums(question: &Question, answer: &Answer) -> Result<(), TestCaseError> {
    match &answer.model {
        Model::TaskManager(model) => {
            let inside = model.heap().bytes() + model.direct().bytes() + model.managed.bytes();
            prop_assert_eq!(inside, model.total_flink.bytes());
            let whole = inside + model.metaspace.bytes() + model.overhead.bytes();
            prop_assert_eq!(whole, model.total_process.bytes());
            let slots = answer
                .shares
                .as_ref()
                .and_then(|shares| shares.slot.as_ref().ok());
            if let Some(slot) = slots {
                prop_assert!(slot.slots * slot.managed <= model.managed.bytes());
                prop_assert!(slot.slots * slot.network <= model.network.bytes());
            }
        }
        Model::JobManager(model) => {
            let inside = model.heap.bytes() + model.off_heap.bytes();
            prop_assert_eq!(inside, model.total_flink.bytes());
            let whole = inside + model.metaspace.bytes() + model.overhead.bytes();
            prop_assert_eq!(whole, model.total_process.bytes());
        }
        Model::Shell(_) => prop_assert!(!question.version.is_since(1, 11)),
        Model::Container(model) => prop_assert!(model.cutoff_mb > 0),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_accepted_adds_up(question in question()) {
        let outcome = derive(&question);
        if let Ok(answer) = &outcome {
            check_sums(&question, answer)?;
        }
        prop_assert_eq!(to_json(&outcome).len(), 1);
    }

    #[test]
    fn a_process_keeps_its_size_and_its_bounds(question in sound_task_manager()) {
        let Ok(answer) = derive(&question) else { return Ok(()) };
        let Model::TaskManager(model) = &answer.model else { panic!("a TaskManager was asked for") };
        let text = question.settings.get(tm::PROCESS.key).unwrap().value.to_string();
        prop_assert_eq!(model.total_process.size, MemorySize::parse(&text).unwrap());
        let mib = |mib: u64| mib << 20;
        prop_assert!((mib(192)..=mib(1024)).contains(&model.overhead.bytes()));
        prop_assert!(model.network.bytes() >= mib(64));
        if !question.version.is_since(1, 17) {
            prop_assert!(model.network.bytes() <= mib(1024));
        }
        check_sums(&question, &answer)?;
    }

    #[test]
    fn a_larger_process_has_no_smaller_pool(question in sound_task_manager(), more in 1_u64..4_096) {
        let Ok(before) = derive(&question) else { return Ok(()) };
        let text = question.settings.get(tm::PROCESS.key).unwrap().value.to_string();
        let larger = MemorySize::parse(&text).unwrap().bytes() + (more << 20);
        let mut grown = question.clone();
        grown.settings.set(tm::PROCESS.key, format!("{larger}b"), Source::Given);
        let (Ok(after), Model::TaskManager(old)) = (derive(&grown), &before.model) else {
            panic!("what fits into a process fits into a larger one");
        };
        let Model::TaskManager(new) = &after.model else { panic!("a TaskManager was asked for") };
        for (old, new) in [
            (&old.task_heap, &new.task_heap),
            (&old.managed, &new.managed),
            (&old.network, &new.network),
            (&old.overhead, &new.overhead),
        ] {
            // Each share is cut to whole bytes, so the rest may lose as many as there are shares.
            prop_assert!(new.bytes() + 4 >= old.bytes());
        }
    }

    #[test]
    fn every_proposed_change_is_accepted(question in question()) {
        if let Err(refused) = derive(&question) {
            for change in accepted_changes(&question, &refused.refusal) {
                prop_assert!(derive(&change.applied_to(&question)).is_ok(), "{}", change.text());
            }
        }
    }

    #[test]
    fn a_plan_meets_its_need_and_holds_what_it_should(question in sound_task_manager(), mib in 1_u64..2_048, at in 0_usize..6) {
        let pool = ["task_heap", "task_off_heap", "managed", "network", "jvm_metaspace", "framework_off_heap"][at];
        let need: Need = format!("{pool}={mib}m").parse().unwrap();
        let Ok(before) = derive(&question) else { return Ok(()) };
        let total = |answer: &Answer| match &answer.model {
            Model::TaskManager(model) => model.total_process.bytes(),
            _ => 0,
        };
        if let Ok(proposal) = satisfy(&question, std::slice::from_ref(&need), Hold::Process) {
            prop_assert_eq!(total(&proposal.answer), total(&before));
        }
        let grown = satisfy(&question, &[need], Hold::Pools);
        prop_assert!(grown.is_ok(), "more memory is always an answer: {:?}", grown);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "(?s).{0,300}") {
        let _ = parse_flink_conf(&text, "f");
        let _ = parse_config_yaml(&text, "f");
        let _ = from_log_head(&text);
        let _ = from_command_line(text.split(' '));
        let _ = parse_dynamic(text.lines(), &Source::Dynamic);
        let _ = Shortage::parse(&text);
        let _ = text.parse::<Exchange>();
        let _ = text.parse::<FlinkVersion>();
        let _ = MemorySize::parse(&text);
    }

    #[test]
    fn no_yaml_like_text_makes_the_reader_panic(text in "([a-z*&.:\\[\\]{}#|>'\"!~, -]|\n|\n  |: |- |0x1|1e9){0,60}") {
        let _ = parse_config_yaml(&text, "f");
        let _ = parse_flink_conf(&text, "f");
    }

    #[test]
    fn a_size_reads_back_as_it_was_written(bytes in 0_u64..=i64::MAX.unsigned_abs()) {
        let size = MemorySize::from_bytes(bytes);
        prop_assert_eq!(MemorySize::parse(&size.to_option()).unwrap(), size);
    }
}
