//! The most that a process needed of every pool, measured: what a size is held against (`flinkmem plan`) or derived from (`flinkmem size`).
//!
//! | pool | measured as |
//! | --- | --- |
//! | `jvm_heap` | the live set: what collections leave; what is in use before one is mostly garbage |
//! | `jvm_direct` | capacity of direct buffers, which the JVM holds against its limit |
//! | `task_off_heap`, `framework_off_heap` | live bytes by call site; the framework also has what no site accounts for. `off_heap` of a JobManager is all of it |
//! | `network` | buffers that the topology requires at the least, else buffers that were lent to tasks |
//! | `managed` | what slots reserved; of RocksDB, which reserves all there is, what its cache held |
//! | `jvm_metaspace` | committed, which the JVM holds against its limit |
//! | `jvm_overhead` | resident memory that belongs to none of these, by the agent's ledger. Mapped files are left out: the kernel can drop them |
//! | `total_process` | anonymous memory of the container, else resident memory |

use super::lines::{Part, parts_by_site};
use super::{Budget, Pools};
use crate::case::{Case, Moment};
use crate::configuration::layers;
use crate::model::{Model, Process};
use flinkmem_trace::{FlinkInside, Ledger, Owner, RocksDb};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The largest values of a trace, by pool. A pool that no source measured is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peaks(BTreeMap<&'static str, Peak>);

/// The most of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    /// Bytes.
    pub bytes: u64,
    /// When, milliseconds since the agent started; the first time.
    pub up_ms: u64,
    /// What was measured.
    pub how: &'static str,
}

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

/// In JSON, bytes by pool.
impl Serialize for Peaks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(pool, peak)| (pool, peak.bytes)))
    }
}

impl Peaks {
    /// What a process needed at most.
    #[must_use]
    pub fn measured(case: &Case, budget: Option<&Budget>) -> Self {
        let mut peaks = Self::default();
        for moment in &case.timeline.moments {
            peaks.add_jvm(moment);
        }
        peaks.heap_without_collections(case);
        let process = budget.map(|budget| budget.process);
        match process {
            Some(Process::TaskManager) => {
                let network = budget.and_then(|budget| budget.started.network);
                peaks.add_off_heap(case, network.unwrap_or(0));
                peaks.add_flink(case);
            }
            Some(Process::JobManager) => {
                if let Some(direct) = peaks.0.get("jvm_direct").copied() {
                    peaks.0.insert("off_heap", direct);
                }
            }
            None => {}
        }
        peaks.add_overhead(case, budget.map(|budget| &budget.started));
        peaks
    }

    fn add_jvm(&mut self, moment: &Moment) {
        let at = moment.up_ms;
        let live = moment.heap.and_then(|heap| heap.after_gc_bytes);
        self.raise("jvm_heap", live, at, "live after collections");
        let direct = moment.direct_bytes();
        self.raise("jvm_direct", direct, at, "capacity of direct buffers");
        let metaspace = moment.metaspace.map(|pool| pool.committed_bytes);
        self.raise("jvm_metaspace", metaspace, at, "committed");
        // A cgroup without a limit is no container, and others may live in it.
        let container = moment.cgroup.filter(|cgroup| cgroup.limit_bytes.is_some());
        let anon = container.and_then(|cgroup| cgroup.anon_bytes);
        let rss = moment.process.map(|process| process.vm_rss_bytes);
        self.raise("total_process", anon.or(rss), at, "resident");
    }

    fn heap_without_collections(&mut self, case: &Case) {
        if self.of("jvm_heap").is_none() {
            for moment in &case.timeline.moments {
                let used = moment.heap.map(|heap| heap.used_bytes);
                self.raise("jvm_heap", used, moment.up_ms, IN_USE_WITH_GARBAGE);
            }
        }
    }

    /// Direct memory that is not the network pool's, told apart by call sites.
    fn add_off_heap(&mut self, case: &Case, network: u64) {
        let parts = parts_by_site(case);
        for snapshot in &case.timeline.snapshots {
            let of_part = |part: Part| {
                let uses = snapshot.uses.iter();
                let of_part = uses.filter(|site| parts.get(&site.id) == Some(&part));
                of_part.map(|site| site.live_bytes).sum()
            };
            let at = snapshot.up_ms;
            let tasks = of_part(Part::TaskOffHeap);
            self.raise("task_off_heap", Some(tasks), at, "by call site");
            let framework = of_part(Part::FrameworkOffHeap);
            self.raise("framework_off_heap", Some(framework), at, "by call site");
        }
        let tasks = self.of("task_off_heap").unwrap_or(0);
        if let Some(direct) = self.0.get("jvm_direct").copied() {
            let rest = direct.bytes.saturating_sub(network).saturating_sub(tasks);
            let how = "direct memory that is neither tasks' nor the network pool's";
            self.raise("framework_off_heap", Some(rest), direct.up_ms, how);
        }
    }

