//! Every configuration remedy is made and checked here: a rule says what it wishes, the model says whether Flink would start with it and
//! what that does to all pools.
//!
//! ```text
//! // A pool needs more; these may give, down to what was measured in them. Anything else keeps its size.
//! let wish = Wish::of("task_off_heap", 256 << 20)
//!     .sparing("jvm_heap", Some(live_bytes * 3 / 2))
//!     .used("jvm_heap", Some(live_bytes))
//!     .sparing("managed", reserved_bytes);
//! let change: Option<Raise> = budget.change(&wish);
//!
//! // Options of another kind than "this pool, that size": checked by deriving, and refused where Flink would.
//! let change: Option<Raise> = budget.with_options(&[("taskmanager.memory.process.size", "4g".to_owned())], &[]);
//! ```
//! Rules do not call these themselves but `super::remedy::configured(budget, &wish, "advice in words")` (or `with_options`), which puts the change into a [`crate::finding::Remedy`]
//! with words on what it costs: which pools shrink, whether the container keeps its size, what to take out, what was assumed.
//!
//! Pools by their names in the model: TaskManager `task_heap`, `framework_heap`, `task_off_heap`, `framework_off_heap`, `managed`, `network`,
//! `jvm_metaspace`, `jvm_overhead`, and `jvm_heap` (both heaps); JobManager `jvm_heap`, `off_heap`, `jvm_metaspace`, `jvm_overhead`.
//!
//! How a wish is met, the first that Flink accepts:
//! 1. The process, and so its container, keeps its size: pools that may give do, the heap first, then managed memory, none below what it needs. Pools
//!    that are shares of a sum which the change makes smaller are fixed at their present size.
//! 2. The process grows, by as little as keeps every other pool what it is.
//! 3. `None`: no configuration is offered. That is also the answer where nothing is known to change: no options were recorded, or they do not
//!    add up.

use super::{Budget, Giver, Pools, Raise, raise};
use crate::model::options::{FlinkOption, tm};
use crate::model::{Answer, MemorySize, Process, Question, Source, derive};
use crate::plan::{Hold, Need, Proposal, satisfy};

