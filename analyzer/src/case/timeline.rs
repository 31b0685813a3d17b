//! Samples in order: what is needed of each, compact enough for days of them.

use flinkmem_trace::{
    AgentCost, Cgroup, Classes, Collector, Cpu, DirectMemory, FlinkInside, Heap, Incident,
    NettyCopy, OffHeap, Paging, Pauses, Pids, Pool, PoolKind, Process, Psi, RocksDb, Safepoints,
    Sample, SiteUse, Threads,
};

/// Samples in order of the monotonic clock.
#[derive(Debug, Default)]
pub struct Timeline {
    /// One for each sample.
    pub moments: Vec<Moment>,
    /// Live bytes by call site; not at every sample.
    pub snapshots: Vec<SiteSnapshot>,
    /// What Flink and Netty said of themselves, whenever it was not the same as before.
    pub inside: Vec<Inside>,
    /// Pools and collectors under the JVM's own names.
    pub named: Named,
    /// Ticks of the agent, incidents not counted.
    pub ticks: u64,
}

/// One sample.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    /// Wall clock, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Counters of `java.nio.Bits`.
    pub direct: Option<DirectMemory>,
    /// The agent's account of `Unsafe` memory.
    pub off_heap: Option<OffHeap>,
    /// The Java heap.
    pub heap: Option<Heap>,
    /// The Metaspace pool.
    pub metaspace: Option<PoolUse>,
    /// The Compressed Class Space pool, a part of Metaspace with a limit of its own.
    pub class_space: Option<PoolUse>,
    /// The code cache, all its segments.
    pub code_cache: Option<PoolUse>,
    /// The process as the kernel sees it.
    pub process: Option<Process>,
    /// The memory cgroup.
    pub cgroup: Option<Cgroup>,
    /// Threads as the JVM counts them.
    pub threads: Option<Threads>,
    /// The pids controller.
    pub pids: Option<Pids>,
    /// Classes loaded and unloaded.
    pub classes: Option<Classes>,
    /// Processor time, and what was withheld.
    pub cpu: Option<Cpu>,
    /// Pressure stall information.
    pub psi: Option<Psi>,
    /// Faults and swap.
    pub paging: Option<Paging>,
    /// Time in safepoints.
    pub safepoints: Option<Safepoints>,
    /// Pauses for collections.
    pub pauses: Option<Pauses>,
    /// RocksDB's figures.
    pub rocksdb: Option<RocksDb>,
    /// Collections so far, of any kind; absent where the JVM could not be asked.
    pub collections: Option<u64>,
    /// Of them, those that look at the whole heap.
    pub full_collections: Option<u64>,
    /// Milliseconds spent in collections so far, as the JVM counts them.
    pub collection_ms: Option<u64>,
    /// The agent's cost and losses.
    pub agent: AgentCost,
    /// The incident that this sample was taken for.
    pub incident: Option<u32>,
}

/// A memory pool of the JVM. Metaspace includes the class space.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolUse {
    /// Used.
    pub used_bytes: u64,
    /// Committed.
    pub committed_bytes: u64,
    /// The limit; absent where there is none.
    pub max_bytes: Option<u64>,
}

/// Pools and collectors under the JVM's own names, at the last sample that has them.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// The JVM's memory pools.
    pub pools: Vec<Pool>,
    /// The JVM's collectors.
    pub collectors: Vec<Collector>,
}

/// What is inside the process beside the JVM's own pools.
#[derive(Debug, Clone, Default)]
pub struct Inside {
    /// Wall clock, milliseconds since the epoch.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Flink's figures; absent where they are not to be had.
    pub flink: Option<FlinkInside>,
    /// The copies of Netty.
    pub netty: Vec<NettyCopy>,
}

/// Call sites with the most live bytes at one moment.
#[derive(Debug, Clone, Default)]
pub struct SiteSnapshot {
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// The incident that this was taken for.
    pub incident: Option<u32>,
    /// The sites.
    pub uses: Vec<SiteUse>,
}

impl Timeline {
    pub(super) fn push(&mut self, sample: &Sample) {
        self.ticks += 1;
        self.push_moment(Moment::of(sample, sample.up_ms), &sample.sites);
        self.push_inside(sample);
        self.named.update(Named::of(sample));
    }

    /// Forgets all but the last samples, for whoever looks at a process for days without writing anything down.
    pub(crate) fn keep_last(&mut self, most: usize) {
        // Not one by one, for each time all others move.
        if self.moments.len() > most.saturating_mul(2) {
            self.moments.drain(..self.moments.len() - most);
        }
    }

