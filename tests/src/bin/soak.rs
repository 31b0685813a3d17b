//! Half an hour of storm with every signal on, and what the agent made of it.

use anyhow::{Result, ensure};
use clap::Parser;
use flinkmem_tests::Jdk;
use flinkmem_tests::soak::Soak;
use std::time::Duration;

/// Half an hour of storm with every signal on, and what the agent made of it
#[derive(Parser)]
struct Options {
    /// How long
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Feature release of Java: 11, 17, 21 or 25
    #[arg(long, default_value_t = 17)]
    jdk: u32,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let jdk = Jdk::find(options.jdk)?;
    let length = Duration::from_secs(options.minutes * 60);
    let soak = Soak::run(&jdk, length, |line| eprintln!("{line}"))?;
    println!("{jdk}\n{soak}");
    let complaints = soak.complaints();
    ensure!(complaints.is_empty(), "{}", complaints.join("; "));
    Ok(())
}
