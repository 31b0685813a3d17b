//! `flinkmem model --batch`: one question a line in, one answer a line out, in the same order.

use crate::model::{self, Deployment, Environment, Process, Question, Settings, Source};
use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// One line of the input.
#[derive(Debug, Deserialize)]
struct Line {
    version: String,
    process: String,
    conf: BTreeMap<String, String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    container_mb: Option<u64>,
}

/// Answers every line of `file`; `-` is standard input.
///
/// # Errors
/// When the input cannot be read or the output not written. A line that is no question is answered with an error.
pub(super) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let mut output = BufWriter::new(std::io::stdout().lock());
    for line in input.lines() {
        let line = line.with_context(|| format!("cannot read {}", file.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let written = writeln!(output, "{}", Value::Object(answer(&line)));
        if written.as_ref().is_err_and(is_broken_pipe) {
            return Ok(ExitCode::SUCCESS);
        }
        written.context("cannot write the answer")?;
    }
    match output.flush() {
        Err(error) if !is_broken_pipe(&error) => Err(error).context("cannot write the answer"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Whoever read the output has had enough.
fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

fn answer(line: &str) -> Map<String, Value> {
    let parsed = serde_json::from_str::<Line>(line)
        .map_err(|error| error.to_string())
        .and_then(|line| question(&line).map(|question| (line, question)));
    match parsed {
        Ok((line, question)) => {
            let mut answer = Map::new();
            answer.insert("version".to_owned(), line.version.into());
            answer.insert("process".to_owned(), line.process.into());
            answer.extend(model::to_json(&model::derive(&question)));
            answer
        }
        Err(message) => {
            let error = json!({"class": "flinkmem", "message": message});
            Map::from_iter([("error".to_owned(), error)])
        }
    }
}

fn question(line: &Line) -> Result<Question, String> {
    let (process, deployment) = process(&line.process)?;
    let mut settings = Settings::new();
    for (key, value) in &line.conf {
        settings.set(key, value.as_str(), Source::Given);
    }
    Ok(Question {
        version: line.version.parse().map_err(|error| format!("{error}"))?,
        process,
        deployment,
        settings,
        environment: Environment {
            tm_heap: line.env.get("FLINK_TM_HEAP").cloned(),
            jm_heap: line.env.get("FLINK_JM_HEAP").cloned(),
        },
        container_mb: line.container_mb,
    })
}

/// What a process is called in the input.
fn process(name: &str) -> Result<(Process, Deployment), String> {
    Ok(match name {
        "tm" => (Process::TaskManager, Deployment::Standalone),
        "jm" => (Process::JobManager, Deployment::Standalone),
        "tm-container" => (Process::TaskManager, Deployment::Container),
        "jm-container" => (Process::JobManager, Deployment::Container),
        other => {
            return Err(format!(
                "`{other}` is not a process; expected tm, jm, tm-container or jm-container"
            ));
        }
    })
}
