//! `flinkmem network`: buffers that a topology needs, and an "Insufficient number of network buffers" line explained.

use super::configured::ConfiguredArguments;
use super::model::Format;
use super::{EXIT_REFUSED, output};
use crate::model::{MemorySize, Model, NetworkBuffers, Question, derive};
use crate::network::{BufferRules, Demand, Exchange, Shortage, demand};
use crate::overview::{accepted_changes, refusal_text};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Count the network buffers that a topology needs, or explain an "Insufficient number of network buffers" line.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct NetworkArguments {
    #[command(flatten)]
    configured: ConfiguredArguments,
    /// An exchange of the job: parallelism of sender x receiver, then :blocking, :pointwise
    #[arg(long, value_name = "UPxDOWN")]
    exchange: Vec<Exchange>,
    /// TaskManagers that share the subtasks; otherwise as many as the slots make necessary
    #[arg(long, value_name = "N")]
    task_managers: Option<u64>,
    /// Log with the line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const EXAMPLES: &str = "Examples:
  flinkmem network --conf conf --exchange 200x200 --exchange 200x50:blocking
  flinkmem network --explain taskmanager.log

Exit status: 0 the buffers suffice, 1 they do not or Flink would refuse the configuration, 2 the input could not be used.";

/// A log's lines are read up to this many bytes.
const LARGEST_LOG: u64 = 1 << 30;

/// Runs the command.
///
/// # Errors
/// When the input cannot be used.
pub(super) fn run(arguments: &NetworkArguments) -> anyhow::Result<ExitCode> {
    if let Some(file) = &arguments.explain {
        return explain(arguments, file);
    }
    if arguments.exchange.is_empty() {
        bail!("give the job's exchanges (--exchange 4x4), or a log with --explain");
    }
    let question = match arguments.configured.read()? {
        Ok(configured) => configured.question,
        Err(refusal) => {
            output::write(&format!("{refusal}\n"), None)?;
            return Ok(ExitCode::from(EXIT_REFUSED));
        }
    };
    let answer = match derive(&question) {
        Ok(answer) => answer,
        Err(refused) => {
            let changes = accepted_changes(&question, &refused.refusal);
            output::write(&refusal_text(&refused, &changes), None)?;
            return Ok(ExitCode::from(EXIT_REFUSED));
        }
    };
    let (Model::TaskManager(model), Some(shares)) = (&answer.model, &answer.shares) else {
        bail!("network buffers are a TaskManager's, and this model is of 1.10 and later");
    };
    let buffers = shares
        .network
        .clone()
        .map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let slots = shares.slot.as_ref().map_or(1, |slot| slot.slots);
    let page = u64::try_from(shares.page_size.clone().unwrap_or_default()).unwrap_or_default();
    let calculation = Calculation::new(arguments, &question, buffers, slots, page);
    let text = match arguments.format {
        Format::Json => format!("{}\n", calculation.json()),
        Format::Text => calculation.text(model.network.size)?,
    };
    output::write(&text, None)?;
    Ok(if calculation.suffices() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_REFUSED)
    })
}

/// A topology against a pool.
struct Calculation {
    buffers: NetworkBuffers,
    task_managers: u64,
    page: u64,
    demand: Demand,
    overdraft: Option<u64>,
    exchanges: Vec<Exchange>,
}

impl Calculation {
    fn new(
        arguments: &NetworkArguments,
        question: &Question,
        buffers: NetworkBuffers,
        slots: u64,
        page: u64,
    ) -> Self {
        let widest = arguments
            .exchange
            .iter()
            .map(|exchange| exchange.upstream.max(exchange.downstream))
            .max();
        let task_managers = arguments
            .task_managers
            .unwrap_or_else(|| widest.unwrap_or(1).div_ceil(slots.max(1)))
            .max(1);
        let rules = BufferRules::of(question, &buffers);
        Self {
            buffers,
            task_managers,
            page,
            demand: demand(&rules, &arguments.exchange, task_managers),
            overdraft: rules.overdraft,
            exchanges: arguments.exchange.clone(),
        }
    }

    fn suffices(&self) -> bool {
        self.demand.total.required <= self.buffers.count
    }

