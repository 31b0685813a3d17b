//! `flinkmem plan`: what a change of configuration would do.

use super::configured::{Configured, ConfiguredArguments};
use super::model::Format;
use super::{EXIT_REFUSED, output};
use crate::budget::{Budget, Excess, Peaks, excesses};
use crate::case::Case;
use crate::configuration::{load, parse_dynamic};
use crate::model::changes::Behaviour;
use crate::model::{Answer, FlinkVersion, MemorySize, Question, Refused, Source, derive};
use crate::overview::{accepted_changes, refusal_text};
use crate::plan::{Hold, Need, Row, changed_options, compare, satisfy};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show what a change of configuration would do, or find the change that gives a pool what it needs.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct PlanArguments {
    #[command(flatten)]
    configured: ConfiguredArguments,
    /// The other configuration: folder or file
    #[arg(long, value_name = "FILE|DIR")]
    to_conf: Option<PathBuf>,
    /// The other configuration's Flink version
    #[arg(long, value_name = "V")]
    to_flink_version: Option<FlinkVersion>,
    /// An option of the other configuration
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// An option to leave out of the other configuration
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Find the options that give a pool this much, such as task_off_heap=512m
    #[arg(long, value_name = "POOL=SIZE")]
    need: Vec<Need>,
    /// What must stay: the size of the process; otherwise no other pool shrinks and the total grows
    #[arg(long, value_enum)]
    hold: Option<Held>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const EXAMPLES: &str = "Examples:
  flinkmem plan --conf conf --set taskmanager.memory.process.size=6g
  flinkmem plan --conf conf --need task_off_heap=512m --hold process
  flinkmem plan --conf conf --to-flink-version 2.3.0          what an upgrade changes
  flinkmem plan --trace flinkmem-tm-0-4711-… --set …          and which measured peak would not fit

Exit status: 0 accepted, 1 Flink would refuse one of the two or no change was found, 2 the input could not be used.";

/// What must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Held {
    /// The size of the process.
    Process,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used.
pub(super) fn run(arguments: &PlanArguments) -> anyhow::Result<ExitCode> {
    let configured = match arguments.configured.read()? {
        Ok(configured) => configured,
        Err(refusal) => return refuse(&format!("{refusal}\n")),
    };
    let before = match derive(&configured.question) {
        Ok(answer) => answer,
        Err(refused) => return refuse_question("before", &configured.question, &refused),
    };
    let changed = arguments.changed(&configured)?;
    let hold = arguments
        .hold
        .map_or(Hold::Pools, |Held::Process| Hold::Process);
    let (question, after) = match derive(&changed) {
        Err(refused) => return refuse_question("after", &changed, &refused),
        Ok(answer) if arguments.need.is_empty() => (changed, answer),
        Ok(_) => match satisfy(&changed, &arguments.need, hold) {
            Ok(proposal) => (proposal.question, proposal.answer),
            Err(no_way) => return refuse(&format!("{no_way}\n")),
        },
    };
    let plan = Plan {
        peaks: arguments.peaks()?,
        before: &configured.question,
        after: &question,
        answers: (&before, &after),
    };
    let text = match arguments.format {
        Format::Text => plan.text()?,
        Format::Json => format!("{}\n", plan.json()),
    };
    output::write(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

fn refuse(text: &str) -> anyhow::Result<ExitCode> {
    output::write(text, None)?;
    Ok(ExitCode::from(EXIT_REFUSED))
}

fn refuse_question(
    which: &str,
    question: &Question,
    refused: &Refused,
) -> anyhow::Result<ExitCode> {
    let changes = accepted_changes(question, &refused.refusal);
    refuse(&format!(
        "Flink refuses the configuration {which} the change.\n\n{}",
        refusal_text(refused, &changes)
    ))
}

impl PlanArguments {
    /// The other configuration.
    fn changed(&self, configured: &Configured) -> anyhow::Result<Question> {
        let mut changed = configured.question.clone();
        if let Some(version) = self.to_flink_version {
            changed.version = version;
        }
        if let Some(path) = &self.to_conf {
            changed.settings = load(path, &Behaviour::of(changed.version))?.settings;
        }
        let set = self.set.iter().map(String::as_str);
        changed
            .settings
            .override_with(parse_dynamic(set, &Source::Given)?);
        for key in &self.unset {
            changed
                .settings
                .remove(key)
                .with_context(|| format!("`{key}` is not set"))?;
        }
        let nothing_changes = changed == configured.question && self.need.is_empty();
        if nothing_changes && self.configured.trace.is_none() {
            bail!("nothing changes: give --set, --unset, --need, --to-conf or --to-flink-version");
        }
        Ok(changed)
    }

    fn peaks(&self) -> anyhow::Result<Peaks> {
        let Some(path) = &self.configured.trace else {
            return Ok(Peaks::default());
        };
        let case = Case::read(path)?;
        let budget = Budget::recorded(&case.observed);
        Ok(Peaks::measured(&case, budget.as_ref()))
    }
}

/// Two configurations and what was measured.
struct Plan<'a> {
    before: &'a Question,
    after: &'a Question,
    answers: (&'a Answer, &'a Answer),
    peaks: Peaks,
}

impl Plan<'_> {
    fn rows(&self) -> Vec<Row> {
        compare(&self.answers.0.model, &self.answers.1.model)
    }

    fn json(&self) -> Value {
        let options: Vec<Value> = changed_options(&self.before.settings, &self.after.settings)
            .into_iter()
            .map(|(key, before, after)| json!({"key": key, "before": before, "after": after}))
            .collect();
        json!({
            "versions": [self.before.version.to_string(), self.after.version.to_string()],
            "options": options,
            "pools": self.rows(),
            "peaks": self.peaks,
            "exceeded_before": excesses(&self.peaks, &self.answers.0.model),
            "exceeded_after": excesses(&self.peaks, &self.answers.1.model),
            "jvm_args": self.answers.1.model.jvm_args(),
        })
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        if self.before.version != self.after.version {
            writeln!(
                text,
                "Flink {} → {}",
                self.before.version, self.after.version
            )?;
        }
        for (key, before, after) in changed_options(&self.before.settings, &self.after.settings) {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "not set".to_owned());
            writeln!(text, "{key}: {} → {}", shown(before), shown(after))?;
        }
        writeln!(
            text,
            "\n{:<20} {:>12} {:>12} {:>13}  {}",
            "pool",
            "before",
            "after",
            "change",
            self.peak_title()
        )?;
        for row in self.rows() {
            self.write_row(&mut text, &row)?;
        }
        write_excesses(
            &mut text,
            "before the change",
            &excesses(&self.peaks, &self.answers.0.model),
        )?;
        write_excesses(
            &mut text,
            "after the change",
            &excesses(&self.peaks, &self.answers.1.model),
        )?;
        writeln!(text, "\nJVM after: {}", self.answers.1.model.jvm_args())?;
        Ok(text)
    }

    fn peak_title(&self) -> &'static str {
        if self.peaks.is_empty() {
            ""
        } else {
            "measured peak"
        }
    }

    fn write_row(&self, text: &mut String, row: &Row) -> std::fmt::Result {
        let human = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), human);
        let peak = self.peaks.of(row.pool).map(|peak| human(Some(peak)));
        let line = format!(
            "{:<20} {:>12} {:>12} {:>13}  {}",
            row.pool,
            human(row.before),
            human(row.after),
            signed(row.gain()),
            peak.unwrap_or_default()
        );
        writeln!(text, "{}", line.trim_end())
    }
}

fn human(bytes: u64) -> String {
    MemorySize::from_bytes(bytes).to_human()
}

fn signed(gain: i128) -> String {
    let size = human(u64::try_from(gain.unsigned_abs()).unwrap_or(u64::MAX));
    match gain.signum() {
        1 => format!("+{size}"),
        -1 => format!("−{size}"),
        _ => "=".to_owned(),
    }
}

fn write_excesses(text: &mut String, when: &str, excesses: &[Excess]) -> std::fmt::Result {
    for excess in excesses {
        writeln!(
            text,
            "\n{when}, the measured {} of {} would not fit into the {} of {}",
            excess.pool,
            human(excess.peak),
            human(excess.size),
            excess.pool
        )?;
    }
    Ok(())
}
