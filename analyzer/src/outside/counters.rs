//! The counters that a HotSpot JVM publishes ([`PerfData`]), as a sample has them.
//!
//! `sun.gc.generation.<i>.space.<j>` are the spaces of the heap; collectors update most of them when they collect. `sun.gc.metaspace` stays
//! 0 until the first collection, which is not what is in use. Times of collectors are in ticks of `sun.os.hrt.frequency`.

use crate::attach::PerfData;
use flinkmem_trace::{Classes, Collector, Heap, Pool, PoolKind, Sample, Threads};

/// Generations, spaces of one and collectors are numbered; no collector has more.
const MOST: usize = 8;

/// Puts what the JVM publishes into a sample; `heap_max_bytes` is the limit in force, where it is known.
pub(super) fn put(data: &PerfData, heap_max_bytes: Option<u64>, sample: &mut Sample) {
    sample.heap = heap(data, heap_max_bytes);
    sample.pools = [
        (PoolKind::Metaspace, "Metaspace", "sun.gc.metaspace"),
        (
            PoolKind::ClassSpace,
            "Compressed Class Space",
            "sun.gc.compressedclassspace",
        ),
    ]
    .into_iter()
    .filter_map(|(kind, name, prefix)| pool(data, kind, name, prefix))
    .collect();
    sample.collectors = (0..MOST)
        .filter_map(|index| collector(data, index))
        .collect();
    sample.threads = threads(data);
    sample.classes = classes(data);
}

fn heap(data: &PerfData, max_bytes: Option<u64>) -> Option<Heap> {
    let mut heap = Heap::default();
    let mut limits = Vec::new();
    for generation in 0..MOST {
        let name = format!("sun.gc.generation.{generation}");
        let Some(capacity) = data.number(&format!("{name}.capacity")) else {
            break;
        };
        heap.committed_bytes = heap.committed_bytes.saturating_add(capacity);
        limits.extend(data.number(&format!("{name}.maxCapacity")));
        let used = (0..MOST).filter_map(|space| data.number(&format!("{name}.space.{space}.used")));
        heap.used_bytes = used.fold(heap.used_bytes, u64::saturating_add);
    }
    // Under G1 each generation may become the whole heap.
    let largest = limits.iter().copied().max()?;
    heap.max_bytes = max_bytes.unwrap_or(largest);
    Some(heap)
}

/// `None` as long as nothing was counted. Nothing is said about a limit: what these counters call maximum is address space.
fn pool(data: &PerfData, kind: PoolKind, name: &str, prefix: &str) -> Option<Pool> {
    let used_bytes = data
        .number(&format!("{prefix}.used"))
        .filter(|&used| used > 0)?;
    Some(Pool {
        name: name.to_owned(),
        kind,
        used_bytes,
        committed_bytes: data
            .number(&format!("{prefix}.capacity"))
            .unwrap_or(used_bytes),
        ..Pool::default()
    })
}

fn collector(data: &PerfData, index: usize) -> Option<Collector> {
    let prefix = format!("sun.gc.collector.{index}");
    let name = data.text(&format!("{prefix}.name"))?;
    let ticks = data.number(&format!("{prefix}.time"))?;
    let per_second = data.number("sun.os.hrt.frequency").filter(|&hz| hz > 0)?;
    let time_ms = u128::from(ticks) * 1000 / u128::from(per_second);
    Some(Collector {
        name: known_as(name).to_owned(),
        count: data.number(&format!("{prefix}.invocations"))?,
        time_ms: u64::try_from(time_ms).ok()?,
    })
}

/// The name that the JVM's management interface has for a collector.
fn known_as(name: &str) -> &str {
    match name {
        "G1 young collection pauses" | "G1 incremental collections" => "G1 Young Generation",
        "G1 full collection pauses" | "G1 stop-the-world full collections" => "G1 Old Generation",
        "G1 concurrent cycle pauses" | "G1 stop-the-world phases" => "G1 Concurrent GC",
        "MSC" | "Serial full collection pauses" => "MarkSweepCompact",
        "PSParallelCompact" | "Parallel full collection pauses" => "PS MarkSweep",
        other => other,
    }
}

fn threads(data: &PerfData) -> Option<Threads> {
    let number = |name: &str| data.number(&format!("java.threads.{name}"));
    Some(Threads {
        live: number("live")?,
        daemon: number("daemon")?,
        peak: number("livePeak")?,
        started: number("started")?,
    })
}

fn classes(data: &PerfData) -> Option<Classes> {
    let sum = |own: &str, shared: &str| {
        let number = |name: &str| data.number(&format!("java.cls.{name}"));
        Some(number(own)?.saturating_add(number(shared).unwrap_or(0)))
    };
    Some(Classes {
        loaded: sum("loadedClasses", "sharedLoadedClasses")?,
        unloaded: sum("unloadedClasses", "sharedUnloadedClasses")?,
    })
}
