//! The overview as JSON: the answer in its fixed shape, and beside it what only flinkmem says.

use super::pool::pools;
use super::remedy::Change;
use super::warning::Warning;
use crate::configuration::layers::Disagreement;
use crate::model::{
    Answer, ContainerRequest, Deployment, Note, Process, Question, Refused, Source, to_json,
};
use serde_json::{Map, Value, json};

/// `ok` or `error` as in a batch, and `flinkmem` with pools, warnings, changes and the options' places.
#[must_use]
pub fn overview_json(
    question: &Question,
    outcome: &Result<Answer, Box<Refused>>,
    warnings: &[Warning],
    changes: &[Change],
    disagreements: &[Disagreement],
    loading: &[Note],
) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("version".to_owned(), question.version.to_string().into());
    fields.insert("process".to_owned(), process_name(question).into());
    fields.extend(to_json(outcome));
    let mut own = Map::new();
    if let Some(root) = outcome
        .as_ref()
        .ok()
        .and_then(|answer| pools(&answer.model))
    {
        let request = ContainerRequest::of(question, root.bytes);
        if question.deployment == Deployment::Container {
            own.insert("container".to_owned(), json!(request));
        }
        own.insert("pools".to_owned(), json!(root));
    }
    if let Err(refused) = outcome {
        own.insert("options".to_owned(), json!(refused.refusal.options));
        own.insert("changes".to_owned(), json!(changes));
    }
    own.insert("warnings".to_owned(), json!(warnings));
    own.insert("disagreements".to_owned(), json!(disagreements));
    own.insert("loading".to_owned(), json!(loading));
    own.insert("settings".to_owned(), Value::Object(settings(question)));
    fields.insert("flinkmem".to_owned(), Value::Object(own));
    fields
}

/// As in the input of a batch.
fn process_name(question: &Question) -> &'static str {
    match (question.process, question.deployment) {
        (Process::TaskManager, Deployment::Container) => "tm-container",
        (Process::JobManager, Deployment::Container) => "jm-container",
        (Process::TaskManager, Deployment::Local) => "tm-local",
        (Process::TaskManager, _) => "tm",
        (Process::JobManager, _) => "jm",
    }
}

/// The options that concern memory, with their places. Others may hold secrets.
fn settings(question: &Question) -> Map<String, Value> {
    let concerns_memory =
        |key: &str| key.contains("memory") || key.contains(".heap.") || key.contains("numberOf");
    question
        .settings
        .iter()
        .filter(|(key, _)| concerns_memory(key))
        .map(|(key, setting)| {
            let value = setting.value.to_string();
            let from: &Source = &setting.source;
            (key.to_owned(), json!({"value": value, "from": from}))
        })
        .collect()
}
