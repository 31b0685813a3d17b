//! Traces that are read while they are written.

use super::{header, sample, sample_numbers};
use flinkmem_trace::*;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Room for some ten thousand samples: nothing is thinned, and a segment is closed after some hundred.
const ROOMY: u64 = 4 << 20;

fn writer(directory: &Path, budget: u64) -> TraceWriter {
    TraceWriter::create(directory, &header(), DiskBudget::new(budget)).unwrap()
}

fn pause(number: u64) -> Record {
    Record::Pause(Pause {
        up_ms: number,
        ..Pause::default()
    })
}

fn incident(number: u64) -> Record {
    Record::Incident(Box::new(Incident {
        up_ms: number,
        ..Incident::default()
    }))
}

/// What is new.
fn look(trace: &mut GrowingTrace) -> (Vec<Record>, Growth) {
    let mut records = Vec::new();
    let growth = trace.advance(|record| records.push(record)).unwrap();
    (records, growth)
}

fn plain(directory: &Path, index: u32) -> PathBuf {
    directory.join(layout::Segment::open(index).file_name())
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn as_line(record: &Record) -> Vec<u8> {
    let mut line = serde_json::to_vec(record).unwrap();
    line.push(b'\n');
    line
}

/// Each number once.
fn assert_each_once(mut numbers: Vec<u64>, expected: impl Iterator<Item = u64>) {
    numbers.sort_unstable();
    assert_eq!(numbers, expected.collect::<Vec<_>>());
}

fn pause_numbers(records: &[Record]) -> Vec<u64> {
    let of_pause = |record: &Record| match record {
        Record::Pause(pause) => Some(pause.up_ms),
        _ => None,
    };
    records.iter().filter_map(of_pause).collect()
}

#[test]
fn each_record_is_handed_out_once_however_seldom_one_looks() {
    const SAMPLES: u64 = 1500;
    for every in [1, 7, 90, 400, 1499] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(folder.path(), ROOMY);
        let mut trace = GrowingTrace::open(folder.path()).unwrap();
        let mut seen = Vec::new();
        for number in 1..=SAMPLES {
            writer.write(&sample(number)).unwrap();
            // Pauses of before the sample are written after it, so the order of times is not that of lines.
            if number.is_multiple_of(3) {
                writer.write(&pause(number - 1)).unwrap();
            }
            if number.is_multiple_of(500) {
                writer.write(&incident(number)).unwrap();
            }
            if number.is_multiple_of(every) {
                seen.extend(look(&mut trace).0);
            }
        }
        seen.extend(look(&mut trace).0);
        assert!(!plain(folder.path(), 3).exists(), "nothing was closed");
        assert_each_once(sample_numbers(&seen), 1..=SAMPLES);
        assert_each_once(pause_numbers(&seen), (2..SAMPLES).step_by(3));
        let incidents = seen.iter().filter(|it| matches!(it, Record::Incident(_)));
        assert_eq!(incidents.count(), 3);
        assert!(trace.damage().is_none(), "{:?}", trace.damage());
        assert_eq!(look(&mut trace), (Vec::new(), Growth::None));
    }
}

#[test]
fn what_was_closed_before_is_history_and_the_rest_follows_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), ROOMY);
    (1..=1000).for_each(|number| writer.write(&sample(number)).unwrap());
    let mut trace = GrowingTrace::open(folder.path()).unwrap();
    let (history, damage) = trace.history().records();
    assert!(damage.is_none());
    let history = sample_numbers(&history);
    assert!(history.len() > 500, "{}", history.len());
    // Between opening and the first look the open segment is closed.
    (1001..=1500).for_each(|number| writer.write(&sample(number)).unwrap());
    let followed = sample_numbers(&look(&mut trace).0);
    assert_each_once([history, followed].concat(), 1..=1500);
}

