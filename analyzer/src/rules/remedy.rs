//! Configuration remedies: a change of the budget, checked by the model, and in words what it costs.
//!
//! Every rule that proposes options calls [`configured`] ("this pool needs so much, those may give") or [`with_options`] (any other options).
//! Both derive the changed configuration ([`crate::budget::Wish`] tells how) and offer none that Flink would refuse. The words say whether the
//! process, and so its container, keeps its size; which pools shrink, and how much of them was in use; what to take out; and what was
//! assumed of the present configuration.

use crate::budget::{Budget, Giver, Pools, Raise, Wish, process_size_key};
use crate::finding::Remedy;
use crate::model::MemorySize;
use crate::units::bytes;

/// The remedy that meets a wish: `advice`, what it costs, and options to paste. Where no change is known that Flink accepts, `advice` and what the
/// pools should have at least.
pub(super) fn configured(budget: Option<&Budget>, wish: &Wish, advice: &str) -> Remedy {
    let change = budget.and_then(|budget| Some((budget, budget.change(wish)?)));
    match change {
        Some((budget, raise)) => remedy(budget, raise, Some(wish), advice),
        None => Remedy {
            text: format!("{advice}{}", without_configuration(budget, wish)),
            ..Remedy::default()
        },
    }
}

/// The remedy that sets some options and takes out others; only `advice` where Flink would refuse them, or nothing is known to change.
pub(super) fn with_options(
    budget: Option<&Budget>,
    set: &[(&str, String)],
    unset: &[&str],
    advice: &str,
) -> Remedy {
    let change = budget.and_then(|budget| Some((budget, budget.with_options(set, unset)?)));
    match change {
        Some((budget, raise)) => remedy(budget, raise, None, advice),
        None => Remedy {
            text: advice.to_owned(),
            ..Remedy::default()
        },
    }
}

fn remedy(budget: &Budget, raise: Raise, wish: Option<&Wish>, advice: &str) -> Remedy {
    Remedy {
        text: format!("{advice}{}", cost(budget, &raise, wish)),
        assumes: budget.assumed().into_iter().collect(),
        config: raise.config,
        remove: raise.remove,
        before: Some(raise.before),
        after: Some(raise.after),
    }
}

fn without_configuration(budget: Option<&Budget>, wish: &Wish) -> String {
    let sizes: Vec<String> = wish
        .needs
        .iter()
        .map(|(pool, size)| format!("{} at least {}", in_words(pool), option(Some(*size))))
        .collect();
    let sizes = sizes.join(" and ");
    match budget {
        Some(_) => format!(
            " That is, {sizes}; no configuration was found that gives it and that Flink accepts: see flinkmem plan."
        ),
        None => format!(" That is, {sizes}."),
    }
}

/// What a change costs, in sentences that begin with a blank.
pub(super) fn cost(budget: &Budget, raise: &Raise, wish: Option<&Wish>) -> String {
    if raise.from == Giver::Nobody {
        let which = match budget.configuration_is_given {
            true => "that was given",
            false => "of the process",
        };
        return format!(" The configuration {which} does so already.");
    }
    let (before, after) = (raise.before.total_process, raise.after.total_process);
    let course = match before.zip(after) {
        Some((before, after)) if after <= before => same_or_smaller(raise, wish),
        _ => grows(budget, raise, wish),
    };
    let remove = match raise.remove.as_slice() {
        [] => String::new(),
        keys => format!(" Take out {}.", keys.join(" and ")),
    };
    format!("{course}{remove}{}", assumption(budget))
}

fn same_or_smaller(raise: &Raise, wish: Option<&Wish>) -> String {
    let (before, after) = (raise.before.total_process, raise.after.total_process);
    let size = match before == after {
        true => format!("keeps its {}", option(after)),
        false => format!("shrinks from {} to {}", option(before), option(after)),
    };
    let given: Vec<String> = shrinking(&raise.before, &raise.after)
        .into_iter()
        .map(|(pool, from, to)| {
            let used = used(wish, pool)
                .map_or_else(String::new, |used| format!(", of which at most {used}"));
            let name = in_words(pool);
            format!("{name} shrinks from {} to {}{used}", bytes(from), bytes(to))
        })
        .collect();
    match given.is_empty() {
        true => format!(" The process {size}, and no pool shrinks."),
        false => format!(" The process {size}: {}.", given.join("; ")),
    }
}

