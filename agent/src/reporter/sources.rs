//! All sources of a sample, opened once.

use crate::agent::Moment;
use crate::{classes, gc_clock, off_heap};
use flinkmem_native::jvm::{self, HeapTotalsReader, Management, jni};
use flinkmem_native::kernel::cgroup::{Cgroup, Reading};
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
        Self {
            cgroup: process.as_ref().and_then(Cgroup::find),
            process,
            management: classes::found(env, Management::find),
            heap: HeapTotalsReader::find(),
            status: StatusFile::open(),
            last: LastOfTheJvm::default(),
            failed_reads: 0,
        }
    }

    /// Reads everything. `with_stat` adds the cgroup's `memory.stat`, which the kernel sums up over all processors, and
    /// `cpu.stat`.
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
            process: self.status(),
            cgroup: self.cgroup(with_stat),
            cpu: self.cpu(with_stat),
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
        let collectors = management.collectors(env).into_iter();
        let collectors: Vec<_> = collectors
            .map(|counts| trace::Collector {
                name: counts.name,
                count: counts.count,
                time_ms: counts.time_ms,
            })
            .collect();
        if pools.is_empty() {
            self.failed_reads += 1;
            return;
        }
        // Before the first collection the JVM reports zero after it.
        let collected = collectors.iter().any(|collector| collector.count > 0);
        let after_gc = pools
            .iter()
            .filter_map(|pool| pool.after_gc_bytes)
            .reduce(u64::saturating_add);
        self.last = LastOfTheJvm {
            pools,
            collectors,
            after_gc_bytes: after_gc.filter(|_| collected),
        };
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
        let throttled_us = cgroup.and_then(Cgroup::throttled_us);
        Some(trace::Cpu {
            process_us: u64::try_from(process.as_micros()).unwrap_or(u64::MAX),
            throttled_us,
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

/// What was in use after a collection is only learnt by asking, so it alone must not decide: a heap that was full once
/// would never be asked about again. What is in use now is known without asking, and is never less.
fn is_full(heap: trace::Heap, after_gc_bytes: Option<u64>) -> bool {
    let limit = heap.max_bytes as f64 * HEAP_IS_FULL;
    after_gc_bytes.is_some_and(|bytes| bytes.min(heap.used_bytes) as f64 > limit)
}

#[cfg(test)]
mod tests {
    use super::is_full;

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
}
