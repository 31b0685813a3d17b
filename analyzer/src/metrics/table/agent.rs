//! What the agent costs and loses, and how whole the trace is.

use super::{ReadProcess, bytes, counter, gauge, number, time, us};
use crate::metrics::points::Points;
use crate::metrics::signal::{Signal, Unit};
use crate::metrics::view::View;
use flinkmem_trace::AgentCost;

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    time(
        "flinkmem.agent.cpu.time",
        &[],
        "CPU time of the agent's thread",
        |view, out| out.add(agent(view, |cost| us(cost.cpu_us))),
    ),
    bytes(
        "flinkmem.agent.memory",
        &["kind"],
        "Memory of the agent: its tables in use, and what it has allocated beside them",
        |view, out| {
            out.add_with(&[("kind", "tables")], agent(view, |cost| cost.memory_bytes));
            out.add_with(&[("kind", "heap")], agent(view, |cost| cost.heap_bytes));
        },
    ),
    bytes(
        "flinkmem.agent.disk",
        &[],
        "Size of the trace on disk",
        |view, out| out.add(agent(view, |cost| cost.disk_bytes)),
    ),
    gauge(
        "flinkmem.agent.tick",
        Unit::Seconds,
        &[],
        "Time that the last sample took",
        |view, out| out.add(agent(view, |cost| us(cost.tick_us))),
    ),
    counter(
        "flinkmem.agent.late_ticks",
        "{tick}",
        &[],
        "Samples that came more than half an interval late",
        |view, out| out.add(agent(view, |cost| cost.late_ticks)),
    ),
    counter(
        "flinkmem.agent.dropped",
        "{drop}",
        &["what"],
        "What the agent could not write down or found no room for: records, samples, stacks, sizes, incidents, pauses",
        dropped,
    ),
    counter(
        "flinkmem.agent.failed_reads",
        "{read}",
        &[],
        "Sources that could not be read at some sample",
        |view, out| out.add(agent(view, |cost| cost.failed_reads)),
    ),
    number(
        "flinkmem.trace.damage",
        "{damage}",
        &["what"],
        "What could not be read of the trace: lines that are no record, torn last lines, files that ended in an error",
        |view, out| {
            let damage = view.case.damage;
            out.add_with(&[("what", "bad_lines")], damage.bad_lines);
            out.add_with(&[("what", "torn_lines")], damage.torn_lines);
            out.add_with(&[("what", "broken_files")], damage.broken_files);
        },
    ),
];

fn agent<T>(view: &View<'_>, value: impl Fn(&AgentCost) -> T) -> Option<T> {
    view.latest(|m| Some(value(&m.agent)))
}

fn dropped(view: &View<'_>, out: &mut Points) {
    let Some(cost) = agent(view, |cost| *cost) else {
        return;
    };
    let drops = [
        ("records", cost.dropped_records),
        ("samples", cost.dropped_samples),
        ("stacks", cost.dropped_stacks),
        ("sizes", cost.dropped_sizes),
        ("incidents", cost.dropped_incidents),
        ("pauses", cost.dropped_pauses),
    ];
    for (what, count) in drops {
        out.add_with(&[("what", what)], count);
    }
}
