//! Configuration files as Flink's own loaders read them: the properties it found, and what became of them.

use super::vectors::{lines, shared, text};
use flinkmem_analyzer::configuration::{LoadError, load};
use flinkmem_analyzer::model::changes::Behaviour;
use flinkmem_analyzer::model::{FlinkVersion, Process, Question, derive};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn files_are_read_as_flink_reads_them() {
    let vectors = lines(&shared("golden-model/config-files.jsonl.gz"));
    assert_eq!(vectors.len(), 144);
    let wrong: Vec<String> = vectors.iter().filter_map(disagreement).collect();
    assert!(
        wrong.is_empty(),
        "{} disagree:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn disagreement(vector: &Value) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(text(vector, "file")),
        text(vector, "text"),
    )
    .unwrap();
    let version: FlinkVersion = text(vector, "version").parse().unwrap();
    let complain = |what: String| Some(format!("{what}\n  {vector}"));
    let loaded = match load(folder.path(), &Behaviour::of(version)) {
        Ok(loaded) => loaded,
        Err(LoadError::Refused(refusal)) => {
            let first = vector["error"][0].as_str().unwrap_or_default();
            let agrees = first.ends_with(&format!("{}: {}", refusal.class, refusal.message));
            return if agrees {
                None
            } else {
                complain(format!("{refusal}"))
            };
        }
        Err(error) => return complain(format!("{error}")),
    };
    let found: BTreeSet<String> = loaded
        .settings
        .iter()
        // The vectors were read from a log's lines, so a value's last line break is not in them.
        .map(|(key, setting)| {
            format!(
                "{key}, {}",
                setting.value.to_string().trim_end_matches('\n')
            )
        })
        .collect();
    let wanted: BTreeSet<String> = vector["loaded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap().to_owned())
        .collect();
    if found != wanted {
        return complain(format!("{found:?}"));
    }
    let warned = vector["warnings"].as_array().unwrap().iter();
    let wanted_warnings = warned
        .filter(|line| line.as_str().unwrap().contains("configuration file"))
        .count();
    if loaded.notes.len() != wanted_warnings {
        return complain(format!("{:?}", loaded.notes));
    }
    let outcome = derive(&Question::new(
        version,
        Process::TaskManager,
        loaded.settings,
    ));
    match (&outcome, vector.get("ok")) {
        (Ok(answer), Some(ok)) if answer.model.jvm_args() == text(ok, "jvm_args") => None,
        (Err(refused), None) => {
            let first = vector["error"][0].as_str().unwrap();
            let refusal = format!("{}: {}", refused.refusal.class, refused.refusal.message);
            if first.ends_with(&refusal) {
                None
            } else {
                complain(refusal)
            }
        }
        _ => complain(format!("{outcome:?}")),
    }
}
