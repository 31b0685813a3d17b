//! Long lives: what an overview of old history leaves out, and what it must not.

use flinkmem_analyzer::case::{Case, Moment, Surroundings};
use flinkmem_analyzer::report::Report;
use flinkmem_trace::{
    Collector, DirectMemory, DiskBudget, Header, Heap, Incident, IncidentKind, Pauses, Process,
    Record, Sample, TraceWriter,
};
use std::path::Path;

const MIB: u64 = 1 << 20;
const HOURS_S: u64 = 3 * 3600;

/// A sample of a process whose heap is a sawtooth with a rare spike and whose direct memory leaks.
fn sample(second: u64) -> Sample {
    let spike = match second {
        2_003 => 400 * MIB,
        _ => 0,
    };
    let leaked = second * 12 * 1024;
    Sample {
        t_ms: 1_767_225_600_000 + second as i64 * 1000,
        up_ms: second * 1000,
        direct: Some(DirectMemory {
            capacity_bytes: 20 * MIB + leaked + second % 7 * 4096,
            max_bytes: Some(160 * MIB),
            ..DirectMemory::default()
        }),
        heap: Some(Heap {
            used_bytes: 100 * MIB + second % 60 * MIB + spike,
            committed_bytes: 700 * MIB,
            max_bytes: 700 * MIB,
            after_gc_bytes: Some(90 * MIB),
        }),
        collectors: vec![Collector {
            name: "G1 Old Generation".to_owned(),
            count: second / 60,
            time_ms: second,
        }],
        pauses: Some(Pauses {
            count: second / 60,
            collections: second / 60,
            longest_us: if second == 5_001 { 9_000_000 } else { 1_000 },
            total_us: second * 100,
        }),
        process: Some(Process {
            vm_rss_bytes: 900 * MIB + second * 7919 % MIB,
            ..Process::default()
        }),
        ..Sample::default()
    }
}

/// Three hours in a small budget, so with many segments; an incident in the first hour.
fn write(directory: &Path) {
    let header = Header {
        t_ms: 1_767_225_600_000,
        host: "tm-0".to_owned(),
        pid: 4711,
        ..Header::default()
    };
    let mut writer = TraceWriter::create(directory, &header, DiskBudget::new(8 * MIB)).unwrap();
    for second in 0..HOURS_S {
        writer
            .write(&Record::Sample(Box::new(sample(second))))
            .unwrap();
        if second == 3_000 {
            let incident = Incident {
                id: 1,
                incident: IncidentKind::DirectSlowPath,
                up_ms: second * 1000,
                t_ms: 1_767_225_600_000 + second as i64 * 1000,
                ..Incident::default()
            };
            writer.write(&Record::Incident(Box::new(incident))).unwrap();
        }
    }
}

#[test]
fn an_overview_has_every_peak_and_all_that_led_to_an_incident_and_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("flinkmem-tm-0-4711-20260101T000000Z");
    write(&directory);
    let whole = Case::read_whole(&directory).unwrap();
    let overview = Case::read(&directory).unwrap();
    assert!(overview.is_overview && !whole.is_overview);
    assert_eq!(whole.timeline.ticks, HOURS_S);
    let ticks = overview.timeline.ticks;
    assert!((HOURS_S / 10..HOURS_S / 2).contains(&ticks), "{ticks}");

    let figures: [fn(&Moment) -> Option<u64>; 4] = [
        |moment| Some(moment.direct?.capacity_bytes),
        |moment| Some(moment.heap?.used_bytes),
        |moment| Some(moment.process?.vm_rss_bytes),
        |moment| Some(moment.pauses?.longest_us),
    ];
    for figure in figures {
        assert_eq!(overview.timeline.peak(figure), whole.timeline.peak(figure));
    }

    let near = |case: &Case, from_s: u64, to_s: u64| {
        let seconds = case
            .timeline
            .moments
            .iter()
            .map(|moment| moment.up_ms / 1000);
        seconds
            .filter(|second| (from_s..to_s).contains(second))
            .count() as u64
    };
    assert!(near(&overview, 2_880, 3_060) >= 180, "before the incident");
    assert!(
        near(&overview, HOURS_S - 600, HOURS_S) >= 600,
        "before the end"
    );
    assert!(near(&overview, 6_000, 7_000) < 200, "in between");
}

#[test]
fn an_overview_is_judged_as_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("flinkmem-tm-0-4711-20260101T000000Z");
    write(&directory);
    let here = Surroundings {
        now_ms: i64::MAX,
        host: "elsewhere".to_owned(),
    };
    let judge = |case: &Case| {
        let report = Report::of(case, &here);
        let findings = report.findings.iter();
        findings
            .map(|finding| (finding.label, finding.severity))
            .collect::<Vec<_>>()
    };
    let whole = judge(&Case::read_whole(&directory).unwrap());
    assert_eq!(judge(&Case::read(&directory).unwrap()), whole);
    assert!(!whole.is_empty(), "the leak is seen");
}
