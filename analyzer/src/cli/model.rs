//! `flinkmem model`: the budget of a configuration.

use super::configured::{Configured, ConfiguredArguments};
use super::{EXIT_REFUSED, batch, output};
use crate::configuration::layers::{Disagreement, disagreements};
use crate::model::{Answer, Deployment, LocalModel, Refusal, Refused, derive, refusal_json};
use crate::overview::{
    Circumstances, OverviewText, accepted_changes, overview_json, pools, refusal_text, warnings,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Derive every memory pool of a configuration, as Flink would.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ModelArguments {
    #[command(flatten)]
    configured: ConfiguredArguments,
    /// The container's real limit, such as 2g; warns when the process may outgrow it
    #[arg(long, value_name = "SIZE", value_parser = super::size)]
    container_limit: Option<u64>,
    /// Largest parallelism of a job; warns when network buffers cannot do one exchange
    #[arg(long, value_name = "N")]
    parallelism: Option<u64>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Answer one question a line: {"version","process","conf"} as JSON; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["conf", "log", "trace", "pid"])]
    batch: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  flinkmem model --flink-version 1.20.5 -D taskmanager.memory.process.size=4g
  flinkmem model --process jm --flink-version 2.3.0 --conf /opt/flink/conf
  flinkmem model --log flink-taskmanager-0.log       what was configured, resolved, and runs

Exit status: 0 accepted, 1 Flink would refuse the configuration, 2 the input could not be used.";

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// One line of JSON.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used.
pub(super) fn run(arguments: &ModelArguments) -> anyhow::Result<ExitCode> {
    if let Some(file) = &arguments.batch {
        return batch::run(file);
    }
    match arguments.configured.read()? {
        Ok(configured) if configured.question.deployment == Deployment::Local => {
            local(arguments, &configured)
        }
        Ok(configured) => overview(arguments, &configured),
        Err(refusal) => refused_file(arguments, &refusal),
    }
}

fn overview(arguments: &ModelArguments, configured: &Configured) -> anyhow::Result<ExitCode> {
    let question = &configured.question;
    let outcome = derive(question);
    let circumstances = Circumstances {
        container_limit: arguments
            .container_limit
            .or(configured.observed.container_limit),
        parallelism: arguments.parallelism,
    };
    let layers = disagreements(
        outcome.as_ref().ok().map(|answer| &answer.model),
        &configured.observed,
    );
    let text = match (&outcome, arguments.format) {
        (_, Format::Json) => json_text(configured, &outcome, circumstances, &layers),
        (Ok(answer), Format::Text) => {
            let found = warnings(question, answer, circumstances);
            let sentences: Vec<String> = layers.iter().map(Disagreement::text).collect();
            OverviewText {
                question,
                answer,
                pools: pools(&answer.model).as_ref(),
                warnings: &found,
                disagreements: &sentences,
                loading: &configured.loading,
            }
            .to_string()
        }
        (Err(refused), Format::Text) => {
            refusal_text(refused, &accepted_changes(question, &refused.refusal))
        }
    };
    output::write(&text, None)?;
    Ok(status(outcome.is_ok()))
}

fn status(accepted: bool) -> ExitCode {
    if accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_REFUSED)
    }
}

fn json_text(
    configured: &Configured,
    outcome: &Result<Answer, Box<Refused>>,
    circumstances: Circumstances,
    layers: &[Disagreement],
) -> String {
    let question = &configured.question;
    let (found, changes) = match outcome {
        Ok(answer) => (warnings(question, answer, circumstances), Vec::new()),
        Err(refused) => (Vec::new(), accepted_changes(question, &refused.refusal)),
    };
    let fields = overview_json(
        question,
        outcome,
        &found,
        &changes,
        layers,
        &configured.loading,
    );
    format!("{}\n", Value::Object(fields))
}

/// Flink would not even read the configuration.
fn refused_file(arguments: &ModelArguments, refusal: &Refusal) -> anyhow::Result<ExitCode> {
    let text = match arguments.format {
        Format::Json => format!("{}\n", json!({"error": refusal_json(refusal)})),
        Format::Text => format!("{refusal}\n"),
    };
    output::write(&text, None)?;
    Ok(status(false))
}

fn local(arguments: &ModelArguments, configured: &Configured) -> anyhow::Result<ExitCode> {
    let question = &configured.question;
    let model = match LocalModel::derive(question.version, &question.settings) {
        Ok(model) => model,
        Err(refusal) => return refused_file(arguments, &refusal),
    };
    let text = match arguments.format {
        Format::Json => format!(
            "{}\n",
            json!({"version": question.version.to_string(), "local": model, "notes": model.notes})
        ),
        Format::Text => local_text(&model),
    };
    output::write(&text, None)?;
    Ok(status(true))
}

fn local_text(model: &LocalModel) -> String {
    let mut text =
        "TaskManager inside another JVM: no number here becomes a JVM flag.\n\n".to_owned();
    for (label, derived) in [
        ("task heap", &model.task_heap),
        ("task off-heap", &model.task_off_heap),
        ("network", &model.network),
        ("managed", &model.managed),
    ] {
        text.push_str(&format!(
            "  {label:<14} {:>10}  {}\n",
            derived.size.to_human(),
            derived.origin
        ));
    }
    for note in &model.notes {
        text.push_str(&format!("\n  - {}", note.text));
    }
    text.push('\n');
    text
}
