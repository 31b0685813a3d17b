//! What RocksDB says that it uses, against the managed memory that it is meant to live in.

use super::{Native, Series};
use crate::case::Moment;
use crate::finding::Evidence;
use crate::rules::Facts;
use crate::units::bytes;
use flinkmem_trace::RocksDb;

/// RocksDB's use of memory by its own figures.
pub(super) struct RocksDbUse {
    /// Caches and memtables. What memtables charge to a cache is counted once.
    pub(super) series: Series,
    /// The figures at the moment of the most.
    pub(super) most: RocksDb,
    /// The managed memory of the process: all that RocksDB is meant to use.
    pub(super) budget: Option<u64>,
}

impl RocksDbUse {
    /// `None` where no database was seen.
    pub(super) fn of(facts: Facts<'_>) -> Option<Self> {
        let moments = &facts.case.timeline.moments;
        let figures = |moment: &Moment| Some((moment.up_ms, moment.rocksdb?));
        let all: Vec<(u64, RocksDb)> = moments
            .iter()
            .filter_map(figures)
            .filter(|(_, figures)| figures.databases > 0 || figures.caches > 0)
            .collect();
        let most = all.iter().max_by_key(|(_, figures)| used(figures))?.1;
        let managed = facts.budget.and_then(|budget| budget.started.managed);
        Some(Self {
            series: Series::of(all.iter().map(|(up_ms, figures)| (*up_ms, used(figures)))),
            most,
            budget: managed,
        })
    }

    /// The most that it used.
    pub(super) fn peak(&self) -> u64 {
        used(&self.most)
    }

    /// Whether nothing bounds its memtables: Flink's own control makes a cache and a write buffer manager for each slot.
    pub(super) fn is_unmanaged(&self) -> bool {
        self.most.databases > 0 && self.most.write_buffer_managers == 0
    }

    /// What it uses of what it is meant to.
    pub(super) fn evidence(&self, native: &Native<'_>) -> Option<Evidence> {
        let budget = self.budget?;
        let text = format!(
            "RocksDB's caches and memtables took {} at most; managed memory for it is {}",
            bytes(self.peak()),
            bytes(budget)
        );
        Some(
            native
                .evidence(text, "rocksdb.memtables_bytes", &self.series)
                .with_value(self.peak()),
        )
    }
}

/// Where a write buffer manager charges memtables to the cache they are in its usage already.
fn used(figures: &RocksDb) -> u64 {
    let cache = figures.cache_usage_bytes.unwrap_or(0);
    let memtables = figures.memtables_bytes.unwrap_or(0);
    match figures.write_buffer_managers {
        0 => cache.saturating_add(memtables),
        _ => cache.max(memtables),
    }
}