    pub(super) fn append(&mut self, next: Self) {
        self.ticks += next.ticks;
        self.moments.extend(next.moments);
        self.snapshots.extend(next.snapshots);
        self.inside.extend(next.inside);
        self.named.update(next.named);
    }

    fn push_inside(&mut self, sample: &Sample) {
        // Near a limit nine samples in ten do not say: nothing has changed by that.
        if sample.flink.is_none() && sample.netty.is_empty() {
            return;
        }
        // What the reading took is never the same, and nothing that is inside.
        let flink = sample.flink.clone().map(|flink| FlinkInside {
            cost_us: 0,
            ..flink
        });
        let same = |known: &Inside| known.flink == flink && known.netty == sample.netty;
        if self.inside.last().is_some_and(same) {
            return;
        }
        self.inside.push(Inside {
            t_ms: sample.t_ms,
            up_ms: sample.up_ms,
            flink,
            netty: sample.netty.clone(),
        });
    }

    /// An incident's sample counts as one more: it is the nearest to the moment that matters.
    pub(super) fn push_incident(&mut self, incident: &Incident) {
        let sites = if incident.sites.is_empty() {
            &incident.sample.sites
        } else {
            &incident.sites
        };
        let mut sample = (*incident.sample).clone();
        let not_recorded = sample.up_ms == 0 && sample.t_ms == 0;
        if not_recorded {
            sample.t_ms = incident.t_ms;
        }
        // The incident's own time: the sample may have been begun a moment earlier.
        let mut moment = Moment::of(&sample, incident.up_ms);
        moment.incident = Some(incident.id);
        self.push_moment(moment, sites);
    }

    fn push_moment(&mut self, moment: Moment, sites: &[SiteUse]) {
        self.moments.push(moment);
        if !sites.is_empty() {
            self.snapshots.push(SiteSnapshot {
                up_ms: moment.up_ms,
                incident: moment.incident,
                uses: sites.to_vec(),
            });
        }
    }

    pub(super) fn sort(&mut self) {
        self.moments.sort_by_key(|moment| moment.up_ms);
        self.snapshots.sort_by_key(|snapshot| snapshot.up_ms);
        self.inside.sort_by_key(|inside| inside.up_ms);
        // Each file begins with what is inside, though it may be the same as in the one before.
        self.inside
            .dedup_by(|next, known| next.flink == known.flink && next.netty == known.netty);
    }

    /// Seconds from the first to the last sample.
    #[must_use]
    pub fn span_s(&self) -> f64 {
        match (self.moments.first(), self.moments.last()) {
            (Some(first), Some(last)) => seconds(last.up_ms) - seconds(first.up_ms),
            _ => 0.0,
        }
    }

    /// The moments up to an incident, its own the last. At the next tick of the same millisecond all may be over.
    #[must_use]
    pub fn until(&self, incident: &Incident) -> &[Moment] {
        let own = |moment: &Moment| moment.incident == Some(incident.id);
        let up_ms = incident.up_ms;
        let end = self.moments.partition_point(|moment| moment.up_ms <= up_ms);
        let own = self.moments[..end].iter().rposition(own);
        &self.moments[..own.map_or(end, |own| own + 1)]
    }

    /// The snapshots up to an incident, its own the last if it has one.
    #[must_use]
    pub fn snapshots_until(&self, incident: &Incident) -> &[SiteSnapshot] {
        let own = |snapshot: &SiteSnapshot| snapshot.incident == Some(incident.id);
        let up_ms = incident.up_ms;
        let end = self.snapshots.partition_point(|s| s.up_ms <= up_ms);
        let own = self.snapshots[..end].iter().rposition(own);
        &self.snapshots[..own.map_or(end, |own| own + 1)]
    }

    /// The last moment at or before a time.
    #[must_use]
    pub fn at_or_before(&self, up_ms: u64) -> Option<&Moment> {
        let after = self.moments.partition_point(|m| m.up_ms <= up_ms);
        self.moments[..after].last()
    }

    /// The largest value.
    pub fn peak(&self, value: impl Fn(&Moment) -> Option<u64>) -> Option<u64> {
        self.moments.iter().filter_map(value).max()
    }

    /// The last value.
    pub fn last(&self, value: impl Fn(&Moment) -> Option<u64>) -> Option<u64> {
        self.moments.iter().rev().find_map(value)
    }
}

