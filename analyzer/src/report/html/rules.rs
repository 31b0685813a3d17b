//! What `model.js` needs to know: options with their defaults, and how a release behaves. Versions are compared in Rust only.

use crate::model::FlinkVersion;
use crate::model::changes::Behaviour;
use crate::model::options::{FlinkOption, jm, tm};
use serde_json::{Map, Value, json};

/// The TaskManager's options by the names that `model.js` has for them.
pub(super) const TASK_MANAGER: [(&str, FlinkOption); 21] = [
    ("process", tm::PROCESS),
    ("flink", tm::FLINK),
    ("framework_heap", tm::FRAMEWORK_HEAP),
    ("framework_off_heap", tm::FRAMEWORK_OFF_HEAP),
    ("task_heap", tm::TASK_HEAP),
    ("task_off_heap", tm::TASK_OFF_HEAP),
    ("managed", tm::MANAGED),
    ("managed_fraction", tm::MANAGED_FRACTION),
    ("network_min", tm::NETWORK_MIN),
    ("network_max", tm::NETWORK_MAX),
    ("network_fraction", tm::NETWORK_FRACTION),
    ("metaspace", tm::METASPACE),
    ("overhead_min", tm::OVERHEAD_MIN),
    ("overhead_max", tm::OVERHEAD_MAX),
    ("overhead_fraction", tm::OVERHEAD_FRACTION),
    ("segment", tm::SEGMENT),
    ("slots", tm::SLOTS),
    ("cpu", tm::CPU),
    ("number_of_buffers", tm::NUMBER_OF_BUFFERS),
    ("legacy_heap", tm::LEGACY_HEAP),
    ("legacy_heap_mb", tm::LEGACY_HEAP_MB),
];

/// The JobManager's.
pub(super) const JOB_MANAGER: [(&str, FlinkOption); 11] = [
    ("process", jm::PROCESS),
    ("flink", jm::FLINK),
    ("heap", jm::HEAP),
    ("off_heap", jm::OFF_HEAP),
    ("direct_limit", jm::DIRECT_LIMIT),
    ("metaspace", jm::METASPACE),
    ("overhead_min", jm::OVERHEAD_MIN),
    ("overhead_max", jm::OVERHEAD_MAX),
    ("overhead_fraction", jm::OVERHEAD_FRACTION),
    ("legacy_heap", jm::LEGACY_HEAP),
    ("legacy_heap_mb", jm::LEGACY_HEAP_MB),
];

/// The options and the behaviour of a release.
pub(super) fn rules(version: FlinkVersion) -> Value {
    let is = Behaviour::of(version);
    let table = |options: &[(&str, FlinkOption)]| -> Map<String, Value> {
        let named = options.iter();
        named
            .map(|(name, option)| ((*name).to_owned(), written(option)))
            .collect()
    };
    json!({
        "options": {
            "tm": table(&TASK_MANAGER),
            "jm": table(&JOB_MANAGER),
        },
        "behaviour": {
            "task_manager_prefix": is.task_manager_prefix,
            "job_manager_prefix": is.job_manager_prefix,
            "small_process_message": is.small_process_message,
            "wording_of_1_10": is.wording_of_1_10,
            "slots_in_derivation": is.slots_in_derivation,
            "legacy_options": is.legacy_options,
            // Text, for JavaScript's own numbers have 53 bits.
            "metaspace_default_bytes": is.metaspace_default_bytes.to_string(),
            "network_max_default_bytes": is.network_max_default_bytes.to_string(),
        },
    })
}

fn written(option: &FlinkOption) -> Value {
    json!({ "key": option.key, "deprecated": option.deprecated, "default": option.default })
}
