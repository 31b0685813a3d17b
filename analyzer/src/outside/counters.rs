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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a JVM 17 with G1 and -Xmx200m, after four collections.
    const G1: &[(&str, i64)] = &[
        ("sun.gc.generation.0.capacity", 132_120_600),
        ("sun.gc.generation.0.maxCapacity", 209_715_224),
        ("sun.gc.generation.0.space.0.used", 59_768_832),
        ("sun.gc.generation.0.space.1.used", 0),
        ("sun.gc.generation.0.space.2.used", 792_608),
        ("sun.gc.generation.1.capacity", 77_594_632),
        ("sun.gc.generation.1.maxCapacity", 209_715_208),
        ("sun.gc.generation.1.space.0.used", 970_752),
        ("sun.gc.metaspace.capacity", 327_680),
        ("sun.gc.metaspace.used", 81_296),
        ("sun.gc.compressedclassspace.capacity", 0),
        ("sun.gc.compressedclassspace.used", 0),
        ("sun.gc.collector.0.invocations", 4),
        ("sun.gc.collector.0.time", 15_147_793),
        ("sun.os.hrt.frequency", 1_000_000_000),
        ("java.threads.live", 6),
        ("java.threads.daemon", 5),
        ("java.threads.livePeak", 7),
        ("java.threads.started", 8),
        ("java.cls.loadedClasses", 5),
        ("java.cls.sharedLoadedClasses", 403),
        ("java.cls.unloadedClasses", 1),
        ("java.cls.sharedUnloadedClasses", 2),
    ];

    fn sample(heap_max_bytes: Option<u64>) -> Sample {
        let texts = [("sun.gc.collector.0.name", "G1 young collection pauses")];
        let mut sample = Sample::default();
        put(&PerfData::of(G1, &texts), heap_max_bytes, &mut sample);
        sample
    }

    #[test]
    fn all_spaces_of_all_generations_are_the_heap() {
        let heap = sample(Some(200 << 20)).heap.unwrap();
        assert_eq!(heap.used_bytes, 59_768_832 + 792_608 + 970_752);
        assert_eq!(heap.committed_bytes, 132_120_600 + 77_594_632);
        assert_eq!(heap.max_bytes, 200 << 20);
        assert_eq!(heap.after_gc_bytes, None, "nobody says so");
        // Each generation may become the whole heap, so the sum would be twice as much.
        assert_eq!(sample(None).heap.unwrap().max_bytes, 209_715_224);
    }

    #[test]
    fn what_was_not_counted_yet_is_absent() {
        let pools = sample(None).pools;
        assert_eq!(pools.len(), 1, "{pools:?}");
        assert_eq!(pools[0].kind, PoolKind::Metaspace);
        assert_eq!(
            (pools[0].used_bytes, pools[0].committed_bytes),
            (81_296, 327_680)
        );
        let mut nothing = Sample::default();
        put(&PerfData::of(&[], &[]), Some(1), &mut nothing);
        assert_eq!(nothing, Sample::default());
    }

    #[test]
    fn collectors_have_their_known_names_and_milliseconds() {
        let expected = Collector {
            name: "G1 Young Generation".to_owned(),
            count: 4,
            time_ms: 15,
        };
        assert_eq!(sample(None).collectors, [expected]);
    }

    #[test]
    fn shared_classes_are_classes() {
        let sample = sample(None);
        let classes = sample.classes.unwrap();
        assert_eq!((classes.loaded, classes.unloaded), (408, 3));
        let threads = sample.threads.unwrap();
        let figures = (threads.live, threads.daemon, threads.peak, threads.started);
        assert_eq!(figures, (6, 5, 7, 8));
    }
}
