//! A change that gives a pool what it needs, and what it does to the others. How one is found and checked is told in [`super::change`].

use super::{Budget, DirectPool, Pools, Wish};
use crate::model::options::{jm, tm};
use crate::model::{Process, Question, Source};
use crate::plan::{Proposal, changed_options};
use std::collections::BTreeMap;

/// A change of the configuration that gives a pool what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// Options to set.
    pub config: BTreeMap<String, String>,
    /// Options to take out.
    pub remove: Vec<String>,
    /// The pools as they are.
    pub before: Pools,
    /// The pools with the change.
    pub after: Pools,
    /// Where it comes from.
    pub from: Giver,
}

/// Who gives what a pool gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Giver {
    /// The heap: the process keeps its size.
    Heap,
    /// The process grows, for the heap has not so much that Flink would let go of.
    TooSmallAHeap,
    /// The process grows, for the heap needs what it has.
    HeapInUse,
    /// The process grows, for it is not known what the heap needs, or how large the process is.
    HeapNotMeasured,
    /// Managed memory that nobody had reserved: the process keeps its size.
    Managed,
    /// Nobody: the configuration gives it already.
    Nobody,
}

impl Budget {
    /// The change that gives `pool` at least `bytes`. The process keeps its size where the heap can spare them, that is, where it keeps at
    /// least `heap_needs`; nothing else gives, for nobody measures how much of it is used. Otherwise the process grows, by as little as
    /// keeps every other pool what it is. `None` where Flink would refuse either.
    #[must_use]
    pub fn raise(&self, pool: DirectPool, bytes: u64, heap_needs: Option<u64>) -> Option<Raise> {
        self.change(&Wish::of(pool.name(), bytes).sparing("jvm_heap", heap_needs))
    }

    /// The change that gives a pool, by the model's name, at least `bytes` where nothing else was measured: the process grows, by as little
    /// as keeps every other pool what it is. `None` where Flink would refuse it.
    #[must_use]
    pub fn grow(&self, pool: &'static str, bytes: u64) -> Option<Raise> {
        self.change(&Wish::of(pool, bytes))
    }

    /// The change that gives a TaskManager's tasks at least `bytes` of heap. The process keeps its size where managed memory can spare
    /// them, that is, where it keeps at least what was reserved of it; `None` for that when it is not known.
    #[must_use]
    pub fn raise_task_heap(&self, bytes: u64, managed_reserved: Option<u64>) -> Option<Raise> {
        self.change(&Wish::of("task_heap", bytes).sparing("managed", managed_reserved))
    }

    /// What remedies take for the user's configuration, where none was given: keys and values.
    #[must_use]
    pub fn assumed(&self) -> Vec<(String, String)> {
        let settings = self.written.as_ref().map(|question| &question.settings);
        settings
            .filter(|_| !self.configuration_is_given)
            .into_iter()
            .flat_map(|settings| settings.iter())
            .map(|(key, setting)| (key.to_owned(), setting.value.to_string()))
            .collect()
    }

    /// Whether the JVM's limit on direct memory is the sum of Flink's pools. A JobManager's is only if it was asked for: else the JVM
    /// allows as much as its heap.
    #[must_use]
    pub fn direct_is_enforced(&self) -> bool {
        self.process == Process::TaskManager || self.direct_limit_set
    }
}

pub(super) fn raised(
    question: &Question,
    before: Pools,
    proposal: &Proposal,
    from: Giver,
) -> Raise {
    let mut config = BTreeMap::new();
    let mut remove = Vec::new();
    for (key, _, to) in changed_options(&question.settings, &proposal.question.settings) {
        match to {
            Some(value) => {
                config.insert(key, value);
            }
            None => remove.push(key),
        }
    }
    let from = match config.is_empty() && remove.is_empty() {
        true => Giver::Nobody,
        false => from,
    };
    Raise {
        config,
        remove,
        before,
        after: Pools::of(&proposal.answer.model),
        from,
    }
}

/// A JobManager's off-heap size is an accounting number until it is made the JVM's limit.
pub(super) fn with_enforced_limit(question: &Question, needs: &[(&'static str, u64)]) -> Question {
    let mut asked = question.clone();
    if needs.iter().any(|(pool, _)| *pool == "off_heap") {
        asked
            .settings
            .set(jm::DIRECT_LIMIT.key, "true", Source::Given);
    }
    asked
}

/// The option that says how large the process is.
#[must_use]
pub fn process_size_key(process: Process) -> &'static str {
    match process {
        Process::TaskManager => tm::PROCESS.key,
        Process::JobManager => jm::PROCESS.key,
    }
}
