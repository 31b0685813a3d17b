//! The budget of a process: how much memory was meant for whom, what was measured in it, and what a change would do.
//!
//! What the process was started with is in its trace ([`crate::configuration`] reads it), and [`crate::model`] derives
//! every pool and total from it. Whoever diagnoses may give a configuration instead.

mod change;
#[cfg(test)]
mod change_tests;
mod lines;
mod peaks;
mod pools;
mod raise;
#[cfg(test)]
mod tests;
mod written;

pub use change::Wish;
pub use lines::{BudgetLine, budget_lines};
pub(crate) use lines::{off_heap_by_time, serves_tasks};
pub use peaks::{Excess, IN_USE_WITH_GARBAGE, NO_LEDGER, Peak, Peaks, excesses};
pub use pools::{DirectPool, Pools};
pub use raise::{Giver, Raise, process_size_key};

use crate::configuration::Observed;
use crate::configuration::layers::{self, Disagreement, disagreements, resolved_pools};
use crate::model::{Answer, FlinkVersion, Process, Question, derive};

/// The budget of a Flink process.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Which process.
    pub process: Process,
    /// Flink's version, where it is known.
    pub version: Option<FlinkVersion>,
    /// The pools that are meant: those of the configuration that was given, otherwise those of the start.
    pub pools: Pools,
    /// The pools that the process was started with.
    pub started: Pools,
    /// Where layers of the configuration say different things.
    pub disagreements: Vec<Disagreement>,
    /// Whether `written` was given, not guessed from the pools.
    pub configuration_is_given: bool,
    /// Whether the JVM's limit on direct memory is not the one that Flink set.
    pub direct_limit_overridden: bool,
    /// Whether a limit on direct memory was set at all.
    direct_limit_set: bool,
    /// The configuration as its user wrote it, or may have written it: what remedies change.
    written: Option<Question>,
}

/// A configuration that was given beside the trace, and accepted by the model.
#[derive(Debug, Clone)]
pub struct Given {
    /// The configuration.
    pub question: Question,
    /// Its pools.
    pub answer: Answer,
    /// Whether it is whole, as a file is. Otherwise some options were put over the recorded ones.
    pub is_whole: bool,
}

impl Budget {
    /// The budget of a process that says of itself that it is Flink's; `None` for any other.
    #[must_use]
    pub fn recorded(observed: &Observed) -> Option<Self> {
        let process = observed.process?;
        let started = started(process, observed);
        let version = observed.version.unwrap_or(FlinkVersion::NEWEST_CHECKED);
        let direct_limit_set = observed.flink_limits.direct.is_some();
        let disagreements = disagreements(None, observed);
        Some(Self {
            process,
            version: observed.version,
            pools: started,
            started,
            direct_limit_overridden: disagreements.iter().any(|found| found.pool == "jvm_direct"),
            disagreements,
            configuration_is_given: false,
            direct_limit_set,
            written: written::as_written(version, process, &started, direct_limit_set),
        })
    }

    /// The configuration as its user wrote it, or may have written it. `None` where the pools do not add up.
    #[must_use]
    pub fn configuration(&self) -> Option<&Question> {
        self.written.as_ref()
    }

    /// The same for the configuration that was given.
    #[must_use]
    pub fn given(observed: &Observed, given: &Given) -> Option<Self> {
        let recorded = Self::recorded(observed)?;
        let pools = Pools::of(&given.answer.model);
        let version = given.question.version;
        let written = if given.is_whole {
            Some(given.question.clone())
        } else {
            // The recorded options fix every pool, which no user's configuration does.
            written::as_written(version, recorded.process, &pools, recorded.direct_limit_set)
        };
        Some(Self {
            version: Some(version),
            pools,
            disagreements: disagreements(Some(&given.answer.model), observed),
            configuration_is_given: given.is_whole,
            written,
            ..recorded
        })
    }
}

/// What the process was started with. The model adds up what the start script resolved; where the script of that version
/// leaves a pool out, totals stay unknown, for the model would take a default.
fn started(process: Process, observed: &Observed) -> Pools {
    let recorded = resolved_pools(observed);
    let is_known = |name: &str| recorded.iter().any(|(known, _)| *known == name);
    let version = observed.version.unwrap_or(FlinkVersion::NEWEST_CHECKED);
    let question = Question::new(version, process, observed.resolved.clone());
    let derived = derive(&question).map(|answer| layers::pools(&answer.model));
    let derived = derived.unwrap_or_default();
    let all_but = |left_out: &[&str]| {
        let mut names = derived.iter().map(|(name, _)| *name);
        names.all(|name| name.starts_with("total_") || left_out.contains(&name) || is_known(name))
    };
    let totals = [
        ("total_flink", all_but(&["jvm_metaspace", "jvm_overhead"])),
        ("total_process", all_but(&[])),
    ];
    let summed = derived
        .iter()
        .filter(|(name, _)| totals.contains(&(name, true)));
    Pools::from_claims(recorded.iter().chain(summed).copied())
}
