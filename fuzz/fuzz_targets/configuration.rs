//! Any bytes as a configuration, for every version and both processes: no panic, and what is accepted adds up.

#![no_main]

use flinkmem_analyzer::configuration::{from_log_head, parse_config_yaml, parse_flink_conf};
use flinkmem_analyzer::model::{FlinkVersion, Model, Process, Question, derive, to_json};
use libfuzzer_sys::fuzz_target;

const VERSIONS: [(u16, u16); 8] = [
    (1, 9),
    (1, 10),
    (1, 12),
    (1, 14),
    (1, 17),
    (1, 20),
    (2, 0),
    (2, 3),
];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let _ = from_log_head(&text);
    let (major, minor) = VERSIONS[usize::from(first >> 2) % VERSIONS.len()];
    let process = if first & 1 == 0 {
        Process::TaskManager
    } else {
        Process::JobManager
    };
    let loaded = match first & 2 {
        0 => Ok(parse_flink_conf(&text, "fuzz")),
        _ => parse_config_yaml(&text, "fuzz"),
    };
    let Ok(loaded) = loaded else { return };
    let question = Question::new(
        FlinkVersion::release(major, minor, 0),
        process,
        loaded.settings,
    );
    let outcome = derive(&question);
    let _ = to_json(&outcome);
    if let Ok(answer) = outcome
        && let Model::TaskManager(model) = answer.model
    {
        let parts = model.total_flink.bytes() + model.metaspace.bytes() + model.overhead.bytes();
        assert_eq!(parts, model.total_process.bytes());
    }
});
