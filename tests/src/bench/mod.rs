//! What the agent costs, measured against the same JVM without it.
//!
//! The figures of a busy machine are worth little, ratios more: every topic runs its variants in turn, A B C A B C …, a
//! few rounds long, compares within a round, and reports medians with the spread. An aim that is missed is reported, never
//! an error.
//!
//! | topic | what |
//! | --- | --- |
//! | [`hot_path`] | operations that pass through the agent: off-heap allocations, throwables |
//! | [`start`] | JVM start to `main`, and to the end |
//! | [`idle`] | resident memory and CPU time of a JVM that does nothing |
//! | [`job`] | throughput of Flink jobs |
//! | [`signals`] | what each kind of evidence costs in a large process |
//! | [`lead`] | time between the agent's incident and the error that Java sees |

pub mod hot_path;
pub mod idle;
pub mod job;
pub mod lead;
pub mod render;
pub mod report;
pub mod series;
pub mod signals;
pub mod start;
pub mod variant;

pub use report::{Aim, Comparison, Report, Row};
pub use series::{Series, Spread};
pub use variant::Variant;

use crate::Jdk;
use anyhow::Result;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Effort {
    /// Rounds of each topic.
    pub rounds: usize,
    /// A glance instead of a measurement.
    pub quick: bool,
}

/// The topics, in the report's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// [`hot_path`].
    HotPath,
    /// [`start`].
    Start,
    /// [`idle`].
    Idle,
    /// [`job`].
    Job,
    /// [`signals`].
    Signals,
    /// [`lead`].
    Lead,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::HotPath,
        Self::Start,
        Self::Idle,
        Self::Job,
        Self::Signals,
        Self::Lead,
    ];

    /// Its name on the command line and in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HotPath => "hot-path",
            Self::Start => "start",
            Self::Idle => "idle",
            Self::Job => "job",
            Self::Signals => "signals",
            Self::Lead => "lead",
        }
    }

    /// Measures it. `progress` is told what is being done.
    ///
    /// # Errors
    /// When a JVM cannot be started or does not do what it was started for.
    pub fn measure(
        self,
        jdk: &Jdk,
        effort: &Effort,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Vec<Row>> {
        match self {
            Self::HotPath => hot_path::measure(jdk, effort, progress),
            Self::Start => start::measure(jdk, effort, progress),
            Self::Idle => idle::measure(jdk, effort, progress),
            Self::Job => job::measure(jdk, effort, progress),
            Self::Signals => signals::measure(jdk, effort, progress),
            Self::Lead => lead::measure(effort, progress),
        }
    }
}

/// One series for each variant, measured in turn.
///
/// # Errors
/// Those of `measure`.
pub fn alternate(
    variants: &[Variant],
    rounds: usize,
    mut measure: impl FnMut(Variant) -> Result<f64>,
) -> Result<Vec<(Variant, Series)>> {
    let mut all: Vec<_> = variants
        .iter()
        .map(|variant| (*variant, Series::default()))
        .collect();
    for _ in 0..rounds {
        for (variant, series) in &mut all {
            series.push(measure(*variant)?);
        }
    }
    Ok(all)
}