/// What a rule wishes for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Pools and the least that each should have.
    pub needs: Vec<(&'static str, u64)>,
    /// Pools that may give, and the least that each must keep, where that is known.
    pub spares: Vec<(&'static str, u64)>,
    /// What was measured in pools that may give, for the words.
    pub used: Vec<(&'static str, u64)>,
}

impl Wish {
    /// A pool should have at least so many bytes.
    #[must_use]
    pub fn of(pool: &'static str, bytes: u64) -> Self {
        Self {
            needs: vec![(pool, bytes)],
            spares: Vec::new(),
            used: Vec::new(),
        }
    }

    /// And another one so many.
    #[must_use]
    pub fn and(mut self, pool: &'static str, bytes: u64) -> Self {
        self.needs.push((pool, bytes));
        self
    }

    /// A pool may give, but must keep at least so many bytes: its measured need with room. `None` is no permission: what nobody measured stays.
    #[must_use]
    pub fn sparing(mut self, pool: &'static str, keeps: Option<u64>) -> Self {
        self.spares.extend(keeps.map(|bytes| (pool, bytes)));
        self
    }

    /// What was measured in a pool that may give: said beside what it shrinks to.
    #[must_use]
    pub fn used(mut self, pool: &'static str, bytes: Option<u64>) -> Self {
        self.used.extend(bytes.map(|bytes| (pool, bytes)));
        self
    }

    /// The same if nothing of what may give were in use.
    fn giving_all(&self) -> Self {
        let spares = self.spares.iter().map(|(pool, _)| (*pool, 0)).collect();
        Self {
            needs: self.needs.clone(),
            spares,
            used: Vec::new(),
        }
    }

    fn needs(&self) -> Vec<Need> {
        self.needs.iter().map(need).collect()
    }

    /// The least that a pool must keep: its size, unless it may give.
    fn floor(&self, pool: &str, present: u64) -> u64 {
        let spare = self.spares.iter().find(|(name, _)| *name == pool);
        spare.map_or(present, |(_, keeps)| (*keeps).min(present))
    }

    /// Whether every pool has at least its floor. The heaps are judged by their sum.
    fn spares_enough(&self, before: &Pools, after: &Pools) -> bool {
        PARTS.iter().all(|pool| {
            let needed = before.size(pool).map(|size| self.floor(pool, size));
            after.size(pool) >= needed
        })
    }
}

/// What adds up to the process; each is in one of both kinds of process, or in both.
const PARTS: [&str; 8] = [
    "jvm_heap",
    "framework_off_heap",
    "task_off_heap",
    "network",
    "managed",
    "off_heap",
    "jvm_metaspace",
    "jvm_overhead",
];

fn need((pool, bytes): &(&'static str, u64)) -> Need {
    let size = MemorySize::from_bytes(*bytes);
    Need { pool, size }
}

impl Budget {
    /// The change that meets a wish; `None` where Flink would refuse every one.
    #[must_use]
    pub fn change(&self, wish: &Wish) -> Option<Raise> {
        let question = self.written.as_ref()?;
        let before = derive(question).ok()?;
        let present = Pools::of(&before.model);
        let wish = in_options(wish, self.process, &present);
        let asked = raise::with_enforced_limit(question, &wish.needs);
        let raised = |proposal: &Proposal, from| raise::raised(question, present, proposal, from);
        let size_is_known = self.configuration_is_given || self.pools.total_process.is_some();
        let may_give = size_is_known && !wish.spares.is_empty();
        if may_give && let Some(proposal) = at_the_same_size(&asked, &before, &wish) {
            let after = Pools::of(&proposal.answer.model);
            let from = match after.jvm_heap < present.jvm_heap {
                true => Giver::Heap,
                false => Giver::Managed,
            };
            return Some(raised(&proposal, from));
        }
        let with_all_it_has = wish.giving_all();
        let why = match may_give {
            false => Giver::HeapNotMeasured,
            true if at_the_same_size(&asked, &before, &with_all_it_has).is_some() => {
                Giver::HeapInUse
            }
            true => Giver::TooSmallAHeap,
        };
        let proposal = satisfy(&asked, &wish.needs(), Hold::Pools).ok()?;
        Some(raised(&proposal, why))
    }

    /// What other options do, and that Flink accepts them; `None` where it would not, or where nothing is known to change.
    #[must_use]
    pub fn with_options(&self, set: &[(&str, String)], unset: &[&str]) -> Option<Raise> {
        let question = self.written.as_ref()?;
        let before = Pools::of(&derive(question).ok()?.model);
        let mut changed = question.clone();
        for key in unset {
            changed.settings.remove(key);
        }
        for (key, value) in set {
            changed.settings.set(*key, value.clone(), Source::Given);
        }
        let answer = derive(&changed).ok()?;
        let from = match Pools::of(&answer.model).total_process > before.total_process {
            true => Giver::HeapNotMeasured,
            false => Giver::Heap,
        };
        let proposal = Proposal {
            question: changed,
            answer,
        };
        Some(raise::raised(question, before, &proposal, from))
    }
}

/// A TaskManager's heap is no option, its tasks' part is.
fn in_options(wish: &Wish, process: Process, present: &Pools) -> Wish {
    let mut wish = wish.clone();
    for (pool, bytes) in &mut wish.needs {
        if *pool == "jvm_heap" && process == Process::TaskManager {
            *pool = "task_heap";
            *bytes = bytes.saturating_sub(present.framework_heap.unwrap_or(0));
        }
    }
    wish
}

/// Meets the wish within the process's present size: first with the shares as they are, then with the shares fixed.
fn at_the_same_size(asked: &Question, before: &Answer, wish: &Wish) -> Option<Proposal> {
    let present = Pools::of(&before.model);
    let needs = needs_and_heap(wish, &present);
    let fixed = with_fixed_shares(asked, &present, wish);
    [asked, &fixed].into_iter().find_map(|question| {
        let proposal = satisfy(question, &needs, Hold::Process).ok()?;
        let after = Pools::of(&proposal.answer.model);
        wish.spares_enough(&present, &after).then_some(proposal)
    })
}

/// What the heap must keep is a need, so that what it cannot spare is looked for elsewhere.
fn needs_and_heap(wish: &Wish, present: &Pools) -> Vec<Need> {
    let mut needs = wish.needs();
    let asks_for_heap = needs
        .iter()
        .any(|need| matches!(need.pool, "jvm_heap" | "task_heap" | "framework_heap"));
    if let Some(heap) = present.jvm_heap.filter(|_| !asks_for_heap) {
        needs.push(need(&("jvm_heap", wish.floor("jvm_heap", heap))));
    }
    needs
}

/// Managed and network memory are shares of what Flink has, and would shrink with it.
fn with_fixed_shares(asked: &Question, present: &Pools, wish: &Wish) -> Question {
    let mut fixed = asked.clone();
    let is_asked = |pool: &str| wish.needs.iter().any(|(name, _)| *name == pool);
    let mut fix = |options: &[FlinkOption], size: Option<u64>| {
        for (option, bytes) in options.iter().filter_map(|option| Some((option, size?))) {
            let size = MemorySize::from_bytes(bytes).to_option();
            fixed.settings.remove_option(option);
            fixed.settings.set(option.key, size, Source::Given);
        }
    };
    if !is_asked("managed") {
        fix(&[tm::MANAGED], present.managed);
    }
    if !is_asked("network") {
        fix(&[tm::NETWORK_MIN, tm::NETWORK_MAX], present.network);
    }
    fixed
}
