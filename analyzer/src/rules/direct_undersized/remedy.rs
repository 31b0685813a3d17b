//! What to set, and what that does to everybody else in the process.

use super::super::direct::DirectPicture;
use super::sizing::{heap_needs, missing_bytes, present_size, wanted_limit, wanted_size};
use crate::budget::{Budget, DirectPool, Giver, Pools, Raise, process_size_key};
use crate::finding::{Consumer, ConsumerKind, Remedy};
use crate::model::MemorySize;
use crate::units::bytes;

/// A change of Flink's configuration that the model accepts, where there is one; else the JVM's own limit.
pub(super) fn remedy(picture: &DirectPicture<'_>, consumer: &Consumer) -> Remedy {
    let in_flink = picture
        .budget
        .zip(picture.owner_pool())
        .filter(|(budget, _)| !budget.direct_limit_overridden)
        .and_then(|(budget, pool)| Some((budget, pool, present_size(picture, budget, pool)?)));
    let Some((budget, pool, present)) = in_flink else {
        return Remedy {
            text: of_the_jvm(picture),
            ..Remedy::default()
        };
    };
    let size = wanted_size(picture, present);
    let advice = advice(picture, consumer, size.saturating_sub(present));
    match budget.raise(pool, size, heap_needs(picture)) {
        Some(raise) => Remedy {
            text: advice + &cost(picture, budget, pool, &raise),
            assumes: budget.assumed().into_iter().collect(),
            config: raise.config,
            remove: raise.remove,
            before: Some(raise.before),
            after: Some(raise.after),
        },
        None => Remedy {
            text: format!(
                "{advice} {} should be at least {}; no configuration was found that gives it and that Flink accepts: see flinkmem plan.",
                pool.option().key,
                MemorySize::from_bytes(size).to_option()
            ),
            ..Remedy::default()
        },
    }
}

/// Who needs how much.
fn advice(picture: &DirectPicture<'_>, consumer: &Consumer, more: u64) -> String {
    let whom = match (consumer.kind, &consumer.name) {
        (ConsumerKind::Unknown, _) | (_, None) => "the users of direct memory",
        (_, Some(name)) => name,
    };
    let more = bytes(more);
    if picture.failed() {
        let missing = missing_bytes(picture).map_or(String::new(), |missing| {
            format!("At least {} were missing. ", bytes(missing))
        });
        format!("{missing}Give {whom} its measured use and a quarter more: {more} more.")
    } else {
        format!(
            "Let {whom} reuse its buffers, which it drops faster than collections free them, or give it {more} more."
        )
    }
}

/// From whom it is taken.
fn cost(picture: &DirectPicture<'_>, budget: &Budget, pool: DirectPool, raise: &Raise) -> String {
    let unenforced = pool == DirectPool::JobManagerOffHeap && !budget.direct_is_enforced();
    let limit = match unenforced {
        true => " So far the JVM allowed as much as the heap's size.",
        false => "",
    };
    let from = match raise.from {
        Giver::Nobody => return " The configuration that was given does so already.".to_owned(),
        Giver::Heap => heap_gives(picture, raise),
        Giver::TooSmallAHeap | Giver::HeapInUse | Giver::HeapNotMeasured => {
            process_grows(picture, budget, raise)
        }
    };
    let remove = match raise.remove.as_slice() {
        [] => String::new(),
        keys => format!(" Take out {}.", keys.join(" and ")),
    };
    format!("{limit}{from}{remove}{}", assumption(budget))
}

fn heap_gives(picture: &DirectPicture<'_>, raise: &Raise) -> String {
    format!(
        " The process keeps its {}: the heap shrinks from {} to {}, of which at most {} were live.",
        option(raise.after.total_process),
        human(raise.before.jvm_heap),
        human(raise.after.jvm_heap),
        human(picture.case.live_heap_bytes()),
    )
}

fn process_grows(picture: &DirectPicture<'_>, budget: &Budget, raise: &Raise) -> String {
    let why = match raise.from {
        Giver::HeapInUse => format!(
            " The heap cannot spare it (up to {} of {} live): the",
            human(picture.case.live_heap_bytes()),
            human(raise.before.jvm_heap)
        ),
        Giver::TooSmallAHeap => match raise.before.task_heap {
            Some(_) => format!(
                " The task heap of {} cannot give it: the",
                human(raise.before.task_heap)
            ),
            None => " The heap cannot give it: the".to_owned(),
        },
        _ => " The".to_owned(),
    };
    let shares = match grown_by_their_shares(&raise.before, &raise.after) {
        0 => String::new(),
        grown => format!(", {} of it to pools by share", bytes(grown)),
    };
    // Where the option is not set, the process size is a sum, and only the container has to follow.
    let container = match raise.config.contains_key(process_size_key(budget.process)) {
        true => "",
        false => "; its container must hold that",
    };
    format!(
        "{why} process grows from {} to {}{shares}{container}.",
        option(raise.before.total_process),
        option(raise.after.total_process)
    )
}

/// A size for people; nothing where it is not known.
fn human(size: Option<u64>) -> String {
    size.map_or_else(String::new, bytes)
}

/// A size as in a configuration.
fn option(size: Option<u64>) -> String {
    size.map_or_else(String::new, |bytes| {
        MemorySize::from_bytes(bytes).to_option()
    })
}

/// What pools get that asked for nothing.
fn grown_by_their_shares(before: &Pools, after: &Pools) -> u64 {
    let pairs = [
        (before.managed, after.managed),
        (before.network, after.network),
        (before.jvm_overhead, after.jvm_overhead),
    ];
    let grown = pairs
        .iter()
        .filter_map(|(before, after)| after.zip(*before))
        .map(|(after, before)| after.saturating_sub(before));
    grown.sum()
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

fn of_the_jvm(picture: &DirectPicture<'_>) -> String {
    let Some(limit) = picture.limit else {
        return "Raise the limit with -XX:MaxDirectMemorySize.".to_owned();
    };
    let overridden = picture
        .budget
        .is_some_and(|budget| budget.direct_limit_overridden);
    let whose = match overridden {
        true => {
            " The limit in force is not Flink's: a later flag, likely of env.java.opts, wins over it."
        }
        false => "",
    };
    let size = MemorySize::from_bytes(wanted_limit(picture, limit));
    format!(
        "Raise the limit from {} with -XX:MaxDirectMemorySize={}: half as much again as its main user held.{whose}",
        bytes(limit),
        size.to_option(),
    )
}
