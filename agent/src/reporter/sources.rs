//! All sources of a sample, opened once.

use crate::agent::Moment;
use crate::{classes, gc_clock, native_objects, off_heap};
use flinkmem_native::jvm::{self, HeapTotalsReader, Management, jni};
use flinkmem_native::kernel::cgroup::{Cgroup, Pids, PidsFiles, Reading};
use flinkmem_native::kernel::paging::PagingFiles;
use flinkmem_native::kernel::pressure::{self, PressureFiles};
use flinkmem_native::kernel::{clock, status::StatusFile};
use flinkmem_trace as trace;
use procfs::process::Process;

/// Above this share of the heap, in use now and after the last collection that was heard of, the JVM is not asked for
/// anything that makes a Java object.
const HEAP_IS_FULL: f64 = 0.95;

/// How much may be asked of the JVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Everything.
    Full,
    /// Nothing that makes a Java object: pools and collectors are those of the last full reading.
    Crisis,
}

/// The sources. One that this JVM or kernel does not have is `None`.
pub(super) struct Sources {
    pub(super) process: Option<Process>,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) management: Option<Management>,
    heap: Option<HeapTotalsReader>,
    status: Option<StatusFile>,
    pids: Option<PidsFiles>,
    pressure: Option<PressureFiles>,
    paging: Option<PagingFiles>,
    rocksdb: native_objects::Figures,
    last: LastOfTheJvm,
    failed_reads: u64,
}

/// What was read when the JVM could last be asked.
#[derive(Debug, Clone, Default)]
struct LastOfTheJvm {
    pools: Vec<trace::Pool>,
    collectors: Vec<trace::Collector>,
    after_gc_bytes: Option<u64>,
}

impl Sources {
    /// Opens them all. The management table loads classes and so takes some milliseconds.
    pub(super) fn open(env: &mut jni::Env<'_>) -> Self {
        let process = Process::myself().ok();
        let cgroup = process.as_ref().and_then(Cgroup::find);
        Self {
            pids: cgroup.as_ref().and_then(Cgroup::pids),
            pressure: PressureFiles::open(cgroup.as_ref().and_then(Cgroup::directory)),
            paging: PagingFiles::open(),
            cgroup,
            process,
            management: classes::found(env, Management::find),
            heap: HeapTotalsReader::find(),
            status: StatusFile::open(),
            rocksdb: native_objects::Figures::default(),
            last: LastOfTheJvm::default(),
            failed_reads: 0,
        }
    }

    /// Reads everything. `with_stat` adds what the kernel sums up over all processors: the cgroup's `memory.stat` and
    /// `cpu.stat`, the host's `vmstat`.
    pub(super) fn read(
        &mut self,
        env: &mut jni::Env<'_>,
        depth: Depth,
        with_stat: bool,
    ) -> trace::Sample {
        let now = Moment::now();
        let direct = self.direct(env);
        let heap = self.heap_totals();
        let heap_is_full = heap.is_some_and(|heap| is_full(heap, self.last.after_gc_bytes));
        let may_ask = depth == Depth::Full && !heap_is_full;
        if depth == Depth::Full {
            self.count_collections(env);
        }
        if may_ask {
            self.ask_the_jvm(env);
        }
        let heap = heap.map(|heap| trace::Heap {
            after_gc_bytes: self.last.after_gc_bytes,
            ..heap
        });
        let has_pools = may_ask || depth == Depth::Crisis;
        let runtime = self
            .management
            .as_ref()
            .and_then(|management| management.runtime(env));
        trace::Sample {
            t_ms: now.t_ms,
            up_ms: now.up_ms,
            direct,
            off_heap: Some(off_heap_totals()),
            heap,
            pools: if has_pools {
                self.last.pools.clone()
            } else {
                Vec::new()
            },
            collectors: if has_pools {
                self.last.collectors.clone()
            } else {
                Vec::new()
            },
            pauses: Some(gc_clock::take_pauses()),
            safepoints: self.safepoints(env),
            threads: runtime.map(|counts| trace::Threads {
                live: counts.threads_live,
                daemon: counts.threads_daemon,
                peak: counts.threads_peak,
                started: counts.threads_started,
            }),
            classes: runtime.map(|counts| trace::Classes {
                loaded: counts.classes_loaded,
                unloaded: counts.classes_unloaded,
            }),
            pids: self.pids.as_ref().and_then(PidsFiles::read).map(pids),
            process: self.status(),
            cgroup: self.cgroup(with_stat),
            cpu: self.cpu(with_stat),
            psi: self.pressure.as_ref().map(psi),
            paging: self.paging(with_stat),
            netty: Vec::new(),
            flink: None,
            rocksdb: self.rocksdb.read(env),
            sites: Vec::new(),
            agent: trace::AgentCost::default(),
        }
    }

    /// Readings that failed although the source is there.
    pub(super) fn failed_reads(&self) -> u64 {
        self.failed_reads
    }

