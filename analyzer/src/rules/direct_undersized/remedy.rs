//! What to set, and what that does to everybody else in the process.

use super::super::direct::DirectPicture;
use super::super::remedy::configured;
use super::sizing::{heap_needs, missing_bytes, present_size, wanted_limit, wanted_size};
use crate::budget::{DirectPool, Wish};
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
    let wish = Wish::of(pool.name(), size)
        .sparing("jvm_heap", heap_needs(picture))
        .used("jvm_heap", picture.case.live_heap_bytes());
    let unenforced = pool == DirectPool::JobManagerOffHeap && !budget.direct_is_enforced();
    let limit = match unenforced {
        true => " So far the JVM allowed as much as the heap's size.",
        false => "",
    };
    configured(Some(budget), &wish, &format!("{advice}{limit}"))
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
