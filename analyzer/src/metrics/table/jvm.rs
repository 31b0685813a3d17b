//! What the JVM says of itself.

use super::{ReadProcess, bytes, counter, gauge, ms, number, row, time, us};
use crate::metrics::points::{Points, Value};
use crate::metrics::signal::{Kind, Signal, Unit};
use crate::metrics::view::View;
use flinkmem_trace::{Pool, PoolKind};

const POOL: &[&str] = &["jvm.memory.pool.name", "jvm.memory.type"];

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    bytes(
        "jvm.memory.used",
        POOL,
        "Used bytes of each memory pool of the JVM, garbage included",
        |view, out| pools(view, out, |pool| Some(pool.used_bytes)),
    ),
    bytes(
        "jvm.memory.committed",
        POOL,
        "Committed bytes of each memory pool of the JVM",
        |view, out| pools(view, out, |pool| Some(pool.committed_bytes)),
    ),
    bytes(
        "jvm.memory.limit",
        POOL,
        "Limit of each memory pool of the JVM that has one",
        |view, out| pools(view, out, |pool| pool.max_bytes),
    ),
    bytes(
        "jvm.memory.used_after_last_gc",
        POOL,
        "Used bytes of each memory pool after the last collection of that pool",
        |view, out| pools(view, out, |pool| pool.after_gc_bytes),
    ),
    bytes(
        "flinkmem.heap.used",
        &[],
        "Used bytes of the Java heap, garbage included; known also while the heap is so full that the JVM is not asked for its pools",
        |view, out| out.add(view.latest(|m| Some(m.heap?.used_bytes))),
    ),
    bytes(
        "flinkmem.heap.limit",
        &[],
        "Limit of the Java heap",
        |view, out| out.add(view.latest(|m| Some(m.heap?.max_bytes))),
    ),
    bytes(
        "flinkmem.heap.live",
        &[],
        "Bytes of the Java heap that the last collection of each pool left: the live set, as old as the last collection of the old generation",
        |view, out| out.add(view.latest(|m| m.heap?.after_gc_bytes)),
    ),
    row(
        "jvm.gc.duration",
        Kind::Histogram,
        Unit::Seconds,
        &["jvm.gc.name"],
        "Collections of each collector and the time they took, without buckets: the JVM tells totals",
        collectors,
    ),
    counter(
        "flinkmem.gc.pauses",
        "{pause}",
        &[],
        "Stops of all Java threads for a collection; a concurrent collection has several",
        |view, out| out.add(view.latest(|m| Some(m.pauses?.count))),
    ),
    time(
        "flinkmem.gc.pause.time",
        &[],
        "Time in these stops",
        |view, out| out.add(view.latest(|m| Some(us(m.pauses?.total_us)))),
    ),
    gauge(
        "flinkmem.gc.pause.longest",
        Unit::Seconds,
        &[],
        "The longest of these stops in the minute before the last sample",
        |view, out| out.add(view.largest(|m| Some(m.pauses?.longest_us)).map(us)),
    ),
    counter(
        "flinkmem.safepoints",
        "{safepoint}",
        &[],
        "Stops of all Java threads, whatever for",
        |view, out| out.add(view.latest(|m| Some(m.safepoints?.count))),
    ),
    time(
        "flinkmem.safepoint.time",
        &["phase"],
        "Time of these stops: stopped, and waited until the last thread had stopped",
        |view, out| {
            let stopped = view.latest(|m| Some(ms(m.safepoints?.stopped_ms)));
            let sync = view.latest(|m| Some(ms(m.safepoints?.sync_ms)));
            out.add_with(&[("phase", "stopped")], stopped);
            out.add_with(&[("phase", "sync")], sync);
        },
    ),
    number(
        "jvm.thread.count",
        "{thread}",
        &["jvm.thread.daemon"],
        "Java threads that live",
        |view, out| {
            let threads = view.latest(|m| m.threads);
            let daemon = threads.map(|threads| threads.daemon);
            let user = threads.map(|threads| threads.live.saturating_sub(threads.daemon));
            out.add_with(&[("jvm.thread.daemon", "true")], daemon);
            out.add_with(&[("jvm.thread.daemon", "false")], user);
        },
    ),
    counter(
        "flinkmem.thread.started",
        "{thread}",
        &[],
        "Java threads that were started: those that end again are in it too",
        |view, out| out.add(view.latest(|m| Some(m.threads?.started))),
    ),
    number(
        "jvm.class.count",
        "{class}",
        &[],
        "Classes that are loaded now",
        |view, out| {
            let classes = view.latest(|m| m.classes);
            out.add(classes.map(|classes| classes.loaded.saturating_sub(classes.unloaded)));
        },
    ),
    counter(
        "jvm.class.loaded",
        "{class}",
        &[],
        "Classes that were loaded since the JVM started",
        |view, out| out.add(view.latest(|m| Some(m.classes?.loaded))),
    ),
    counter(
        "jvm.class.unloaded",
        "{class}",
        &[],
        "Classes that were unloaded since the JVM started",
        |view, out| out.add(view.latest(|m| Some(m.classes?.unloaded))),
    ),
    number(
        "flinkmem.class_loaders",
        "{class_loader}",
        &["state"],
        "Live class loaders that are not the JDK's own: of jobs, plugins and generated code; closed ones, whose job has ended, among the largest 32",
        class_loaders,
    ),
    time(
        "jvm.cpu.time",
        &[],
        "CPU time of the process, user and system, as the kernel counts it",
        |view, out| out.add(view.latest(|m| Some(us(m.cpu?.process_us)))),
    ),
];

fn pools(view: &View<'_>, out: &mut Points, value: impl Fn(&Pool) -> Option<u64>) {
    for pool in &view.case.timeline.named.pools {
        let kind = match pool.kind {
            PoolKind::Heap => "heap",
            PoolKind::Metaspace | PoolKind::ClassSpace | PoolKind::CodeCache | PoolKind::Other => {
                "non_heap"
            }
        };
        let labels = [
            ("jvm.memory.pool.name", pool.name.as_str()),
            ("jvm.memory.type", kind),
        ];
        out.add_with(&labels, value(pool));
    }
}

fn collectors(view: &View<'_>, out: &mut Points) {
    for collector in &view.case.timeline.named.collectors {
        let value = Value::Summed {
            count: collector.count,
            sum: ms(collector.time_ms),
        };
        out.add_with(&[("jvm.gc.name", &collector.name)], value);
    }
}

fn class_loaders(view: &View<'_>, out: &mut Points) {
    let Some(census) = view.case.evidence.last::<flinkmem_trace::Loaders>() else {
        return;
    };
    let closed = census
        .loaders
        .iter()
        .filter(|loader| loader.closed == Some(true))
        .count();
    let closed = u32::try_from(closed).unwrap_or(u32::MAX);
    out.add_with(&[("state", "closed")], closed);
    out.add_with(
        &[("state", "open")],
        census.user_loaders.saturating_sub(closed),
    );
}
