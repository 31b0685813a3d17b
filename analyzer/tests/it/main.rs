//! The analyzer from outside.
//!
//! - `synth`: a simulated JVM that writes traces by hand, so that the analyzer is not tested with the writer's own encoding
//! - `cases`: what happened in a process, and what the verdict must be
//! - `reports`: golden text and JSON
//! - `command_line`: options, exit status, bad inputs

mod cases;
mod command_line;
mod reports;
mod synth;
