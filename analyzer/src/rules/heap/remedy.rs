//! What size would have held, and who gives it.

use super::HeapPicture;
use crate::budget::{Budget, Giver, Raise};
use crate::finding::{Consumer, ConsumerKind, Remedy};
use crate::model::{MemorySize, Process};
use crate::units::{bytes, round_up, to_bytes};

/// A heap needs half as much again as collections leave in it: with less, they come back to back.
const HEAP_OVER_LIVE: f64 = 1.5;
/// A heap that was exhausted grows at least by this share: how much was still to come nobody has seen.
const LEAST_MORE: f64 = 1.5;
/// Sizes are rounded up to this.
const STEP_BYTES: u64 = 32 << 20;

/// The options that give the heap what it needs, derived through the model.
pub(in crate::rules) fn heap_remedy(picture: &HeapPicture<'_>, consumer: &Consumer) -> Remedy {
    let Some(limit) = picture.limit else {
        return Remedy {
            text: "Raise the heap (-Xmx).".to_owned(),
            ..Remedy::default()
        };
    };
    let wanted = wanted_heap(picture, limit);
    let advice = advice(picture, consumer, limit, wanted);
    let Some(budget) = picture.budget else {
        let size = MemorySize::from_bytes(wanted).to_option();
        return Remedy {
            text: format!("{advice} Set -Xmx{size}."),
            ..Remedy::default()
        };
    };
    match raise(picture, budget, limit, wanted) {
        Some(raise) => Remedy {
            text: format!("{advice}{}", cost(&raise)),
            assumes: budget.assumed().into_iter().collect(),
            config: raise.config,
            remove: raise.remove,
            before: Some(raise.before),
            after: Some(raise.after),
        },
        None => Remedy {
            text: format!(
                "{advice} No configuration was found that gives it and that Flink accepts: see flinkmem plan."
            ),
            ..Remedy::default()
        },
    }
}

fn raise(picture: &HeapPicture<'_>, budget: &Budget, limit: u64, wanted: u64) -> Option<Raise> {
    if budget.process == Process::JobManager {
        return budget.grow("jvm_heap", wanted);
    }
    let task_heap = budget.started.task_heap?;
    // The JVM's own figure leaves a survivor space out under some collectors, so what is wanted is put on top of what is configured.
    let size = task_heap.saturating_add(wanted.saturating_sub(limit));
    budget.raise_task_heap(round_up(size, STEP_BYTES), managed_reserved(picture))
}

/// What collections left at most and half again; and half more than the limit where it was exhausted.
fn wanted_heap(picture: &HeapPicture<'_>, limit: u64) -> u64 {
    let by_live = to_bytes(picture.live.peak as f64 * HEAP_OVER_LIVE);
    let by_limit = match picture.exhausted_ms() {
        Some(_) => to_bytes(limit as f64 * LEAST_MORE),
        None => 0,
    };
    round_up(by_live.max(by_limit), STEP_BYTES)
}

/// The most of managed memory that was reserved in all slots; `None` where Flink's figures were not seen.
fn managed_reserved(picture: &HeapPicture<'_>) -> Option<u64> {
    let reserved = picture.case.timeline.inside.iter().filter_map(|inside| {
        let slots = &inside.flink.as_ref()?.slots;
        let of_slots = slots.iter().filter_map(|slot| {
            Some(
                slot.managed_bytes?
                    .saturating_sub(slot.managed_available_bytes?),
            )
        });
        let known = slots
            .iter()
            .any(|slot| slot.managed_available_bytes.is_some());
        known.then(|| of_slots.sum::<u64>())
    });
    reserved.max()
}

fn advice(picture: &HeapPicture<'_>, consumer: &Consumer, limit: u64, wanted: u64) -> String {
    let whom = match (consumer.kind, &consumer.name) {
        (ConsumerKind::Unknown, _) | (_, None) => "The live set".to_owned(),
        (_, Some(name)) => format!("What {name} holds"),
    };
    let until = match picture.failed() {
        true => {
            " It had not ended when the heap did, so this is the least: if it fails again, the next report starts from there."
        }
        false => "",
    };
    format!(
        "{whom} needs a larger heap: {} instead of {}, which is half as much again as collections left.{until} Or hold less: fewer slots in one process, a smaller table, a bound.",
        bytes(wanted),
        bytes(limit),
    )
}

fn cost(raise: &Raise) -> String {
    let option = |size: Option<u64>| {
        size.map_or_else(
            || "an unknown size".to_owned(),
            |bytes| MemorySize::from_bytes(bytes).to_option(),
        )
    };
    let human = |size: Option<u64>| size.map_or_else(String::new, bytes);
    match raise.from {
        Giver::Nobody => " The configuration that was given does so already.".to_owned(),
        Giver::Managed => format!(
            " The process keeps its {}: managed memory, of which nobody had reserved that much, shrinks from {} to {}.",
            option(raise.after.total_process),
            human(raise.before.managed),
            human(raise.after.managed),
        ),
        _ => format!(
            " The process grows from {} to {}; its container must hold that.",
            option(raise.before.total_process),
            option(raise.after.total_process),
        ),
    }
}