    fn ask_the_jvm(&mut self, env: &mut jni::Env<'_>) {
        let Some(management) = &self.management else {
            return;
        };
        let pools: Vec<_> = management.pools(env).into_iter().map(pool).collect();
        if pools.is_empty() {
            self.failed_reads += 1;
            return;
        }
        let collected = self.last.collectors.iter().any(|each| each.count > 0);
        self.last.after_gc_bytes = after_gc_bytes(&pools).filter(|_| collected);
        self.last.pools = pools;
    }

    /// Asks for the collectors' counts, for which no Java object is made.
    fn count_collections(&mut self, env: &mut jni::Env<'_>) {
        let Some(management) = &self.management else {
            return gc_clock::settle(|| None);
        };
        let mut collectors = Vec::new();
        gc_clock::settle(|| {
            collectors = management.collectors(env);
            let counts = collectors
                .iter()
                .filter(|each| counts_collections(&each.name));
            counts.map(|each| each.count).reduce(u64::saturating_add)
        });
        let collector = |counts: jvm::CollectorCounts| trace::Collector {
            name: counts.name,
            count: counts.count,
            time_ms: counts.time_ms,
        };
        self.last.collectors = collectors.into_iter().map(collector).collect();
    }

    fn direct(&mut self, env: &mut jni::Env<'_>) -> Option<trace::DirectMemory> {
        let counters = classes::bits()?.read(env).ok();
        self.failed_reads += u64::from(counters.is_none());
        counters.map(|counters| trace::DirectMemory {
            reserved_bytes: counters.reserved_bytes,
            capacity_bytes: counters.capacity_bytes,
            count: counters.count,
            max_bytes: Some(counters.max_bytes).filter(|&bytes| bytes > 0),
        })
    }

    #[allow(unsafe_code)]
    fn heap_totals(&self) -> Option<trace::Heap> {
        // SAFETY: the agent's thread is attached and in native code; it ends before the JVM leaves the live phase.
        let totals = unsafe { self.heap?.read() };
        Some(trace::Heap {
            used_bytes: totals.used_bytes,
            committed_bytes: totals.committed_bytes,
            max_bytes: totals.max_bytes,
            after_gc_bytes: None,
        })
    }

    fn status(&mut self) -> Option<trace::Process> {
        let status = self.status.as_ref()?.read();
        self.failed_reads += u64::from(status.is_none());
        status.map(|status| trace::Process {
            vm_rss_bytes: status.vm_rss_bytes,
            rss_anon_bytes: status.rss_anon_bytes,
            rss_file_bytes: status.rss_file_bytes,
            rss_shmem_bytes: status.rss_shmem_bytes,
            vm_swap_bytes: status.vm_swap_bytes,
            threads: status.threads,
        })
    }

    fn cgroup(&mut self, with_stat: bool) -> Option<trace::Cgroup> {
        let reading = self.cgroup.as_ref()?.read(with_stat);
        self.failed_reads += u64::from(reading.is_none());
        reading.map(cgroup)
    }

    fn cpu(&self, with_stat: bool) -> Option<trace::Cpu> {
        let process = clock::process_cpu()?;
        let cgroup = self.cgroup.as_ref().filter(|_| with_stat);
        let throttling = cgroup.and_then(Cgroup::throttling);
        Some(trace::Cpu {
            process_us: u64::try_from(process.as_micros()).unwrap_or(u64::MAX),
            throttled_us: throttling.map(|throttling| throttling.throttled_us),
            periods: throttling.map(|throttling| throttling.periods),
            throttled_periods: throttling.map(|throttling| throttling.throttled_periods),
        })
    }

    fn safepoints(&self, env: &mut jni::Env<'_>) -> Option<trace::Safepoints> {
        let safepoints = self.management.as_ref()?.safepoints(env)?;
        Some(trace::Safepoints {
            count: safepoints.count,
            stopped_ms: safepoints.stopped_ms,
            sync_ms: safepoints.sync_ms,
        })
    }

    fn paging(&mut self, with_host: bool) -> Option<trace::Paging> {
        let reading = self.paging.as_ref()?.read(with_host);
        self.failed_reads += u64::from(reading.is_none());
        reading.map(|reading| trace::Paging {
            major_faults: reading.major_faults,
            host_swapped_in_bytes: reading.host_swapped_in_bytes,
            host_swapped_out_bytes: reading.host_swapped_out_bytes,
        })
    }
}

fn off_heap_totals() -> trace::OffHeap {
    let totals = off_heap::Totals::read();
    let accounting = if off_heap::trusts_usable_size() {
        trace::Accounting::UsableSize
    } else {
        trace::Accounting::Table
    };
    trace::OffHeap {
        live_bytes: totals.live_bytes(),
        live_count: totals.live_count(),
        allocated_bytes: totals.allocated_bytes,
        allocated_count: totals.allocated_count,
        accounting,
        sampling_bytes: off_heap::losses().sampling_bytes,
    }
}