    /// Network memory for so many buffers.
    fn memory(&self, buffers: u64) -> MemorySize {
        MemorySize::from_bytes(buffers.saturating_mul(self.page))
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "buffers": self.buffers.count,
            "segment_bytes": self.page,
            "task_managers": self.task_managers,
            "demand": self.demand,
            "suffices": self.suffices(),
            "overdraft_per_result": self.overdraft,
            "network_min_bytes": self.memory(self.demand.total.required).bytes(),
            "network_target_bytes": self.memory(self.demand.total.target).bytes(),
        })
    }

    fn text(&self, network: MemorySize) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        writeln!(
            text,
            "{} of network memory: {} buffers of {} bytes in each of {} TaskManagers\n",
            network.to_human(),
            self.buffers.count,
            self.page,
            self.task_managers
        )?;
        for (exchange, share) in self.exchanges.iter().zip(&self.demand.exchanges) {
            writeln!(
                text,
                "{}x{}: {} results of {} to {} buffers, {} gates of {} to {}",
                exchange.upstream,
                exchange.downstream,
                share.senders,
                share.result.required,
                share.result.target,
                share.receivers,
                share.gate.required,
                share.gate.target
            )?;
        }
        let total = self.demand.total;
        writeln!(
            text,
            "\nrequired   {:>9} buffers   {}\nat full speed {:>6} buffers   {}",
            total.required,
            self.memory(total.required).to_human(),
            total.target,
            self.memory(total.target).to_human()
        )?;
        if let Some(overdraft) = self.overdraft.filter(|overdraft| *overdraft > 0) {
            writeln!(
                text,
                "and up to {overdraft} more for a pipelined result that cannot stop in the middle of a record, if there are any"
            )?;
        }
        match self.suffices() {
            true if total.target <= self.buffers.count => writeln!(text, "\nEnough."),
            true => writeln!(
                text,
                "\nEnough to run, not to run at full speed: some pools stay below their target."
            ),
            false => writeln!(
                text,
                "\nNot enough: tasks fail with \"Insufficient number of network buffers\".\n\
                 Set taskmanager.memory.network.min to at least {}.",
                self.memory(total.required).to_option()
            ),
        }?;
        Ok(text)
    }
}

fn explain(arguments: &NetworkArguments, file: &Path) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    let context = || format!("cannot read {}", file.display());
    if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(LARGEST_LOG)
            .read_to_string(&mut text)
            .with_context(context)?;
    } else {
        let bytes = std::fs::read(file).with_context(context)?;
        text = String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut found: Vec<Shortage> = text.lines().filter_map(Shortage::parse).collect();
    found.dedup();
    if found.is_empty() {
        bail!(
            "{} has no \"Insufficient number of network buffers\" line",
            file.display()
        );
    }
    let text = match arguments.format {
        Format::Json => format!("{}\n", json!({"shortages": found})),
        Format::Text => found
            .iter()
            .map(shortage_text)
            .collect::<Vec<_>>()
            .join("\n"),
    };
    output::write(&text, None)?;
    Ok(ExitCode::from(EXIT_REFUSED))
}

/// Exclusive buffers of a channel unless configured.
const PER_CHANNEL: u64 = 2;

fn shortage_text(shortage: &Shortage) -> String {
    let human = |bytes| MemorySize::from_bytes(bytes).to_human();
    let total = shortage.total.saturating_mul(shortage.segment_bytes);
    let gate = match shortage.senders_if_gate(PER_CHANNEL) {
        Some(senders) => format!(" or the gate of a receiver with {senders} senders"),
        None => String::new(),
    };
    format!(
        "One gate or result asked for {} buffers; {} of {} ({}) were already guaranteed to others, {} were left.\n\
         It was likely the result of a sender with {} receivers{gate}.\n\
         \"Required\" is this one request, not the job's need: {} of network memory would have met it, and the next may fail again.\n\
         Count the whole job with --exchange.\n",
        shortage.required,
        shortage.promised(),
        shortage.total,
        human(total),
        shortage.available,
        shortage.receivers_if_result(),
        human(shortage.enough_for_this_request()),
    )
}