fn grows(budget: &Budget, raise: &Raise, wish: Option<&Wish>) -> String {
    let why = why_the_process(raise, wish);
    let (before, after) = (raise.before.total_process, raise.after.total_process);
    if before.is_none() || after.is_none() {
        return format!("{why} process grows, and its container must hold that.");
    }
    let shares = match grown_by_their_shares(raise, wish) {
        0 => String::new(),
        grown => format!(", {} of it to pools by share", bytes(grown)),
    };
    // Where the option is not set, the process size is a sum, and only the container has to follow.
    let container = match raise.config.contains_key(process_size_key(budget.process)) {
        true => ", and its container with it",
        false => "; its container must hold that",
    };
    format!(
        "{why} process grows from {} to {}{shares}{container}.",
        option(before),
        option(after)
    )
}

/// The beginning of the sentence that says that the process grows.
fn why_the_process(raise: &Raise, wish: Option<&Wish>) -> String {
    let spares: Vec<(&str, u64)> = wish.map_or_else(Vec::new, |wish| {
        let names = wish.spares.iter().map(|(pool, _)| *pool);
        names
            .filter_map(|pool| Some((pool, raise.before.size(pool)?)))
            .collect()
    });
    let (pool, size) = match (spares.as_slice(), raise.before.task_heap) {
        ([], _) => return " The".to_owned(),
        // The framework's part is an option of its own, and does not give.
        ([("jvm_heap", _), ..], Some(tasks)) if raise.from == Giver::TooSmallAHeap => {
            ("task_heap", tasks)
        }
        ([first, ..], _) => *first,
    };
    let name = capital(in_words(pool));
    match raise.from {
        Giver::HeapInUse => {
            let used = used(wish, pool)
                .map_or_else(String::new, |used| format!(" (of {}, {used})", bytes(size)));
            format!(" {name} cannot spare it{used}: the")
        }
        Giver::TooSmallAHeap => format!(" {name} of {} cannot give it: the", bytes(size)),
        _ => " The".to_owned(),
    }
}

/// What was measured in a pool that may give.
fn used(wish: Option<&Wish>, pool: &str) -> Option<String> {
    let (_, used) = wish?.used.iter().find(|(name, _)| *name == pool)?;
    let what = match pool {
        "jvm_heap" | "task_heap" => "were live",
        _ => "were in use",
    };
    Some(format!("{} {what}", bytes(*used)))
}

/// Pools of a process, sums left out; the heaps by their sum.
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

/// Pools that shrink: name, before, after.
fn shrinking(before: &Pools, after: &Pools) -> Vec<(&'static str, u64, u64)> {
    let pools = PARTS.into_iter().filter_map(|pool| {
        let (from, to) = before.size(pool).zip(after.size(pool))?;
        (to < from).then_some((pool, from, to))
    });
    pools.collect()
}

/// What pools get that asked for nothing.
fn grown_by_their_shares(raise: &Raise, wish: Option<&Wish>) -> u64 {
    let is_asked = |pool: &str| wish.is_some_and(|wish| wish.needs.iter().any(|(p, _)| *p == pool));
    let shares = ["managed", "network", "jvm_overhead"];
    let grown = shares.into_iter().filter(|pool| !is_asked(pool));
    grown
        .filter_map(|pool| {
            raise
                .after
                .size(pool)?
                .checked_sub(raise.before.size(pool)?)
        })
        .sum()
}

/// The configuration that was taken for the user's, where none was given.
fn assumption(budget: &Budget) -> String {
    let assumed: Vec<String> = budget
        .assumed()
        .iter()
        .map(|(key, value)| format!("{}: {value}", short(key)))
        .collect();
    match assumed.as_slice() {
        [] => String::new(),
        all => format!(" Assumes {}; or pass --conf.", all.join(", ")),
    }
}

/// The part of a key that tells it from its siblings.
fn short(key: &str) -> &str {
    key.split_once(".memory.").map_or(key, |(_, rest)| rest)
}