    fn add_flink(&mut self, case: &Case) {
        for inside in &case.timeline.inside {
            let Some(flink) = &inside.flink else {
                continue;
            };
            if let Some((bytes, how)) = network_demand(flink) {
                self.raise("network", Some(bytes), inside.up_ms, how);
            }
            let reserved = (flink.slots_total.is_some()).then(|| reserved(flink));
            self.raise("managed", reserved, inside.up_ms, "reserved by slots");
        }
        self.managed_of_rocksdb(case);
    }

    /// RocksDB reserves all managed memory of a slot. What it needs of it is what its cache holds, unless the cache is full: a cache takes what it
    /// is given, and nobody can say how slow it would be with less.
    fn managed_of_rocksdb(&mut self, case: &Case) {
        let moments = case.timeline.moments.iter();
        let figures = moments.filter_map(|moment| Some((moment.up_ms, moment.rocksdb?)));
        let used = |(at, figures): (u64, RocksDb)| Some((rocksdb_bytes(&figures)?, at, figures));
        let Some((bytes, up_ms, figures)) = figures.filter_map(used).max_by_key(|(b, ..)| *b)
        else {
            return;
        };
        let is_full = bytes as f64 >= figures.cache_capacity_bytes as f64 * FULL_CACHE;
        if let Some(managed) = self.0.get_mut("managed").filter(|_| !is_full)
            && bytes < managed.bytes
        {
            let how = "held by RocksDB's cache";
            *managed = Peak { bytes, up_ms, how };
        }
    }

    fn add_overhead(&mut self, case: &Case, pools: Option<&Pools>) {
        let managed = pools.and_then(|pools| pools.managed);
        let network = pools.and_then(|pools| pools.network).unwrap_or(0);
        for ledger in case.evidence.all::<Ledger>() {
            let at = ledger.taken.up_ms;
            let moment = case.timeline.at_or_before(at);
            let bytes = overhead(ledger, moment, managed, network);
            let how = "resident beside all other pools, by the ledger";
            self.raise("jvm_overhead", Some(bytes), at, how);
        }
        if self.of("jvm_overhead").is_none() {
            for moment in &case.timeline.moments {
                let bytes = overhead_without_ledger(moment);
                self.raise("jvm_overhead", bytes, moment.up_ms, NO_LEDGER);
            }
        }
    }

    fn raise(&mut self, pool: &'static str, bytes: Option<u64>, up_ms: u64, how: &'static str) {
        let Some(bytes) = bytes else {
            return;
        };
        let new = Peak { bytes, up_ms, how };
        let peak = self.0.entry(pool).or_insert(new);
        if bytes > peak.bytes {
            *peak = new;
        }
    }

    /// The peak of a pool, bytes.
    #[must_use]
    pub fn of(&self, pool: &str) -> Option<u64> {
        self.0.get(pool).map(|peak| peak.bytes)
    }