#[test]
fn history_that_is_given_up_between_two_looks_is_missed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), 0);
    let mut trace = GrowingTrace::open(folder.path()).unwrap();
    writer.write(&sample(1)).unwrap();
    let mut seen = look(&mut trace).0;
    let mut number = 1;
    while writer.stats().thinned_bytes == 0 {
        number += 1;
        writer.write(&sample(number)).unwrap();
    }
    seen.extend(look(&mut trace).0);
    let numbers = sample_numbers(&seen);
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len());
    let (on_disk, _) = TraceReader::open(folder.path()).unwrap().records();
    let missing: Vec<u64> = sample_numbers(&on_disk)
        .into_iter()
        .filter(|number| !distinct.contains(number))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_trace_is_followed_while_another_thread_writes_it() {
    const SAMPLES: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), 64 << 20);
    let mut trace = GrowingTrace::open(folder.path()).unwrap();
    let is_over = AtomicBool::new(false);
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..=SAMPLES).for_each(|number| writer.write(&sample(number)).unwrap());
            is_over.store(true, Ordering::Release);
        });
        loop {
            // In this order: what was written before the end is there to be read.
            let last = is_over.load(Ordering::Acquire);
            seen.extend(sample_numbers(&look(&mut trace).0));
            if last {
                break;
            }
        }
    });
    assert_each_once(seen, 1..=SAMPLES);
    assert!(trace.damage().is_none(), "{:?}", trace.damage());
}

#[test]
fn a_torn_last_line_is_read_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), ROOMY);
    writer.write(&sample(1)).unwrap();
    let mut trace = GrowingTrace::open(folder.path()).unwrap();
    look(&mut trace);
    let line = as_line(&sample(2));
    let segment = plain(folder.path(), 0);
    append(&segment, &line[..30]);
    assert_eq!(look(&mut trace), (Vec::new(), Growth::None));
    assert_eq!(trace.damage().torn_lines, 1);
    // All but its newline, as a full disk may leave it.
    append(&segment, &line[30..line.len() - 1]);
    assert_eq!(look(&mut trace), (vec![sample(2)], Growth::Grew));
    assert!(trace.damage().is_none());
    append(&segment, b"\n");
    append(&segment, &as_line(&sample(3)));
    assert_eq!(sample_numbers(&look(&mut trace).0), [3]);
}

#[test]
fn damage_is_skipped_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), ROOMY);
    let mut trace = GrowingTrace::open(folder.path()).unwrap();
    append(
        &plain(folder.path(), 0),
        b"\0\0\n[1,2]\n\n{\"kind\":\"new\"}\n",
    );
    writer.write(&sample(1)).unwrap();
    assert_eq!(sample_numbers(&look(&mut trace).0), [1]);
    (2..=1000).for_each(|number| writer.write(&sample(number)).unwrap());
    assert_each_once(sample_numbers(&look(&mut trace).0), 2..=1000);
    let expected = Damage {
        bad_lines: 2,
        unknown_kinds: 1,
        ..Damage::default()
    };
    assert_eq!(trace.damage(), expected);
}

#[test]
fn a_file_that_was_cut_short_or_replaced_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), ROOMY);
    (1..=20).for_each(|number| writer.write(&sample(number)).unwrap());
    let segment = plain(folder.path(), 0);
    let whole = fs::read(&segment).unwrap();

    let mut trace = GrowingTrace::open(folder.path()).unwrap();
    look(&mut trace);
    fs::write(&segment, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(look(&mut trace).1, Growth::Replaced);

    // As a tool does that copies a trace again and again.
    for file in [segment, folder.path().join(layout::FACTS)] {
        let mut trace = GrowingTrace::open(folder.path()).unwrap();
        look(&mut trace);
        let copy = folder.path().join("copy");
        fs::copy(&file, &copy).unwrap();
        fs::rename(&copy, &file).unwrap();
        assert_eq!(look(&mut trace).1, Growth::Replaced, "{file:?}");
    }
}

#[test]
fn a_directory_that_is_gone_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("trace");
    writer(&directory, ROOMY).write(&sample(1)).unwrap();
    let mut trace = GrowingTrace::open(&directory).unwrap();
    fs::remove_dir_all(&directory).unwrap();
    let error = trace.advance(|_| {}).unwrap_err().to_string();
    assert!(error.contains(directory.to_str().unwrap()), "{error}");
}

#[test]
fn a_pipe_that_takes_the_place_of_a_segment_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path(), ROOMY);
    writer.write(&sample(1)).unwrap();
    let mut trace = GrowingTrace::open(folder.path()).unwrap();
    let segment = plain(folder.path(), 0);
    fs::remove_file(&segment).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&segment).status();
    assert!(made.unwrap().success());
    assert_eq!(look(&mut trace), (Vec::new(), Growth::None));
}
