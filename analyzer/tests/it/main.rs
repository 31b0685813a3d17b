//! The analyzer from outside.
//!
//! - `synth`: a simulated JVM that writes traces by hand, so that the analyzer is not tested with the writer's own encoding
//! - `cases`: what happened in a process, and what the verdict must be
//! - `budget`: what is assumed and proposed derives to what it claims
//! - `any_input`: no line can make the program panic or print nonsense
//! - `reports`: golden text and JSON
//! - `command_line`: options, exit status, bad inputs
//! - `history`: long lives, of whose older parts one sample in ten is read
//! - `incidents`: public reports of real incidents: the limit that their lines name
//! - `inputs`: files of lines: told by content, put to the right process, on one timeline
//! - `live`: traces that grow, directories of them; `replay` writes a simulated life bit by bit
//! - `watch`: what is told of living processes, and when
//! - `top`: what a view says of processes whose story is known
//! - `metrics`: each row of the table of signals reads the field that it says
//! - `otlp`: export, against a receiver that decodes with OpenTelemetry's own types
//! - `serve`: the HTTP server from outside, odd and slow clients among them
//! - `model`: the memory model against what Flink itself answered, and properties of any input
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a helper of a test may fail as loudly as the test, and its figures are small"
)]

mod any_input;
mod budget;
mod cases;
mod command_line;
mod history;
mod html;
mod incidents;
mod inputs;
mod live;
mod metrics;
mod model;
mod otlp;
mod replay;
mod reports;
mod serve;
mod synth;
mod top;
mod watch;
