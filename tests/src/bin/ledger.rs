//! Holds the agent's ledger of resident memory against Native Memory Tracking and the allocator, in a real Flink.

use anyhow::Result;
use clap::Parser;
use flinkmem_tests::Jdk;
use flinkmem_tests::ledger_table::{WORKLOADS, measure, table};
use std::path::PathBuf;

/// Holds the agent's ledger against Native Memory Tracking and the allocator, in a real Flink
#[derive(Parser)]
struct Options {
    /// Feature release of Java: 17 or 25 (the JDK's jcmd is needed)
    #[arg(long, default_value_t = 17)]
    java: u32,
    /// One workload instead of all: idle, heap, rocksdb or network
    #[arg(long)]
    only: Option<String>,
    /// Puts the table into this document, between its marks
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let jdk = Jdk::find(options.java)?;
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    let mut measured = Vec::new();
    for workload in WORKLOADS.iter().filter(|workload| wanted(workload.name)) {
        eprintln!("{}", workload.name);
        measured.push(measure(&jdk, workload)?);
    }
    let text = table(&jdk, &measured);
    println!("{text}");
    if let Some(document) = options.document {
        flinkmem_tests::ledger_table::put_into(&document, &text)?;
    }
    Ok(())
}