    /// All of them, by pool.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Peak)> + '_ {
        self.0.iter().map(|(pool, peak)| (*pool, *peak))
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Said of a heap that was never collected.
pub const IN_USE_WITH_GARBAGE: &str = "in use, garbage included: no collection was seen";
/// Said of a rest that is only a difference of sums.
pub const NO_LEDGER: &str = "resident less what the JVM counts, at least: there is no ledger";
/// A cache above this share is full.
const FULL_CACHE: f64 = 0.9;

fn network_demand(flink: &FlinkInside) -> Option<(u64, &'static str)> {
    let network = flink.network.as_ref()?;
    let lent = network
        .segments_available
        .map(|available| network.segments_total.saturating_sub(available));
    let (segments, how) = match (network.segments_required, lent) {
        (Some(required), _) => (required, "required by the topology"),
        (None, lent) => (lent?, "lent to tasks"),
    };
    Some((segments.saturating_mul(network.segment_bytes), how))
}

fn reserved(flink: &FlinkInside) -> u64 {
    let of_slot = |total: Option<u64>, free: Option<u64>| Some(total?.saturating_sub(free?));
    let slots = flink.slots.iter();
    slots
        .filter_map(|slot| of_slot(slot.managed_bytes, slot.managed_available_bytes))
        .sum()
}

/// Memtables are charged to the cache where there is a manager of write buffers.
fn rocksdb_bytes(figures: &RocksDb) -> Option<u64> {
    let beside = match figures.write_buffer_managers {
        0 => figures.memtables_bytes.unwrap_or(0),
        _ => 0,
    };
    Some(figures.cache_usage_bytes?.saturating_add(beside))
}

/// What the ledger gives to nobody whose pool has another name. Off-heap memory is the direct pools', but not what of it escapes the JVM's
/// count; RocksDB's is managed memory, as far as that goes.
fn overhead(ledger: &Ledger, moment: Option<&Moment>, managed: Option<u64>, network: u64) -> u64 {
    const OVERHEAD: [Owner; 13] = [
        Owner::CodeCache,
        Owner::CdsArchive,
        Owner::GcStructures,
        Owner::JavaThreadStacks,
        Owner::JvmThreadStacks,
        Owner::NativeThreadStacks,
        Owner::MallocInUse,
        Owner::MallocFree,
        Owner::MappedLibraries,
        Owner::SharedMemory,
        Owner::Agent,
        Owner::Kernel,
        Owner::Unclaimed,
    ];
    const DIRECT: [Owner; 5] = [
        Owner::Netty,
        Owner::NettyShaded,
        Owner::NioThreadCaches,
        Owner::UserOffHeap,
        Owner::OtherOffHeap,
    ];
    let sum = |owners: &[Owner]| -> u64 { owners.iter().map(|owner| ledger.bytes(*owner)).sum() };
    let counted = moment.and_then(Moment::direct_bytes);
    let escaped = counted.map_or(0, |counted| {
        sum(&DIRECT).saturating_sub(counted.saturating_sub(network))
    });
    let rocksdb = moment.and_then(|moment| rocksdb_bytes(&moment.rocksdb?));
    let in_managed = rocksdb.map_or(0, |bytes| bytes.min(managed.unwrap_or(0)));
    sum(&OVERHEAD)
        .saturating_add(escaped)
        .saturating_sub(in_managed)
}

/// A lower bound: what is committed need not be resident.
fn overhead_without_ledger(moment: &Moment) -> Option<u64> {
    let anon = moment.process?.rss_anon_bytes;
    let heap = moment.heap?.committed_bytes;
    let metaspace = moment.metaspace.map_or(0, |pool| pool.committed_bytes);
    let direct = moment.direct_bytes().unwrap_or(0);
    let rocksdb = moment
        .rocksdb
        .and_then(|figures| rocksdb_bytes(&figures))
        .unwrap_or(0);
    let counted = heap
        .saturating_add(metaspace)
        .saturating_add(direct)
        .saturating_add(rocksdb);
    Some(anon.saturating_sub(counted))
}

/// The pools that the measured peaks would not fit into.
#[must_use]
pub fn excesses(peaks: &Peaks, model: &Model) -> Vec<Excess> {
    layers::pools(model)
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
    use crate::model::{FlinkVersion, Question, Settings, derive};
    use flinkmem_trace::{DirectMemory, LedgerPart, Taken};

    #[test]
    fn the_highest_sample_counts() {
        let mut case = Case::default();
        for (up_ms, capacity_bytes) in [(1, 5), (2, 2 << 30), (3, 7)] {
            case.timeline.moments.push(Moment {
                up_ms,
                direct: Some(DirectMemory {
                    capacity_bytes,
                    ..DirectMemory::default()
                }),
                ..Moment::default()
            });
        }
        let peaks = Peaks::measured(&case, None);
        let settings = Settings::new().with("taskmanager.memory.process.size", "4g");
        let question = Question::new(
            FlinkVersion::release(2, 3, 0),
            Process::TaskManager,
            settings,
        );
        let found = excesses(&peaks, &derive(&question).unwrap().model);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pool, found[0].peak), ("jvm_direct", 2 << 30));
        assert_eq!(peaks.iter().next().unwrap().1.up_ms, 2);
    }

    fn ledger(parts: &[(Owner, u64)]) -> Ledger {
        let part = |(owner, bytes): &(Owner, u64)| LedgerPart {
            owner: *owner,
            bytes: *bytes,
            samples: None,
        };
        Ledger {
            taken: Taken::default(),
            parts: parts.iter().map(part).collect(),
            ..Ledger::default()
        }
    }

    #[test]
    fn overhead_is_what_belongs_to_no_other_pool() {
        let found = ledger(&[
            (Owner::JavaHeap, 1000),
            (Owner::Metaspace, 100),
            (Owner::FlinkNetworkSegments, 50),
            (Owner::MappedJars, 30),
            (Owner::CodeCache, 7),
            (Owner::JavaThreadStacks, 5),
            (Owner::MallocInUse, 20),
        ]);
        assert_eq!(overhead(&found, None, None, 0), 32);
    }

    #[test]
    fn what_rocksdb_holds_is_managed_memory_as_far_as_that_goes() {
        let found = ledger(&[(Owner::MallocInUse, 500)]);
        let moment = Moment {
            rocksdb: Some(RocksDb {
                write_buffer_managers: 1,
                cache_usage_bytes: Some(400),
                memtables_bytes: Some(100),
                ..RocksDb::default()
            }),
            ..Moment::default()
        };
        assert_eq!(overhead(&found, Some(&moment), Some(1000), 0), 100);
        assert_eq!(overhead(&found, Some(&moment), Some(300), 0), 200);
    }

    #[test]
    fn direct_memory_that_escapes_the_jvms_count_is_overhead() {
        let found = ledger(&[(Owner::NioThreadCaches, 80), (Owner::UserOffHeap, 40)]);
        let moment = Moment {
            direct: Some(DirectMemory {
                capacity_bytes: 90,
                ..DirectMemory::default()
            }),
            ..Moment::default()
        };
        // 50 of the counted 90 bytes are the network pool's.
        assert_eq!(overhead(&found, Some(&moment), None, 50), 80);
    }
}
