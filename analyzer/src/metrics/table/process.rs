//! The process as the kernel sees it.

use super::{ReadProcess, bytes, counter, gauge, number};
use crate::metrics::signal::{Signal, Unit};

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    bytes(
        "process.memory.usage",
        &[],
        "Resident memory of the process",
        |view, out| out.add(view.latest(|m| Some(m.process?.vm_rss_bytes))),
    ),
    bytes(
        "flinkmem.process.memory.resident",
        &["kind"],
        "Resident memory of the process: anonymous, of files, shared",
        |view, out| {
            let process = view.latest(|m| m.process);
            out.add_with(&[("kind", "anon")], process.map(|it| it.rss_anon_bytes));
            out.add_with(&[("kind", "file")], process.map(|it| it.rss_file_bytes));
            out.add_with(&[("kind", "shmem")], process.map(|it| it.rss_shmem_bytes));
        },
    ),
    bytes(
        "flinkmem.process.memory.swap",
        &[],
        "Memory of the process that is swapped out",
        |view, out| out.add(view.latest(|m| Some(m.process?.vm_swap_bytes))),
    ),
    number(
        "process.thread.count",
        "{thread}",
        &[],
        "Threads of the kernel, so also those that are not Java's",
        |view, out| out.add(view.latest(|m| Some(m.process?.threads))),
    ),
    counter(
        "process.paging.faults",
        "{fault}",
        &["system.paging.fault.type"],
        "Page faults that had to wait for a disk",
        |view, out| {
            let faults = view.latest(|m| Some(m.paging?.major_faults));
            out.add_with(&[("system.paging.fault.type", "major")], faults);
        },
    ),
    gauge(
        "process.uptime",
        Unit::Seconds,
        &[],
        "Time from the start of the process to the last sample",
        |view, out| {
            let age_ms = |last: i64| last.saturating_sub(view.case.header.start_ms).max(0);
            out.add(view.last_sample_ms().map(age_ms).map(super::epoch_s));
        },
    ),
    number(
        "flinkmem.descendants",
        "{process}",
        &[],
        "Children of the process and theirs",
        |view, out| {
            let around = view.case.evidence.last::<flinkmem_trace::Surroundings>();
            out.add(around.and_then(|it| it.descendants).map(|it| it.count));
        },
    ),
    bytes(
        "flinkmem.descendants.memory",
        &[],
        "Resident memory of these; what several have mapped is counted in each",
        |view, out| {
            let around = view.case.evidence.last::<flinkmem_trace::Surroundings>();
            out.add(
                around
                    .and_then(|it| it.descendants)
                    .map(|it| it.vm_rss_bytes),
            );
        },
    ),
];