impl Named {
    fn of(sample: &Sample) -> Self {
        Self {
            up_ms: sample.up_ms,
            pools: sample.pools.clone(),
            collectors: sample.collectors.clone(),
        }
    }

    /// Takes what is newer, wherever it was read: files of a trace are not read in the order of time.
    fn update(&mut self, next: Self) {
        if next.up_ms >= self.up_ms && !next.pools.is_empty() {
            *self = next;
        }
    }
}

impl Moment {
    fn of(sample: &Sample, up_ms: u64) -> Self {
        let pool = |kind| pool_use(&sample.pools, kind);
        let pauses = sample.pauses.map(|pauses| pauses.count);
        let collectors = (!sample.collectors.is_empty()).then_some(&sample.collectors);
        Self {
            t_ms: sample.t_ms,
            up_ms,
            direct: sample.direct,
            off_heap: sample.off_heap,
            heap: sample.heap,
            metaspace: pool(PoolKind::Metaspace),
            class_space: pool(PoolKind::ClassSpace),
            code_cache: pool(PoolKind::CodeCache),
            process: sample.process,
            cgroup: sample.cgroup,
            threads: sample.threads,
            pids: sample.pids,
            classes: sample.classes,
            cpu: sample.cpu,
            psi: sample.psi,
            paging: sample.paging,
            safepoints: sample.safepoints,
            pauses: sample.pauses,
            rocksdb: sample.rocksdb,
            collections: collectors.map(|all| count(all, |_| true)).or(pauses),
            full_collections: collectors.map(|all| count(all, is_full)),
            collection_ms: collectors.map(|all| all.iter().map(|one| one.time_ms).sum()),
            agent: sample.agent,
            incident: None,
        }
    }

    /// Bytes that the JVM holds against the direct limit.
    #[must_use]
    pub fn direct_bytes(&self) -> Option<u64> {
        self.direct.map(|direct| direct.capacity_bytes)
    }
}

/// All pools of a kind together; their limits only where each has one.
fn pool_use(pools: &[Pool], kind: PoolKind) -> Option<PoolUse> {
    let mut of_kind = pools.iter().filter(|pool| pool.kind == kind);
    let first = of_kind.next()?;
    let one = |pool: &Pool| PoolUse {
        used_bytes: pool.used_bytes,
        committed_bytes: pool.committed_bytes,
        max_bytes: pool.max_bytes,
    };
    Some(of_kind.fold(one(first), |sum, pool| {
        PoolUse {
            used_bytes: sum.used_bytes.saturating_add(pool.used_bytes),
            committed_bytes: sum.committed_bytes.saturating_add(pool.committed_bytes),
            max_bytes: sum
                .max_bytes
                .zip(pool.max_bytes)
                .map(|(a, b)| a.saturating_add(b)),
        }
    }))
}

fn count(collectors: &[Collector], wanted: impl Fn(&str) -> bool) -> u64 {
    collectors
        .iter()
        .filter(|collector| wanted(&collector.name))
        .fold(0, |sum, collector| sum.saturating_add(collector.count))
}

/// Collectors of HotSpot and OpenJ9 that look at the whole heap, so that old garbage is found too: G1, Parallel, Serial,
/// CMS, ZGC, Shenandoah. G1's concurrent marking counts from JDK 20 on only; before, it cannot be seen.
fn is_full(collector: &str) -> bool {
    const FULL: [&str; 8] = [
        "Old Gen",
        "MarkSweep",
        "Concurrent GC",
        "ZGC Cycles",
        "Major Cycles",
        "Shenandoah Cycles",
        "global",
        "Old Collector",
    ];
    FULL.iter().any(|part| collector.contains(part))
}

/// Seconds of milliseconds.
pub(crate) fn seconds(up_ms: u64) -> f64 {
    up_ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_do_not_say_what_is_inside_change_nothing() {
        let mut timeline = Timeline::default();
        for up_ms in 0..30 {
            let flink = (up_ms % 10 == 0).then(|| FlinkInside {
                tasks_started: Some(up_ms / 20),
                cost_us: up_ms,
                ..FlinkInside::default()
            });
            timeline.push(&Sample {
                up_ms,
                flink,
                ..Sample::default()
            });
        }
        let times: Vec<u64> = timeline.inside.iter().map(|inside| inside.up_ms).collect();
        assert_eq!(times, [0, 20]);
    }
}
