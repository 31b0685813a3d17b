//! The container, by its cgroup, and the host.

use super::{ReadProcess, bytes, bytes_so_far, counter, gauge, number, time, us};
use crate::case::Moment;
use crate::metrics::points::Points;
use crate::metrics::signal::{Signal, Unit};
use crate::metrics::view::View;
use flinkmem_trace::{Cgroup, HostMemory, PsiScope, Stall, Surroundings};

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    bytes(
        "container.memory.usage",
        &[],
        "Memory that the container is charged for, page cache included",
        |view, out| out.add(cgroup(view, |cgroup| Some(cgroup.usage_bytes))),
    ),
    bytes(
        "flinkmem.container.memory.limit",
        &[],
        "The lowest memory limit of the container's cgroup and its ancestors",
        |view, out| out.add(limit(view)),
    ),
    bytes(
        "container.memory.working_set",
        &[],
        "Usage less the page cache that is reclaimed first, as Kubernetes counts it; taken rarely",
        |view, out| out.add(working_set(view)),
    ),
    bytes(
        "container.memory.available",
        &[],
        "Limit less working set",
        |view, out| {
            let left = |limit: u64| Some(limit.saturating_sub(working_set(view)?));
            out.add(limit(view).and_then(left));
        },
    ),
    bytes(
        "container.memory.rss",
        &[],
        "Anonymous memory of all processes in the container",
        |view, out| out.add(cgroup(view, |cgroup| cgroup.anon_bytes)),
    ),
    bytes(
        "flinkmem.container.memory.part",
        &["part"],
        "Parts of the container's usage: file (page cache), kernel, swap",
        |view, out| {
            out.add_with(
                &[("part", "file")],
                cgroup(view, |cgroup| cgroup.file_bytes),
            );
            out.add_with(
                &[("part", "kernel")],
                cgroup(view, |cgroup| cgroup.kernel_bytes),
            );
            out.add_with(
                &[("part", "swap")],
                cgroup(view, |cgroup| cgroup.swap_bytes),
            );
        },
    ),
    counter(
        "flinkmem.container.memory.limit_hits",
        "{hit}",
        &[],
        "How often the container's usage met its limit and something had to be reclaimed",
        |view, out| {
            let hits = |cgroup: Cgroup| cgroup.failcnt.or(cgroup.events.map(|events| events.max));
            out.add(cgroup(view, hits));
        },
    ),
    counter(
        "flinkmem.container.oom_kills",
        "{kill}",
        &[],
        "Processes of the container that the kernel killed for want of memory",
        |view, out| out.add(cgroup(view, |cgroup| cgroup.oom_kill)),
    ),
    gauge(
        "flinkmem.container.cpu.quota",
        Unit::Count("{cpu}"),
        &[],
        "CPU quota of the container, in processors",
        |view, out| out.add(view.case.header.system.cpu_quota),
    ),
    time(
        "flinkmem.container.cpu.throttled.time",
        &[],
        "Time that the container was held back by its CPU quota",
        |view, out| out.add(view.latest(|m| Some(us(m.cpu?.throttled_us?)))),
    ),
    counter(
        "flinkmem.container.cpu.periods",
        "{period}",
        &["state"],
        "Periods of the CPU quota in which something wanted to run (all), and those whose quota was used up (throttled)",
        |view, out| {
            out.add_with(&[("state", "all")], view.latest(|m| m.cpu?.periods));
            out.add_with(
                &[("state", "throttled")],
                view.latest(|m| m.cpu?.throttled_periods),
            );
        },
    ),
    number(
        "flinkmem.pids.current",
        "{thread}",
        &[],
        "Threads of all processes under the pids limit that is nearest to being met",
        |view, out| out.add(view.latest(|m| Some(m.pids?.current))),
    ),
    number(
        "flinkmem.pids.limit",
        "{thread}",
        &[],
        "That limit, pids.max",
        |view, out| out.add(view.latest(|m| Some(m.pids?.max))),
    ),
    time(
        "flinkmem.psi.stalled.time",
        &["resource", "kind", "scope"],
        "Time in which some or all (full) tasks of the cgroup or the host waited for cpu, memory or io",
        pressure,
    ),
    bytes(
        "flinkmem.neighbours.memory",
        &[],
        "Resident memory of other processes in the container",
        |view, out| {
            let around = view.case.evidence.last::<Surroundings>();
            out.add(
                around
                    .and_then(|it| it.neighbours)
                    .map(|it| it.vm_rss_bytes),
            );
        },
    ),
    bytes(
        "flinkmem.host.memory",
        &["state"],
        "Memory of the host: total, and available without swapping",
        |view, out| {
            out.add_with(
                &[("state", "total")],
                host(view).map(|host| host.total_bytes),
            );
            out.add_with(
                &[("state", "available")],
                host(view).and_then(|host| host.available_bytes),
            );
        },
    ),
    bytes_so_far(
        "flinkmem.host.swapped",
        &["direction"],
        "Bytes that the host read back from swap (in) and wrote to it (out)",
        |view, out| {
            let swapped_in = view.latest(|m| m.paging?.host_swapped_in_bytes);
            let swapped_out = view.latest(|m| m.paging?.host_swapped_out_bytes);
            out.add_with(&[("direction", "in")], swapped_in);
            out.add_with(&[("direction", "out")], swapped_out);
        },
    ),
];

fn cgroup(view: &View<'_>, value: impl Fn(Cgroup) -> Option<u64>) -> Option<u64> {
    if !view.is_in_container() {
        return None;
    }
    view.latest(|m| value(m.cgroup?))
}

fn limit(view: &View<'_>) -> Option<u64> {
    cgroup(view, |cgroup| cgroup.limit_bytes)
}

fn host(view: &View<'_>) -> Option<HostMemory> {
    view.case.evidence.last::<Surroundings>()?.host
}

/// Usage and page cache of one and the same moment.
fn working_set(view: &View<'_>) -> Option<u64> {
    let around = view.case.evidence.last::<Surroundings>()?;
    let inactive = around.cgroup?.inactive_file_bytes?;
    let then: &Moment = view.case.timeline.at_or_before(around.taken.up_ms)?;
    let is_in_container = view.is_in_container();
    is_in_container.then(|| Some(then.cgroup?.usage_bytes.saturating_sub(inactive)))?
}

fn pressure(view: &View<'_>, out: &mut Points) {
    let Some(psi) = view.latest(|m| m.psi) else {
        return;
    };
    let scope = match psi.scope {
        PsiScope::Cgroup => "cgroup",
        PsiScope::Host => "host",
    };
    for (resource, stall) in [("cpu", psi.cpu), ("memory", psi.memory), ("io", psi.io)] {
        let full = |stall: Stall| stall.full_us;
        let waits = [
            ("some", stall.map(|stall| stall.some_us)),
            ("full", stall.and_then(full)),
        ];
        for (kind, waited) in waits {
            let labels = [("resource", resource), ("kind", kind), ("scope", scope)];
            out.add_with(&labels, waited.map(us));
        }
    }
}
