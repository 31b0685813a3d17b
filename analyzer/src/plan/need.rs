//! The options that give a pool what it needs.

use crate::configuration::layers::pools;
use crate::model::options::{FlinkOption, jm, tm};
use crate::model::{Answer, MemorySize, Process, Question, Refused, Source, derive};
use std::str::FromStr;

/// A pool and the least that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The pool, by the model's name.
    pub pool: &'static str,
    /// The least that it should have.
    pub size: MemorySize,
}

/// What must stay as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Every other pool; the total may grow.
    #[default]
    Pools,
    /// The process size; other pools may shrink.
    Process,
}

/// A changed configuration that meets the needs, and what it derives to.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The changed configuration.
    pub question: Question,
    /// Its pools.
    pub answer: Answer,
}

/// Why there is no proposal.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoWay {
    /// The configuration is refused as it is.
    #[error("the configuration is refused as it stands: {0}")]
    Refused(String),
    /// This kind of process, or this version, has no such pool.
    #[error("{0} is no pool of this process and version")]
    NoSuchPool(&'static str),
    /// No single change was found that meets all needs.
    #[error("found no change that gives {pool} {size}{held}")]
    NotFound {
        /// The pool that is short.
        pool: &'static str,
        /// What it needs.
        size: String,
        /// What had to stay.
        held: &'static str,
    },
}

/// A text that is not `POOL=SIZE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not POOL=SIZE; pools are {pools}", pools = POOLS.join(", "))]
pub struct NotANeed(String);

/// The pools that can be asked for.
pub const POOLS: [&str; 10] = [
    "task_heap",
    "task_off_heap",
    "framework_heap",
    "framework_off_heap",
    "managed",
    "network",
    "jvm_metaspace",
    "jvm_overhead",
    "jvm_heap",
    "off_heap",
];

impl FromStr for Need {
    type Err = NotANeed;

    fn from_str(text: &str) -> Result<Self, NotANeed> {
        let refuse = || NotANeed(text.to_owned());
        let (name, size) = text.split_once('=').ok_or_else(refuse)?;
        let pool = POOLS
            .iter()
            .find(|pool| **pool == name.trim())
            .ok_or_else(refuse)?;
        let size = MemorySize::parse(size).map_err(|_| refuse())?;
        Ok(Self { pool, size })
    }
}

const MIB: u64 = 1 << 20;
/// Totals are searched up to this many mebibytes, 1 PiB.
const LARGEST_MIB: u64 = 1 << 30;

/// A changed configuration that meets every need.
///
/// # Errors
/// [`NoWay`].
pub fn satisfy(question: &Question, needs: &[Need], hold: Hold) -> Result<Proposal, NoWay> {
    let refused = |refused: Box<Refused>| NoWay::Refused(refused.refusal.message);
    let before = derive(question).map_err(refused)?;
    for need in needs {
        if pool(&before, need.pool).is_none() {
            return Err(NoWay::NoSuchPool(need.pool));
        }
    }
    if is_met(&before, needs) {
        return Ok(Proposal {
            question: question.clone(),
            answer: before,
        });
    }
    let found = match hold {
        Hold::Process => at_same_total(question, &before, needs),
        Hold::Pools => at_smallest_total(question, &before, needs),
    };
    found.ok_or_else(|| {
        let short = needs
            .iter()
            .find(|need| pool(&before, need.pool) < Some(need.size.bytes()));
        NoWay::NotFound {
            pool: short.map_or("it", |need| need.pool),
            size: short.map_or_else(String::new, |need| need.size.to_human()),
            held: match hold {
                Hold::Process => " at the same process size",
                Hold::Pools => "",
            },
        }
    })
}

fn pool(answer: &Answer, name: &str) -> Option<u64> {
    let pools = pools(&answer.model);
    let found = pools.iter().find(|(pool, _)| *pool == name);
    found.map(|(_, bytes)| *bytes)
}

fn is_met(answer: &Answer, needs: &[Need]) -> bool {
    needs
        .iter()
        .all(|need| pool(answer, need.pool) >= Some(need.size.bytes()))
}

fn set(question: &mut Question, option: &FlinkOption, size: MemorySize) {
    question.settings.remove_option(option);
    question
        .settings
        .set(option.key, size.to_option(), Source::Given);
}

