//! The memory model held against what Flink itself answered.

/// The commands, with the built program.
mod commands;
/// Every golden vector: pools, shares, refusals with their causes, log lines.
mod golden;
/// Configuration files as Flink's own loaders read them.
mod golden_files;
/// What must hold for any input at all.
mod properties;
/// Budgets in the heads of real logs and on real command lines.
mod samples;
/// Finding and reading the vectors.
mod vectors;
