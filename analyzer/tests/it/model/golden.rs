//! Every vector of every version, through the library.

use super::vectors::{lines, shared, text};
use flinkmem_analyzer::model::{
    self, Deployment, Environment, Note, Process, Question, Settings, Source, derive,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the vectors say that the model does not repeat: the order of a Java hash map.
const NOT_COMPARED: &str = "dynamic";

#[test]
fn agrees_with_1_9() {
    agrees("1.9.3", 1_010);
}

#[test]
fn agrees_with_1_10() {
    agrees("1.10.3", 2_186);
}

#[test]
fn agrees_with_1_12() {
    agrees("1.12.5", 2_246);
}

#[test]
fn agrees_with_1_14() {
    agrees("1.14.6", 2_246);
}

#[test]
fn agrees_with_1_17() {
    agrees("1.17.2", 2_246);
}

#[test]
fn agrees_with_1_20() {
    agrees("1.20.5", 2_246);
}

#[test]
fn agrees_with_2_0() {
    agrees("2.0.2", 2_246);
}

#[test]
fn agrees_with_2_3() {
    agrees("2.3.0", 2_246);
}

fn agrees(version: &str, count: usize) {
    let vectors = lines(&shared(&format!("golden-model/{version}.jsonl.gz")));
    assert_eq!(vectors.len(), count);
    let wrong: Vec<String> = vectors.iter().filter_map(disagreement).collect();
    let first = &wrong[..wrong.len().min(5)];
    assert!(
        wrong.is_empty(),
        "{} of {count} disagree:\n{}",
        wrong.len(),
        first.join("\n")
    );
}

fn disagreement(vector: &Value) -> Option<String> {
    let outcome = derive(&question(vector));
    let answer = Value::Object(model::to_json(&outcome));
    let mut paths = Vec::new();
    for key in ["ok", "error"] {
        if vector.get(key).is_some() || answer.get(key).is_some() {
            differences(&vector[key], &answer[key], key, &mut paths);
        }
    }
    let is_script = text(&vector["error"], "class") == "shell"
        || text(vector, "version") == "1.9.3"
        || is_shell_job_manager(vector);
    if !is_script {
        let notes = outcome
            .as_ref()
            .map_or_else(|refused| &refused.notes, |answer| &answer.notes);
        let (wanted, got) = (logged(vector), noted(notes));
        let unlike: Vec<_> = wanted.symmetric_difference(&got).collect();
        if !unlike.is_empty() {
            paths.push(format!("log: {unlike:?}"));
        }
    }
    (!paths.is_empty()).then(|| format!("{paths:?}\n  {vector}\n  {answer}"))
}

/// The JobManager of 1.10 is sized by a script, whose log is bash's.
fn is_shell_job_manager(vector: &Value) -> bool {
    text(vector, "version") == "1.10.3" && text(vector, "process") == "jm"
}

/// Names the paths at which `got` lacks or contradicts what `want` says.
fn differences(want: &Value, got: &Value, path: &str, found: &mut Vec<String>) {
    match want {
        Value::Object(fields) => {
            for (key, value) in fields
                .iter()
                .filter(|(key, _)| key.as_str() != NOT_COMPARED)
            {
                differences(value, &got[key], &format!("{path}.{key}"), found);
            }
        }
        // What a shell exits with is the command line's business.
        _ if path == "error.exit" => {}
        _ if want == got => {}
        _ => {
            let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
            let same_number = number(want).is_some() && number(want) == number(got);
            if !same_number {
                found.push(path.to_owned());
            }
        }
    }
}

/// Flink's log lines, without their logger. Flink repeats a warning with every read; once is enough here.
fn logged(vector: &Value) -> BTreeSet<String> {
    let lines = vector["logs"].as_array().into_iter().flatten();
    lines
        .filter_map(Value::as_str)
        .map(|line| {
            let (head, rest) = line.split_once(": ").unwrap();
            let level = head.split_once(' ').unwrap().0;
            format!("{level} {rest}")
        })
        .collect()
}

fn noted(notes: &[Note]) -> BTreeSet<String> {
    let level = |note: &Note| serde_json::to_value(note.level).unwrap();
    notes
        .iter()
        .map(|note| format!("{} {}", level(note).as_str().unwrap(), note.text))
        .collect()
}

fn question(vector: &Value) -> Question {
    let name = text(vector, "process");
    let process = if name.starts_with("tm") {
        Process::TaskManager
    } else {
        Process::JobManager
    };
    let mut settings = Settings::new();
    for (key, value) in vector["conf"].as_object().unwrap() {
        settings.set(key, value.as_str().unwrap(), Source::Given);
    }
    let variable = |name: &str| vector["env"][name].as_str().map(str::to_owned);
    Question {
        deployment: if name.ends_with("container") {
            Deployment::Container
        } else {
            Deployment::Standalone
        },
        environment: Environment {
            tm_heap: variable("FLINK_TM_HEAP"),
            jm_heap: variable("FLINK_JM_HEAP"),
        },
        container_mb: vector["container_mb"].as_u64(),
        ..Question::new(text(vector, "version").parse().unwrap(), process, settings)
    }
}