/// A size as in a configuration.
fn option(size: Option<u64>) -> String {
    size.map_or_else(String::new, |bytes| {
        MemorySize::from_bytes(bytes).to_option()
    })
}

/// A pool as people call it.
pub(super) fn in_words(pool: &str) -> &'static str {
    match pool {
        "jvm_heap" => "the heap",
        "task_heap" => "the task heap",
        "framework_heap" => "the framework's heap",
        "task_off_heap" => "task off-heap memory",
        "framework_off_heap" => "framework off-heap memory",
        "off_heap" => "off-heap memory",
        "managed" => "managed memory",
        "network" => "network memory",
        "jvm_metaspace" => "metaspace",
        "jvm_overhead" => "the JVM's overhead",
        _ => "the pool",
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::from_trace_header;
    use flinkmem_trace::{FlinkFacts, Header};

    const MIB: u64 = 1 << 20;

    /// A TaskManager whose pools derive from a process size of 1200m.
    fn budget() -> Budget {
        let options = [
            ("taskmanager.memory.network.min", "78852916b"),
            ("taskmanager.memory.network.max", "78852916b"),
            ("taskmanager.memory.task.off-heap.size", "0b"),
            ("taskmanager.memory.jvm-metaspace.size", "268435456b"),
            ("taskmanager.memory.jvm-overhead.min", "201326592b"),
            ("taskmanager.memory.jvm-overhead.max", "201326592b"),
            ("taskmanager.memory.framework.off-heap.size", "134217728b"),
            ("taskmanager.memory.framework.heap.size", "134217728b"),
            ("taskmanager.memory.managed.size", "315411665b"),
            ("taskmanager.memory.task.heap.size", "125829115b"),
        ];
        let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let header = Header {
            flink: Some(FlinkFacts {
                process: "tm".to_owned(),
                version: Some("1.20.5".to_owned()),
                options: options.into(),
            }),
            ..Header::default()
        };
        Budget::recorded(&from_trace_header(&header)).unwrap()
    }

    #[test]
    fn what_shrinks_is_told_with_what_was_in_use_of_it() {
        let wish = Wish::of("jvm_metaspace", 320 * MIB)
            .sparing("jvm_heap", Some(150 * MIB))
            .used("jvm_heap", Some(100 * MIB));
        let remedy = configured(Some(&budget()), &wish, "Give metaspace more.");
        assert_eq!(
            remedy.text,
            "Give metaspace more. The process keeps its 1200m: the heap shrinks from 248 MiB to 184 MiB, of which at most 100 MiB were live. Assumes process.size: 1200m; or pass --conf."
        );
        assert!(remedy.before.is_some() && remedy.after.is_some());
        assert!(!remedy.config.is_empty());
    }

    #[test]
    fn a_heap_in_use_makes_the_process_and_its_container_grow() {
        let wish = Wish::of("jvm_metaspace", 320 * MIB)
            .sparing("jvm_heap", Some(240 * MIB))
            .used("jvm_heap", Some(160 * MIB));
        let text = configured(Some(&budget()), &wish, "More.").text;
        assert!(
            text.starts_with("More. The heap cannot spare it (of 248 MiB, 160 MiB were live): the process grows from 1200m to "),
            "{text}"
        );
        assert!(text.contains("and its container with it."), "{text}");
    }

    #[test]
    fn without_a_budget_the_size_is_told_but_no_option() {
        let remedy = configured(None, &Wish::of("task_heap", 512 * MIB), "More.");
        assert_eq!(remedy.text, "More. That is, the task heap at least 512m.");
        assert!(remedy.config.is_empty() && remedy.after.is_none());
    }

    #[test]
    fn options_that_flink_would_refuse_are_not_offered() {
        let size = |size: &str| [("taskmanager.memory.process.size", size.to_owned())];
        let refused = with_options(Some(&budget()), &size("300m"), &[], "Agree.");
        assert_eq!(refused.text, "Agree.");
        assert!(refused.config.is_empty());
        let smaller = with_options(Some(&budget()), &size("1100m"), &[], "Agree.");
        assert!(
            smaller.text.starts_with(
                "Agree. The process shrinks from 1200m to 1100m: the heap shrinks from 248 MiB to "
            ),
            "{}",
            smaller.text
        );
    }
}