/// Sets the options of the pools that have one.
fn with_options(question: &Question, before: &Answer, needs: &[Need]) -> Question {
    let mut changed = question.clone();
    for need in needs
        .iter()
        .filter(|need| pool(before, need.pool) < Some(need.size.bytes()))
    {
        let is_task_manager = question.process == Process::TaskManager;
        let option = match need.pool {
            "task_off_heap" => tm::TASK_OFF_HEAP,
            "framework_heap" => tm::FRAMEWORK_HEAP,
            "framework_off_heap" => tm::FRAMEWORK_OFF_HEAP,
            "managed" => tm::MANAGED,
            "task_heap" if question.settings.has(&tm::TASK_HEAP) => tm::TASK_HEAP,
            "off_heap" => jm::OFF_HEAP,
            "jvm_heap" if question.settings.has(&jm::HEAP) && !is_task_manager => jm::HEAP,
            "jvm_metaspace" if is_task_manager => tm::METASPACE,
            "jvm_metaspace" => jm::METASPACE,
            "network" => {
                raise_range(&mut changed, need.size, &tm::NETWORK_MIN, &tm::NETWORK_MAX);
                continue;
            }
            "jvm_overhead" if is_task_manager => {
                raise_range(
                    &mut changed,
                    need.size,
                    &tm::OVERHEAD_MIN,
                    &tm::OVERHEAD_MAX,
                );
                continue;
            }
            "jvm_overhead" => {
                raise_range(
                    &mut changed,
                    need.size,
                    &jm::OVERHEAD_MIN,
                    &jm::OVERHEAD_MAX,
                );
                continue;
            }
            // The heap is what the others leave.
            _ => continue,
        };
        set(&mut changed, &option, need.size);
    }
    changed
}

/// Raises a minimum, and the maximum with it where it would be below.
fn raise_range(question: &mut Question, size: MemorySize, min: &FlinkOption, max: &FlinkOption) {
    set(question, min, size);
    let text = question
        .settings
        .find(max)
        .map(|(_, setting)| setting.value.to_string());
    let configured = text.and_then(|text| MemorySize::parse(&text).ok());
    // The defaults of the maxima are 1 GiB, or without bound for network memory since 1.17.
    let highest = configured.unwrap_or(MemorySize::from_mebibytes(1024));
    if highest < size {
        set(question, max, size);
    }
}

/// The process size stays: the pool's option is set, and what that takes comes out of the heap, then out of managed
/// memory (off-heap memory in a JobManager).
fn at_same_total(question: &Question, before: &Answer, needs: &[Need]) -> Option<Proposal> {
    let total = pool(before, "total_process")?;
    let mut fixed = with_options(question, before, needs);
    let held =
        |answer: &Answer| is_met(answer, needs) && pool(answer, "total_process") == Some(total);
    // Where the total stays by itself, whatever decides it need not change.
    if let Some(proposal) = propose(fixed.clone(), held) {
        return Some(proposal);
    }
    fix_total(&mut fixed, total);
    if let Some(proposal) = propose(fixed.clone(), held) {
        return Some(proposal);
    }
    let (spare, name) = match question.process {
        Process::TaskManager => (tm::MANAGED, "managed"),
        Process::JobManager => (jm::OFF_HEAP, "off_heap"),
    };
    let is_needed = needs.iter().any(|need| need.pool == name);
    if is_needed {
        return None;
    }
    let most = pool(before, name)? / MIB;
    let with_spare = |mib: u64| {
        let mut changed = fixed.clone();
        set(&mut changed, &spare, MemorySize::from_mebibytes(mib));
        propose(changed, held)
    };
    // As much as possible stays: the largest size that still meets the needs.
    let (mut low, mut high) = (0, most.saturating_add(1));
    let mut best = with_spare(0)?;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match with_spare(middle) {
            Some(proposal) => {
                best = proposal;
                low = middle;
            }
            None => high = middle,
        }
    }
    Some(best)
}

/// Makes the process size the option that decides.
fn fix_total(question: &mut Question, total: u64) {
    let (process, flink, heap) = match question.process {
        Process::TaskManager => (tm::PROCESS, tm::FLINK, tm::TASK_HEAP),
        Process::JobManager => (jm::PROCESS, jm::FLINK, jm::HEAP),
    };
    let is_decided = question.settings.has(&process)
        && !question.settings.has(&flink)
        && !question.settings.has(&heap);
    if !is_decided {
        question.settings.remove_option(&flink);
        question.settings.remove_option(&heap);
        set(question, &process, MemorySize::from_bytes(total));
    }
}