fn pool(usage: jvm::PoolUsage) -> trace::Pool {
    let kind = match usage.kind {
        jvm::PoolKind::Heap => trace::PoolKind::Heap,
        jvm::PoolKind::Metaspace => trace::PoolKind::Metaspace,
        jvm::PoolKind::ClassSpace => trace::PoolKind::ClassSpace,
        jvm::PoolKind::CodeCache => trace::PoolKind::CodeCache,
        jvm::PoolKind::Other => trace::PoolKind::Other,
    };
    trace::Pool {
        name: usage.name,
        kind,
        used_bytes: usage.used_bytes,
        committed_bytes: usage.committed_bytes,
        max_bytes: usage.max_bytes,
        after_gc_bytes: usage.after_gc_bytes,
    }
}

fn cgroup(reading: Reading) -> trace::Cgroup {
    trace::Cgroup {
        usage_bytes: reading.usage_bytes,
        limit_bytes: reading.limit_bytes,
        anon_bytes: reading.anon_bytes,
        file_bytes: reading.file_bytes,
        kernel_bytes: reading.kernel_bytes,
        swap_bytes: reading.swap_bytes,
        failcnt: reading.failcnt,
        events: reading.events.map(|events| trace::CgroupEvents {
            low: events.low,
            high: events.high,
            max: events.max,
            oom: events.oom,
        }),
        oom_kill: reading.oom_kill,
    }
}

fn pids(reading: Pids) -> trace::Pids {
    trace::Pids {
        current: reading.current,
        max: reading.max,
    }
}

fn psi(files: &PressureFiles) -> trace::Psi {
    let stall = |stall: pressure::Stall| trace::Stall {
        some_us: stall.some_us,
        full_us: stall.full_us,
    };
    let reading = files.read();
    trace::Psi {
        scope: match files.scope() {
            pressure::Scope::Cgroup => trace::PsiScope::Cgroup,
            pressure::Scope::Host => trace::PsiScope::Host,
        },
        cpu: reading.cpu.map(stall),
        memory: reading.memory.map(stall),
        io: reading.io.map(stall),
    }
}

/// Concurrent collectors count their pauses as well, under a name of their own; G1 the two of a marking cycle, which frees
/// next to nothing by itself.
fn counts_collections(collector: &str) -> bool {
    !collector.ends_with(" Pauses") && collector != "G1 Concurrent GC"
}

/// Used after the last collection of each pool. Before its first collection the JVM reports zero for a pool: collections of
/// the young generation alone say nothing of an old one that is in use, and so nothing of the whole.
fn after_gc_bytes(pools: &[trace::Pool]) -> Option<u64> {
    let is_old = |pool: &trace::Pool| pool.name.contains("Old") || pool.name.contains("Tenured");
    let heap = || {
        pools
            .iter()
            .filter(|pool| pool.kind == trace::PoolKind::Heap)
    };
    let uncollected = |pool: &trace::Pool| {
        is_old(pool) && pool.used_bytes > 0 && pool.after_gc_bytes.unwrap_or(0) == 0
    };
    if heap().any(uncollected) {
        return None;
    }
    heap()
        .filter_map(|pool| pool.after_gc_bytes)
        .reduce(u64::saturating_add)
}

/// What was in use after a collection is only learnt by asking, so it alone must not decide: a heap that was full once
/// would never be asked about again. What is in use now is known without asking, and is never less.
fn is_full(heap: trace::Heap, after_gc_bytes: Option<u64>) -> bool {
    let limit = heap.max_bytes as f64 * HEAP_IS_FULL;
    after_gc_bytes.is_some_and(|bytes| bytes.min(heap.used_bytes) as f64 > limit)
}

#[cfg(test)]
mod tests {
    use super::{counts_collections, is_full};

    #[test]
    fn a_heap_is_full_while_it_is_and_asked_about_again_afterwards() {
        let heap = |used_bytes| flinkmem_trace::Heap {
            used_bytes,
            max_bytes: 100,
            ..Default::default()
        };
        for (used, after_gc, full) in [
            (99, Some(97), true),
            (99, Some(60), false),
            (99, None, false),
            (40, Some(97), false),
        ] {
            assert_eq!(is_full(heap(used), after_gc), full, "{used} {after_gc:?}");
        }
    }

    #[test]
    fn a_cycle_counts_once_with_every_collector() {
        for (name, counts) in [
            ("G1 Young Generation", true),
            ("G1 Concurrent GC", false),
            ("PS MarkSweep", true),
            ("ZGC", true),
            ("ZGC Cycles", true),
            ("ZGC Minor Cycles", true),
            ("ZGC Major Pauses", false),
            ("Shenandoah Pauses", false),
        ] {
            assert_eq!(counts_collections(name), counts, "{name}");
        }
    }
}
