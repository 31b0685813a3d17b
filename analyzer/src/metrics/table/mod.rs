//! The table of signals: every metric once, by what it is about.
//!
//! A name of OpenTelemetry's semantic conventions (JVM, process, container; version 1.44) is used where it says the same; `flinkmem.…` where there is none or
//! where it would mislead. Which of theirs are left out, and why, is told in `docs/metrics.md`.

mod agent;
mod container;
mod direct;
mod findings;
mod flink;
mod jvm;
mod native;
mod process;
mod resident;
mod service;

use super::points::Points;
use super::signal::{Definition, Kind, Signal, Unit};
use super::view::{ServiceFigures, View};

/// How a signal of a process is read.
pub(in crate::metrics) type ReadProcess = fn(&View<'_>, &mut Points);
/// How a signal of the service is read.
pub(in crate::metrics) type ReadService = fn(&ServiceFigures, &mut Points);

/// Signals about one matter.
#[derive(Debug)]
pub struct Group {
    /// Heading in the documentation.
    pub title: &'static str,
    /// Whether they stay true when the process has ended.
    pub outlives_the_process: bool,
    /// The signals.
    pub signals: &'static [Signal<ReadProcess>],
}

/// All signals of a process.
#[must_use]
pub fn process_signals() -> &'static [Group] {
    const LIVING: bool = false;
    const STAYS: bool = true;
    const fn group(
        title: &'static str,
        outlives_the_process: bool,
        signals: &'static [Signal<ReadProcess>],
    ) -> Group {
        Group {
            title,
            outlives_the_process,
            signals,
        }
    }
    const GROUPS: &[Group] = &[
        group("Findings", STAYS, findings::SIGNALS),
        group(
            "Direct memory, and off-heap memory by call site",
            LIVING,
            direct::SIGNALS,
        ),
        group("JVM", LIVING, jvm::SIGNALS),
        group("Flink's and Netty's pools", LIVING, flink::SIGNALS),
        group("Native memory", LIVING, native::SIGNALS),
        group("Resident memory by owner", LIVING, resident::SIGNALS),
        group("Process", LIVING, process::SIGNALS),
        group("Container and host", LIVING, container::SIGNALS),
        group("Agent and trace", LIVING, agent::SIGNALS),
    ];
    GROUPS
}

/// All signals of the service.
#[must_use]
pub fn service_signals() -> &'static [Signal<ReadService>] {
    service::SIGNALS
}

const fn row<Read: Copy>(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
    read: Read,
) -> Signal<Read> {
    let definition = Definition {
        name,
        kind,
        unit,
        labels,
        help,
    };
    Signal { definition, read }
}

/// A size.
const fn bytes<Read: Copy>(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: Read,
) -> Signal<Read> {
    row(name, Kind::UpDownCounter, Unit::Bytes, labels, help, read)
}

/// A number of things that are there.
const fn number<Read: Copy>(
    name: &'static str,
    things: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: Read,
) -> Signal<Read> {
    row(
        name,
        Kind::UpDownCounter,
        Unit::Count(things),
        labels,
        help,
        read,
    )
}

/// A number of things so far.
const fn counter<Read: Copy>(
    name: &'static str,
    things: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: Read,
) -> Signal<Read> {
    row(name, Kind::Counter, Unit::Count(things), labels, help, read)
}

/// Bytes so far.
const fn bytes_so_far<Read: Copy>(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: Read,
) -> Signal<Read> {
    row(name, Kind::Counter, Unit::Bytes, labels, help, read)
}

/// Time so far.
const fn time<Read: Copy>(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: Read,
) -> Signal<Read> {
    row(name, Kind::Counter, Unit::Seconds, labels, help, read)
}

/// A value that cannot be added.
const fn gauge<Read: Copy>(
    name: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
    read: Read,
) -> Signal<Read> {
    row(name, Kind::Gauge, unit, labels, help, read)
}

