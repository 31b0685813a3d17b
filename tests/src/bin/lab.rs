//! Plays one of the lab's faults in a real Flink and shows what flinkmem says about it.

use anyhow::{Context, Result};
use clap::Parser;
use flinkmem_tests::scenario::{ALL, Scenario};
use flinkmem_tests::{Jdk, artefacts};
use std::path::PathBuf;
use std::process::Command;

/// Plays one of the lab's faults in a real Flink and shows what flinkmem says about it
#[derive(Parser)]
struct Options {
    /// Which one: direct-leak, direct-burst, direct-plateau or rocksdb
    #[arg(default_value = "direct-leak")]
    scenario: String,
    /// Feature release of Java: 11, 17, 21 or 25
    #[arg(long, default_value_t = 17)]
    java: u32,
    /// Where the trace goes
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let scenario = scenario(&options.scenario)?;
    let traces = options
        .traces
        .unwrap_or_else(|| artefacts::target().join("lab-traces"));
    std::fs::create_dir_all(&traces)?;
    let traces = tempfile::Builder::new()
        .prefix(scenario.name)
        .tempdir_in(&traces)?
        .keep();
    let jdk = Jdk::find(options.java)?;
    let played = scenario.play(&jdk, Some(&traces), |line| println!("{line}"))?;
    println!("\n$ flinkmem diagnose {}\n", traces.display());
    // Findings are its exit status 1, which is what is wanted here.
    let status = Command::new(artefacts::flinkmem()?)
        .arg("diagnose")
        .arg(&traces)
        .status()?;
    drop(played);
    println!(
        "\nexit status {}",
        status
            .code()
            .map_or("none".to_owned(), |code| code.to_string())
    );
    Ok(())
}

fn scenario(name: &str) -> Result<Scenario> {
    let found = ALL.into_iter().find(|scenario| scenario.name == name);
    found.with_context(|| {
        let names = ALL.map(|scenario| scenario.name).join(", ");
        format!("no scenario {name}; there are {names}")
    })
}
