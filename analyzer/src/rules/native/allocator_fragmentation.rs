//! `allocator_fragmentation`: what was freed is not given back, because something that lives lies beside it.

use super::{Native, Standing};
use crate::finding::{Consumer, ConsumerKind, Evidence, Finding, Label, Remedy, two_digits};
use crate::rules::Answer;
use crate::units::bytes;
use flinkmem_trace::{AllocatorFigures, Ledger};

/// Arenas keep some of what threads free; before the end less than this is not worth a word.
const LEAST_KEPT: u64 = 64 << 20;

pub(super) fn check(native: &Native<'_>) -> Answer {
    if native.kept.points.is_empty() {
        return match native.container.parts.ledgers {
            0 if native.container.killed() => Answer::NotEnoughData {
                missing: "a ledger: what the allocator keeps was not recorded".to_owned(),
                collect: None,
            },
            _ => Answer::DoesNotFire("the allocator keeps nothing that was freed".to_owned()),
        };
    }
    let standing = Standing::of(&native.container, &native.kept);
    if let Standing::Not(reason) = &standing {
        return Answer::DoesNotFire(format!("of what was freed and is kept: {reason}"));
    }
    if !native.container.killed() && native.kept.grown() < LEAST_KEPT {
        return Answer::DoesNotFire(format!(
            "what was freed and is kept rose by {} only",
            bytes(native.kept.grown())
        ));
    }
    let Some(last) = native.container.case.evidence.last::<Ledger>() else {
        return Answer::DoesNotFire("the allocator told nothing".to_owned());
    };
    let allocator = last.allocator.clone().unwrap_or_default();
    let finding = native.finding(
        Label::AllocatorFragmentation,
        &standing,
        &native.kept,
        false,
    );
    let facts = [
        Some(native.rose(
            &format!("memory that was freed and that {} keeps", allocator.name),
            "ledger.malloc_free",
            &native.kept,
        )),
        figures(last, &allocator),
        native.container.met_evidence(),
        native.container.parts_evidence(3),
    ];
    Answer::Fires(Box::new(Finding {
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(native, &allocator),
        consumer: Consumer {
            kind: ConsumerKind::Component,
            name: Some(format!("{} (freed memory that it keeps)", allocator.name)),
            line: None,
            share: Some(two_digits(standing.share())),
            confidence: 0.9,
        },
        ..finding
    }))
}

/// What the allocator says of itself.
fn figures(ledger: &Ledger, allocator: &AllocatorFigures) -> Option<Evidence> {
    let in_use = allocator.in_use_bytes?;
    let arenas = allocator
        .arenas
        .map_or(String::new(), |arenas| format!(" in {arenas} arenas"));
    let active = allocator.active_bytes.map_or(String::new(), |active| {
        format!(", {} of them on pages in use", bytes(active))
    });
    let text = format!(
        "{} has {} resident{arenas}, {} of it in use{active}",
        allocator.name,
        bytes(allocator.resident_bytes),
        bytes(in_use)
    );
    let at = ledger.taken.t_ms;
    Some(Evidence::new(text, "ledger.allocator", at, at).with_value(allocator.resident_bytes))
}

fn remedy(native: &Native<'_>, allocator: &AllocatorFigures) -> Remedy {
    let cpus = native.container.case.header.system.cpus.unwrap_or(2);
    let text = if allocator.name == "jemalloc" {
        format!(
            "Use blocks of even size and reuse them: jemalloc gives a page back when no block on it lives. Fewer arenas and earlier purging help with the rest: set the environment variable MALLOC_CONF=narenas:{},dirty_decay_ms:1000,muzzy_decay_ms:0. Or leave room for it: taskmanager.memory.jvm-overhead.max.",
            cpus.max(1)
        )
    } else {
        "Preload jemalloc, as Flink's images do (LD_PRELOAD=libjemalloc.so), or set the environment variables MALLOC_ARENA_MAX=1 and MALLOC_TRIM_THRESHOLD_=131072 (on Kubernetes and YARN: containerized.taskmanager.env.MALLOC_ARENA_MAX: 1). Blocks of even size that are reused leave fewer holes. Or leave room for it: taskmanager.memory.jvm-overhead.max.".to_owned()
    };
    Remedy {
        text,
        ..Remedy::default()
    }
}