/// Seconds of microseconds.
fn us(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// Seconds of milliseconds.
fn ms(millis: u64) -> f64 {
    millis as f64 / 1e3
}

/// Seconds since the epoch of milliseconds since the epoch.
fn epoch_s(millis: i64) -> f64 {
    millis as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn definitions() -> Vec<&'static Definition> {
        let of_processes = process_signals().iter().flat_map(|group| group.signals);
        let of_processes = of_processes.map(|signal| &signal.definition);
        let of_service = service_signals().iter().map(|signal| &signal.definition);
        of_processes.chain(of_service).collect()
    }

    #[test]
    fn every_name_is_there_once_in_both_spellings() {
        let all = definitions();
        let names: BTreeSet<_> = all.iter().map(|row| row.name).collect();
        let prometheus: BTreeSet<_> = all.iter().map(|row| row.prometheus_name()).collect();
        assert_eq!(names.len(), all.len());
        assert_eq!(prometheus.len(), all.len());
    }

    #[test]
    fn names_and_helps_are_fit_for_both_forms() {
        for row in definitions() {
            let letters =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
            assert!(row.name.chars().all(letters), "{}", row.name);
            assert!(
                !row.help.is_empty() && !row.help.contains('\n'),
                "{}",
                row.name
            );
            assert!(!row.help.ends_with('.'), "{}", row.name);
            // What Prometheus appends must not be there twice.
            assert!(
                !row.name.ends_with("total") && !row.name.ends_with("bytes"),
                "{}",
                row.name
            );
            if let Unit::Count(things) = row.unit {
                assert!(
                    things.starts_with('{') && things.ends_with('}'),
                    "{}",
                    row.name
                );
            }
        }
    }

    /// The conventions' own names, kinds and units, as their model files have them (version 1.44).
    #[test]
    fn borrowed_names_keep_kind_and_unit_of_the_conventions() {
        use Kind::{Counter, Gauge, Histogram, UpDownCounter};
        let conventions = [
            ("jvm.memory.used", UpDownCounter, "By"),
            ("jvm.memory.committed", UpDownCounter, "By"),
            ("jvm.memory.limit", UpDownCounter, "By"),
            ("jvm.memory.used_after_last_gc", UpDownCounter, "By"),
            ("jvm.gc.duration", Histogram, "s"),
            ("jvm.thread.count", UpDownCounter, "{thread}"),
            ("jvm.class.loaded", Counter, "{class}"),
            ("jvm.class.unloaded", Counter, "{class}"),
            ("jvm.class.count", UpDownCounter, "{class}"),
            ("jvm.cpu.time", Counter, "s"),
            ("jvm.buffer.memory.used", UpDownCounter, "By"),
            ("jvm.buffer.count", UpDownCounter, "{buffer}"),
            ("process.memory.usage", UpDownCounter, "By"),
            ("process.thread.count", UpDownCounter, "{thread}"),
            ("process.paging.faults", Counter, "{fault}"),
            ("process.uptime", Gauge, "s"),
            ("container.memory.usage", UpDownCounter, "By"),
            ("container.memory.available", UpDownCounter, "By"),
            ("container.memory.rss", UpDownCounter, "By"),
            ("container.memory.working_set", UpDownCounter, "By"),
        ];
        let borrowed: Vec<_> = definitions()
            .into_iter()
            .filter(|row| row.is_opentelemetry())
            .map(|row| (row.name, row.kind, row.unit.ucum()))
            .collect();
        assert_eq!(borrowed.len(), conventions.len());
        for row in conventions {
            assert!(borrowed.contains(&row), "{row:?}");
        }
    }

    #[test]
    fn prometheus_spells_units_and_counters_out() {
        let name = |wanted| {
            let all = definitions();
            all.iter()
                .find(|row| row.name == wanted)
                .unwrap()
                .prometheus_name()
        };
        assert_eq!(name("jvm.memory.used"), "jvm_memory_used_bytes");
        assert_eq!(name("jvm.cpu.time"), "jvm_cpu_time_seconds_total");
        assert_eq!(name("jvm.class.loaded"), "jvm_class_loaded_total");
        assert_eq!(name("jvm.gc.duration"), "jvm_gc_duration_seconds");
        assert_eq!(name("flinkmem.direct.limit"), "flinkmem_direct_limit_bytes");
        assert_eq!(
            name("flinkmem.finding.confidence"),
            "flinkmem_finding_confidence_ratio"
        );
    }
}
