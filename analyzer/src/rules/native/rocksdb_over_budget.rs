//! `rocksdb_over_budget`: RocksDB takes more than the managed memory that it is meant to live in.

use super::rocksdb::RocksDbUse;
use super::{Native, Standing, sparing_heap};
use crate::budget::Wish;
use crate::finding::{Consumer, ConsumerKind, Finding, Label, Remedy, two_digits};
use crate::rules::Answer;
use crate::rules::remedy::{configured, with_options};
use crate::units::{bytes, round_up};

/// Flink's memory control lets RocksDB exceed its share by a little: what is being flushed, and blocks that are pinned.
const ALLOWED: f64 = 1.15;

/// Sizes are rounded up to this.
const STEP_BYTES: u64 = 32 << 20;

pub(super) fn check(native: &Native<'_>) -> Answer {
    let Some(used) = &native.rocksdb else {
        return Answer::DoesNotFire("no RocksDB is open in this process".to_owned());
    };
    let Some(budget) = used.budget else {
        return Answer::NotEnoughData {
            missing: "how much managed memory the process was started with".to_owned(),
            collect: None,
        };
    };
    let peak = used.peak();
    if peak as f64 <= budget as f64 * ALLOWED {
        return Answer::DoesNotFire(format!(
            "RocksDB's own figures stay in its budget: {} of {}",
            bytes(peak),
            bytes(budget)
        ));
    }
    let standing = Standing::of(&native.container, &used.series);
    if let Standing::Not(reason) = &standing {
        return Answer::DoesNotFire(format!(
            "RocksDB took {}, more than its {}, but {reason}",
            bytes(peak),
            bytes(budget)
        ));
    }
    let finding = native.finding(Label::RocksdbOverBudget, &standing, &used.series, true);
    let facts = [
        used.evidence(native),
        unmanaged(native, used),
        Some(native.rose(
            "what RocksDB uses by its own figures",
            "rocksdb.memtables_bytes",
            &used.series,
        )),
        native.container.met_evidence(),
    ];
    Answer::Fires(Box::new(Finding {
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(native, used),
        consumer: Consumer {
            kind: ConsumerKind::Component,
            name: Some("RocksDB".to_owned()),
            line: None,
            share: Some(two_digits(standing.share())),
            confidence: 0.93,
        },
        ..finding
    }))
}

fn unmanaged(native: &Native<'_>, used: &RocksDbUse) -> Option<crate::finding::Evidence> {
    if !used.is_unmanaged() {
        return None;
    }
    let text = format!(
        "open: {} and no write buffer manager; nothing bounds their memtables together",
        crate::units::counted(used.most.databases, "database")
    );
    Some(native.evidence(text, "rocksdb.write_buffer_managers", &used.series))
}

fn remedy(native: &Native<'_>, used: &RocksDbUse) -> Remedy {
    if used.is_unmanaged() {
        return managed(native, used);
    }
    let wanted = round_up(used.peak().saturating_add(used.peak() / 8), STEP_BYTES);
    let wish = sparing_heap(Wish::of("managed", wanted), native.container.case);
    let advice = format!(
        "Give it what it uses: {} of managed memory. Or let it use less: fewer column families, closed iterators, partitioned indexes.",
        bytes(wanted)
    );
    configured(native.container.budget, &wish, &advice)
}

/// Sizes of write buffers that go with memory control switched off: memtables are filled from blocks of an eighth of them, and a block
/// that is larger than a slot's share makes RocksDB flush without end.
const OWN_SIZES: [&str; 2] = [
    "state.backend.rocksdb.writebuffer.size",
    "state.backend.rocksdb.writebuffer.count",
];

/// Back under Flink's control, in the managed memory that is there already.
fn managed(native: &Native<'_>, used: &RocksDbUse) -> Remedy {
    let advice = format!(
        "Let Flink bound it: state.backend.rocksdb.memory.managed: true keeps caches and memtables of all databases within the {} of managed memory that are reserved and unused now. Take out {} where they are set, for with them a slot's share is too small for one block. Memtables are flushed in smaller pieces then; if that is too slow, raise taskmanager.memory.managed.size.",
        bytes(used.budget.unwrap_or(0)),
        OWN_SIZES.join(" and "),
    );
    let set = [("state.backend.rocksdb.memory.managed", "true".to_owned())];
    let mut remedy = with_options(native.container.budget, &set, &[], &advice);
    remedy.remove.extend(OWN_SIZES.map(str::to_owned));
    remedy
}
