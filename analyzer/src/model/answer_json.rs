//! Answers as JSON, in the shape that `docs/memory-model.md` fixes.
//!
//! Sizes are whole bytes. What does not exist is absent, not 0.

use super::decimal::java_double;
use super::jobmanager::JobManagerModel;
use super::question::{Answer, Model, Refused};
use super::refusal::Refusal;
use super::rocksdb::RocksDbShare;
use super::shares::Shares;
use super::taskmanager::TaskManagerModel;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// `{"ok": …}` with every pool, or `{"error": …}` with Flink's refusal.
#[must_use]
pub fn to_json(outcome: &Result<Answer, Box<Refused>>) -> Map<String, Value> {
    let (key, value) = match outcome {
        Ok(answer) => ("ok", ok(answer)),
        Err(refused) => ("error", value(&refused.refusal)),
    };
    Map::from_iter([(key.to_owned(), value)])
}

/// A refusal alone, as it stands under `error`.
#[must_use]
pub fn refusal_json(refusal: &Refusal) -> Value {
    value(refusal)
}

fn ok(answer: &Answer) -> Value {
    let mut fields = match &answer.model {
        Model::TaskManager(model) => task_manager(model),
        Model::JobManager(model) => job_manager(model),
        Model::Shell(model) => object(value(model)),
        Model::Container(model) => object(value(model)),
    };
    fields.insert("jvm_args".to_owned(), answer.model.jvm_args().into());
    if let Some(shares) = &answer.shares {
        fields.insert("aux".to_owned(), Value::Object(aux(shares)));
    }
    if !answer.notes.is_empty() {
        fields.insert("notes".to_owned(), value(&answer.notes));
    }
    Value::Object(fields)
}

fn task_manager(model: &TaskManagerModel) -> Map<String, Value> {
    let mut fields = object(json!({
        "cpu_cores": model.cpu.text(),
        "framework_heap": model.framework_heap.size,
        "framework_off_heap": model.framework_off_heap.size,
        "task_heap": model.task_heap.size,
        "task_off_heap": model.task_off_heap.size,
        "network": model.network.size,
        "managed": model.managed.size,
        "jvm_metaspace": model.metaspace.size,
        "jvm_overhead": model.overhead.size,
        "total_flink": model.total_flink.size,
        "total_process": model.total_process.size,
        "jvm_heap": model.heap(),
        "jvm_direct": model.direct(),
    }));
    if let Some(slots) = model.slots {
        fields.insert("num_slots".to_owned(), slots.configured().into());
    }
    fields
}

fn job_manager(model: &JobManagerModel) -> Map<String, Value> {
    object(json!({
        "jvm_heap": model.heap.size,
        "off_heap": model.off_heap.size,
        "jvm_metaspace": model.metaspace.size,
        "jvm_overhead": model.overhead.size,
        "total_flink": model.total_flink.size,
        "total_process": model.total_process.size,
    }))
}

fn aux(shares: &Shares) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    put("page_size", value_or_refusal(&shares.page_size));
    put("network", value_or_refusal(&shares.network));
    put("slot", value_or_refusal(&shares.slot));
    match &shares.weights {
        Some(Ok(weights)) => {
            let named: Map<_, _> = weights
                .iter()
                .map(|(name, weight)| (name.to_owned(), weight.into()))
                .collect();
            put("weights", Value::Object(named));
            let fractions: Map<_, _> = weights
                .fractions_of_all()
                .into_iter()
                .map(|(name, fraction)| (name.to_owned(), java_double(fraction).into()))
                .collect();
            if !fractions.is_empty() {
                put("fractions_all_use_cases", Value::Object(fractions));
            }
        }
        Some(Err(refusal)) => {
            put("weights", value(refusal));
        }
        None => {}
    }
    match &shares.rocksdb {
        Some(Ok(share)) => {
            put("rocksdb_whole_slot", rocksdb(share));
        }
        Some(Err(refusal)) => {
            put("rocksdb_whole_slot", value(refusal));
        }
        None => {}
    }
    fields
}

fn rocksdb(share: &RocksDbShare) -> Value {
    let mut fields = object(json!({
        "total": share.total,
        "write_buffer_ratio": java_double(share.write_buffer_ratio),
        "cache": share.cache,
        "write_buffer_manager": share.write_buffers,
    }));
    if share.checks_arena {
        fields.insert(
            "default_arena_block_64mb_wb".to_owned(),
            share.default_arena_block().into(),
        );
        fields.insert("mutable_limit".to_owned(), share.mutable_limit().into());
    }
    Value::Object(fields)
}

fn value_or_refusal<T: Serialize>(outcome: &Result<T, Refusal>) -> Value {
    match outcome {
        Ok(found) => value(found),
        Err(refusal) => value(refusal),
    }
}

/// Every type here serialises: none has keys that are no text.
fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
