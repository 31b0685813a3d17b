//! What a trace measured at most, held against pools.

use crate::configuration::layers::pools;
use crate::model::Model;
use flinkmem_trace::{PoolKind, Record, Sample};
use serde::Serialize;
use std::collections::BTreeMap;

/// The largest values of a trace, by pool, bytes. A pool that no source measured is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Peaks(BTreeMap<&'static str, u64>);

/// A measured peak beyond a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excess {
    /// The pool.
    pub pool: &'static str,
    /// What was measured, bytes.
    pub peak: u64,
    /// What the pool has, bytes.
    pub size: u64,
}

impl Peaks {
    /// Takes one record of a trace into account.
    pub fn add(&mut self, record: &Record) {
        if let Record::Sample(sample) = record {
            self.add_sample(sample);
        }
    }

    fn add_sample(&mut self, sample: &Sample) {
        if let Some(heap) = &sample.heap {
            // What a collection leaves is needed; what is used before one is mostly garbage.
            self.raise("jvm_heap", heap.after_gc_bytes.unwrap_or_default());
        }
        if let Some(direct) = &sample.direct {
            self.raise("jvm_direct", direct.capacity_bytes);
        }
        let metaspace = sample
            .pools
            .iter()
            .filter(|pool| pool.kind == PoolKind::Metaspace);
        self.raise("jvm_metaspace", metaspace.map(|pool| pool.used_bytes).sum());
        let cgroup = sample.cgroup.as_ref().and_then(|cgroup| cgroup.anon_bytes);
        let rss = sample.process.as_ref().map(|process| process.vm_rss_bytes);
        self.raise("total_process", cgroup.or(rss).unwrap_or_default());
    }

    fn raise(&mut self, pool: &'static str, bytes: u64) {
        if bytes > 0 {
            let peak = self.0.entry(pool).or_default();
            *peak = bytes.max(*peak);
        }
    }

    /// The peak of a pool.
    #[must_use]
    pub fn of(&self, pool: &str) -> Option<u64> {
        self.0.get(pool).copied()
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The pools that the measured peaks would not fit into.
#[must_use]
pub fn excesses(peaks: &Peaks, model: &Model) -> Vec<Excess> {
    pools(model)
        .into_iter()
        .filter_map(|(pool, size)| {
            let peak = peaks.of(pool)?;
            (peak > size).then_some(Excess { pool, peak, size })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlinkVersion, Process, Question, Settings, derive};
    use flinkmem_trace::DirectMemory;

    #[test]
    fn the_highest_sample_counts() {
        let mut peaks = Peaks::default();
        for capacity_bytes in [5, 2 << 30, 7] {
            let sample = Sample {
                direct: Some(DirectMemory {
                    capacity_bytes,
                    ..DirectMemory::default()
                }),
                ..Sample::default()
            };
            peaks.add(&Record::Sample(Box::new(sample)));
        }
        let settings = Settings::new().with("taskmanager.memory.process.size", "4g");
        let question = Question::new(
            FlinkVersion::release(2, 3, 0),
            Process::TaskManager,
            settings,
        );
        let found = excesses(&peaks, &derive(&question).unwrap().model);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pool, found[0].peak), ("jvm_direct", 2 << 30));
    }
}
