//! RocksDB, libraries, objects that hold native memory, the allocator.

use super::{ReadProcess, bytes, counter, number};
use crate::metrics::points::Points;
use crate::metrics::signal::Signal;
use crate::metrics::view::View;
use flinkmem_trace::{
    AllocatorFigures, Ledger, Libraries, NativeObjectClass, NativeObjects, RocksDb,
};
use std::cmp::Reverse;

/// Libraries and classes that are told apart.
const MOST: usize = 20;

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    number(
        "flinkmem.rocksdb.databases",
        "{database}",
        &[],
        "Open databases of RocksDB",
        |view, out| out.add(rocksdb(view).map(|it| it.databases)),
    ),
    bytes(
        "flinkmem.rocksdb.cache.capacity",
        &[],
        "Capacity of RocksDB's block caches",
        |view, out| out.add(rocksdb(view).map(|it| it.cache_capacity_bytes)),
    ),
    bytes(
        "flinkmem.rocksdb.cache.usage",
        &["state"],
        "What RocksDB's block caches hold, and what of it is pinned",
        |view, out| {
            out.add_with(
                &[("state", "used")],
                rocksdb(view).and_then(|it| it.cache_usage_bytes),
            );
            out.add_with(
                &[("state", "pinned")],
                rocksdb(view).and_then(|it| it.cache_pinned_bytes),
            );
        },
    ),
    bytes(
        "flinkmem.rocksdb.write_buffer.limit",
        &[],
        "Limits of RocksDB's write buffer managers",
        |view, out| out.add(rocksdb(view).map(|it| it.write_buffer_limit_bytes)),
    ),
    bytes(
        "flinkmem.rocksdb.memtables",
        &[],
        "RocksDB's memtables, active and not yet flushed",
        |view, out| out.add(rocksdb(view).and_then(|it| it.memtables_bytes)),
    ),
    number(
        "flinkmem.native_objects.live",
        "{object}",
        &["class"],
        "Java objects that hold native memory and were not disposed of, by class: the 20 classes with the most",
        |view, out| native_objects(view, out, live),
    ),
    counter(
        "flinkmem.native_objects.created",
        "{object}",
        &["class"],
        "Java objects that hold native memory and were created, of these classes",
        |view, out| native_objects(view, out, |class| class.created),
    ),
    bytes(
        "flinkmem.library.live",
        &["library"],
        "Live bytes of malloc by library, estimated from samples, with the agent's native=on only: the 20 largest; libjvm.so includes Unsafe's memory",
        libraries,
    ),
    bytes(
        "flinkmem.allocator",
        &["state"],
        "What malloc says of itself: resident, in_use, free",
        |view, out| {
            let Some(allocator) = allocator(view) else {
                return;
            };
            out.add_with(&[("state", "resident")], allocator.resident_bytes);
            out.add_with(&[("state", "in_use")], allocator.in_use_bytes);
            out.add_with(&[("state", "free")], allocator.free_bytes);
        },
    ),
    number(
        "flinkmem.allocator.arenas",
        "{arena}",
        &[],
        "Arenas of malloc",
        |view, out| out.add(allocator(view).and_then(|allocator| allocator.arenas)),
    ),
];

fn rocksdb(view: &View<'_>) -> Option<RocksDb> {
    view.latest(|m| m.rocksdb)
}

fn allocator<'a>(view: &View<'a>) -> Option<&'a AllocatorFigures> {
    view.case.evidence.last::<Ledger>()?.allocator.as_ref()
}

fn live(class: &NativeObjectClass) -> u64 {
    class.created.saturating_sub(class.disposed)
}

fn native_objects(view: &View<'_>, out: &mut Points, value: impl Fn(&NativeObjectClass) -> u64) {
    let Some(found) = view.case.evidence.last::<NativeObjects>() else {
        return;
    };
    let mut classes: Vec<_> = found.classes.iter().collect();
    classes.sort_by_key(|class| Reverse(live(class)));
    for class in classes.into_iter().take(MOST) {
        out.add_with(&[("class", &class.class)], value(class));
    }
}

fn libraries(view: &View<'_>, out: &mut Points) {
    let Some(found) = view.case.evidence.last::<Libraries>() else {
        return;
    };
    for library in found.libraries.iter().take(MOST) {
        out.add_with(&[("library", &library.name)], library.live_bytes);
    }
}
