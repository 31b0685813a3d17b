//! What the service says of itself.

use super::{ReadService, counter, gauge, number, time};
use crate::metrics::signal::{Signal, Unit};

pub(super) const SIGNALS: &[Signal<ReadService>] = &[
    number(
        "flinkmem.serve.processes",
        "{process}",
        &["state"],
        "Processes that are shown: running, and ended ones that are kept for a while",
        |figures, out| {
            let ended = figures.processes.saturating_sub(figures.running);
            out.add_with(&[("state", "running")], figures.running);
            out.add_with(&[("state", "ended")], ended);
        },
    ),
    number(
        "flinkmem.serve.traces.skipped",
        "{trace}",
        &["why"],
        "Traces that are not shown: unreadable, or left_out for there are too many",
        |figures, out| {
            out.add_with(&[("why", "unreadable")], figures.unreadable);
            out.add_with(&[("why", "left_out")], figures.left_out);
        },
    ),
    counter(
        "flinkmem.serve.rounds",
        "{round}",
        &[],
        "Rounds in which all traces were read and judged",
        |figures, out| out.add(figures.rounds),
    ),
    time(
        "flinkmem.serve.round.time",
        &[],
        "Time that these rounds took",
        |figures, out| out.add(figures.rounds_s),
    ),
    gauge(
        "flinkmem.serve.last_round.timestamp",
        Unit::Seconds,
        &[],
        "When the last round began, seconds since the epoch",
        |figures, out| out.add(figures.last_round_s),
    ),
    counter(
        "flinkmem.serve.otlp.exports",
        "{export}",
        &["result"],
        "Exports by OTLP: accepted, and dropped after all attempts",
        |figures, out| {
            out.add_with(&[("result", "accepted")], figures.exported);
            out.add_with(&[("result", "dropped")], figures.dropped);
        },
    ),
];