/// The total may grow, as little as possible, so that no other pool shrinks.
fn at_smallest_total(question: &Question, before: &Answer, needs: &[Need]) -> Option<Proposal> {
    let changed = with_options(question, before, needs);
    let kept: Vec<(&str, u64)> = pools(&before.model)
        .into_iter()
        .filter(|(name, _)| !name.starts_with("total") && *name != "jvm_overhead")
        .collect();
    let enough = |answer: &Answer| {
        let nothing_shrinks = kept
            .iter()
            .all(|(name, bytes)| pool(answer, name) >= Some(*bytes));
        is_met(answer, needs) && nothing_shrinks
    };
    if let Some(proposal) = propose(changed.clone(), enough) {
        return Some(proposal);
    }
    let (total, name) = deciding_total(&changed)?;
    let start = pool(before, name)? / MIB;
    let with_total = |mib: u64| {
        let mut grown = changed.clone();
        set(&mut grown, &total, MemorySize::from_mebibytes(mib));
        propose(grown, enough)
    };
    let mut low = start;
    let mut step = 1;
    let mut best = loop {
        let next = low.saturating_add(step);
        if next > LARGEST_MIB {
            return None;
        }
        if let Some(proposal) = with_total(next) {
            break (next, proposal);
        }
        low = next;
        step *= 2;
    };
    while best.0 - low > 1 {
        let middle = low + (best.0 - low) / 2;
        match with_total(middle) {
            Some(proposal) => best = (middle, proposal),
            None => low = middle,
        }
    }
    Some(best.1)
}

/// The total that Flink starts from.
fn deciding_total(question: &Question) -> Option<(FlinkOption, &'static str)> {
    let (process, flink) = match question.process {
        Process::TaskManager => (tm::PROCESS, tm::FLINK),
        Process::JobManager => (jm::PROCESS, jm::FLINK),
    };
    if question.settings.has(&flink) {
        return Some((flink, "total_flink"));
    }
    question
        .settings
        .has(&process)
        .then_some((process, "total_process"))
}

fn propose(question: Question, is_good: impl Fn(&Answer) -> bool) -> Option<Proposal> {
    let answer = derive(&question).ok()?;
    is_good(&answer).then_some(Proposal { question, answer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlinkVersion, Settings};

    fn question() -> Question {
        let settings = Settings::new().with("taskmanager.memory.process.size", "4g");
        Question::new(
            FlinkVersion::release(1, 20, 5),
            Process::TaskManager,
            settings,
        )
    }

    fn need(text: &str) -> Need {
        text.parse().unwrap()
    }

    #[test]
    fn at_the_same_total_the_heap_gives_what_off_heap_takes() {
        let before = derive(&question()).unwrap();
        let proposal = satisfy(&question(), &[need("task_off_heap=512m")], Hold::Process).unwrap();
        let size = |answer: &Answer, name| pool(answer, name).unwrap();
        assert_eq!(size(&proposal.answer, "task_off_heap"), 512 << 20);
        assert_eq!(
            size(&proposal.answer, "total_process"),
            size(&before, "total_process")
        );
        assert_eq!(
            size(&proposal.answer, "task_heap"),
            size(&before, "task_heap") - (512 << 20)
        );
    }

    #[test]
    fn at_the_smallest_total_nothing_else_shrinks_and_one_mebibyte_less_is_not_enough() {
        let before = derive(&question()).unwrap();
        let needs = [need("task_off_heap=512m")];
        let proposal = satisfy(&question(), &needs, Hold::Pools).unwrap();
        for name in ["task_heap", "managed", "network"] {
            assert!(
                pool(&proposal.answer, name) >= pool(&before, name),
                "{name}"
            );
        }
        let mib = pool(&proposal.answer, "total_process").unwrap() / MIB;
        let mut less = proposal.question.clone();
        set(&mut less, &tm::PROCESS, MemorySize::from_mebibytes(mib - 1));
        let less = derive(&less).unwrap();
        assert!(pool(&less, "task_heap") < pool(&before, "task_heap"));
    }

    #[test]
    fn more_heap_at_the_same_total_comes_out_of_managed_memory() {
        let proposal = satisfy(&question(), &[need("task_heap=2g")], Hold::Process).unwrap();
        assert!(pool(&proposal.answer, "task_heap") >= Some(2 << 30));
        assert_eq!(pool(&proposal.answer, "total_process"), Some(4 << 30));
    }

    #[test]
    fn what_does_not_fit_is_said_so() {
        let found = satisfy(&question(), &[need("jvm_metaspace=5g")], Hold::Process);
        assert!(matches!(
            found,
            Err(NoWay::NotFound {
                pool: "jvm_metaspace",
                ..
            })
        ));
    }

    #[test]
    fn a_need_names_a_pool_and_a_size() {
        for text in ["task_heap", "heap=1g", "task_heap=1gib"] {
            assert!(text.parse::<Need>().is_err(), "{text}");
        }
    }
}
