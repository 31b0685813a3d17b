//! Flink's own accounts, those of Netty, and the budget.

use super::{ReadProcess, bytes, counter, number};
use crate::budget::BudgetLine;
use crate::metrics::points::Points;
use crate::metrics::signal::Signal;
use crate::metrics::view::View;
use flinkmem_trace::{NettyCopy, NetworkPool, Slot};

const COMPONENT: &[&str] = &["component"];
const COPY: &[&str] = &["package", "copy"];
const STATE: &[&str] = &["state"];

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    bytes(
        "flinkmem.budget.configured",
        COMPONENT,
        "Bytes meant for each pool of Flink's memory model",
        |view, out| budget(view, out, |line| line.configured),
    ),
    bytes(
        "flinkmem.budget.used",
        COMPONENT,
        "Bytes in use of each pool of Flink's memory model, where they are measured",
        |view, out| budget(view, out, |line| line.used),
    ),
    bytes(
        "flinkmem.budget.peak",
        COMPONENT,
        "Most bytes that were in use of each pool of Flink's memory model",
        |view, out| budget(view, out, |line| line.peak),
    ),
    number(
        "flinkmem.network.segments",
        "{segment}",
        STATE,
        "Segments of Flink's network buffer pool: total, available (not lent to a task), required by the tasks at the least",
        |view, out| {
            let Some(pool) = network(view) else { return };
            out.add_with(&[("state", "total")], pool.segments_total);
            out.add_with(&[("state", "available")], pool.segments_available);
            out.add_with(&[("state", "required")], pool.segments_required);
        },
    ),
    bytes(
        "flinkmem.network.segment.size",
        &[],
        "Size of a segment of Flink's network buffer pool",
        |view, out| out.add(network(view).map(|pool| pool.segment_bytes)),
    ),
    bytes(
        "flinkmem.managed.memory",
        STATE,
        "Managed memory of the slots that were given to jobs: total, and reserved of it",
        |view, out| {
            let Some(flink) = view.flink() else { return };
            let sum = |bytes: &dyn Fn(&Slot) -> Option<u64>| {
                let known = flink.slots.iter().filter_map(bytes);
                known.reduce(u64::saturating_add)
            };
            let reserved = |slot: &Slot| {
                Some(
                    slot.managed_bytes?
                        .saturating_sub(slot.managed_available_bytes?),
                )
            };
            out.add_with(&[("state", "total")], sum(&|slot| slot.managed_bytes));
            out.add_with(&[("state", "reserved")], sum(&reserved));
        },
    ),
    number(
        "flinkmem.slots",
        "{slot}",
        STATE,
        "Slots of a TaskManager: total, and taken by jobs",
        |view, out| {
            let Some(flink) = view.flink() else { return };
            let Some(total) = flink.slots_total else {
                return;
            };
            out.add_with(&[("state", "total")], total);
            out.add_with(&[("state", "taken")], u64::try_from(flink.slots.len()).ok());
        },
    ),
    counter(
        "flinkmem.tasks",
        "{task}",
        &["event"],
        "Tasks that were started and that ended in a TaskManager, as far as samples saw them",
        |view, out| {
            let Some(flink) = view.flink() else { return };
            out.add_with(&[("event", "started")], flink.tasks_started);
            out.add_with(&[("event", "ended")], flink.tasks_ended);
        },
    ),
    number(
        "flinkmem.jobs",
        "{job}",
        &[],
        "Jobs: with tasks here in a TaskManager, known to the dispatcher in a JobManager",
        |view, out| {
            out.add(
                view.flink()
                    .and_then(|flink| u64::try_from(flink.jobs.len()).ok()),
            )
        },
    ),
    counter(
        "flinkmem.job.restarts",
        "{restart}",
        &["job"],
        "Restarts of each job that a JobManager counted",
        |view, out| jobs(view, out, |job| job.restarts),
    ),
    counter(
        "flinkmem.job.checkpoints.failed",
        "{checkpoint}",
        &["job"],
        "Checkpoints of each job that failed, as a JobManager counted",
        |view, out| jobs(view, out, |job| job.checkpoints_failed),
    ),
    number(
        "flinkmem.task_managers",
        "{task_manager}",
        &[],
        "TaskManagers that are registered with this JobManager",
        |view, out| out.add(view.flink().and_then(|flink| flink.task_managers)),
    ),
    bytes(
        "flinkmem.netty.used",
        COPY,
        "Bytes in Netty's buffers without a cleaner, which the JVM does not count, by copy of Netty",
        |view, out| netty(view, out, |copy| copy.used_bytes),
    ),
    bytes(
        "flinkmem.netty.limit",
        COPY,
        "Limit that a copy of Netty holds these buffers against",
        |view, out| netty(view, out, |copy| copy.max_bytes),
    ),
];

fn budget(view: &View<'_>, out: &mut Points, value: impl Fn(&BudgetLine) -> Option<u64>) {
    for line in &view.report.budget {
        out.add_with(&[("component", line.component)], value(line));
    }
}

fn network(view: &View<'_>) -> Option<NetworkPool> {
    view.flink()?.network
}

fn jobs(view: &View<'_>, out: &mut Points, value: impl Fn(&flinkmem_trace::Job) -> Option<u64>) {
    for job in view.flink().map_or(&[][..], |flink| &flink.jobs) {
        out.add_with(&[("job", &job.id)], value(job));
    }
}

fn netty(view: &View<'_>, out: &mut Points, value: impl Fn(&NettyCopy) -> Option<u64>) {
    let copies = view
        .case
        .timeline
        .inside
        .last()
        .map_or(&[][..], |inside| &inside.netty);
    for copy in copies {
        let id = copy.id.to_string();
        out.add_with(&[("package", &copy.package), ("copy", &id)], value(copy));
    }
}
