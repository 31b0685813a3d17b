//! Measures what the agent costs, against the same JVM without it.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use flinkmem_tests::Jdk;
use flinkmem_tests::bench::{Effort, Report, Topic, render};
use std::path::PathBuf;

/// Measures what the agent costs, against the same JVM without it
#[derive(Parser)]
struct Options {
    /// Fewer and shorter rounds: a glance
    #[arg(long)]
    quick: bool,
    /// Feature release of Java: 11, 17, 21 or 25
    #[arg(long, default_value_t = 17)]
    jdk: u32,
    /// Rounds; 3 with --quick, else 7
    #[arg(long)]
    rounds: Option<usize>,
    /// These topics only
    #[arg(long, value_name = "TOPIC", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(Topic::ALL.map(Topic::name)))]
    only: Vec<String>,
    /// Print the table as Markdown
    #[arg(long)]
    markdown: bool,
    /// Write the figures as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the table into this document, in place of its old one
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let jdk = Jdk::find(options.jdk)?;
    let rounds = options.rounds.unwrap_or(if options.quick { 3 } else { 7 });
    let effort = Effort {
        rounds: rounds.max(1),
        quick: options.quick,
    };
    let mut report = Report::new(&jdk, effort.rounds, effort.quick);
    let mut failed = Vec::new();
    let wanted = |topic: &Topic| {
        options.only.is_empty() || options.only.iter().any(|name| name == topic.name())
    };
    for topic in Topic::ALL.into_iter().filter(wanted) {
        let mut progress = |what: &str| eprintln!("{}: {what}", topic.name());
        // What was measured in minutes is not thrown away for what cannot be.
        match topic.measure(&jdk, &effort, &mut progress) {
            Ok(rows) => report.rows.extend(rows),
            Err(error) => {
                eprintln!("{} cannot be measured: {error:#}", topic.name());
                failed.push(topic.name());
            }
        }
    }
    report.finish();
    deliver(&report, &options)?;
    ensure!(
        failed.is_empty(),
        "could not be measured: {}",
        failed.join(", ")
    );
    Ok(())
}

fn deliver(report: &Report, options: &Options) -> Result<()> {
    let table = if options.markdown {
        render::markdown(report)
    } else {
        render::text(report)
    };
    print!("{table}");
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(report)?;
        std::fs::write(path, json + "\n").with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &options.document {
        let old = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let new =
            render::into_document(&old, report).with_context(|| path.display().to_string())?;
        std::fs::write(path, new).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
