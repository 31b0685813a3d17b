//! `flinkmem`: parses the command line, runs one command, turns the result into an exit status.
#![forbid(unsafe_code)]

use clap::Parser;
use flinkmem_analyzer::cli::{Arguments, EXIT_UNUSABLE_INPUT, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("flinkmem: {error:#}");
        ExitCode::from(EXIT_UNUSABLE_INPUT)
    })
}
