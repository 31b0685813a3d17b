//! Traces of killed JVMs, full disks and bad copies.

use super::{header, sample, sample_numbers};
use flinkmem_trace::*;
use proptest::prelude::*;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A trace with ten samples in one open segment; returns the segment's path.
fn ten_samples(directory: &Path) -> PathBuf {
    let mut writer = TraceWriter::create(directory, &header(), DiskBudget::new(0)).unwrap();
    for number in 0..10 {
        writer.write(&sample(number)).unwrap();
    }
    directory.join(layout::Segment::open(0).file_name())
}

fn append(path: &Path, bytes: &[u8]) {
    fs::OpenOptions::new()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

#[test]
fn a_torn_last_line_costs_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let segment = ten_samples(folder.path());
    append(&segment, br#"{"kind":"sample","t_ms":99,"up"#);
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert_eq!(sample_numbers(&records), (0..10).collect::<Vec<_>>());
    assert_eq!(
        damage,
        Damage {
            torn_lines: 1,
            ..Default::default()
        }
    );
}

#[test]
fn a_segment_that_could_not_be_begun_does_not_end_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = TraceWriter::create(folder.path(), &header(), DiskBudget::new(0)).unwrap();
    // As a full disk leaves it: made, but its header did not fit.
    let next = folder.path().join(layout::Segment::open(1).file_name());
    fs::write(next, br#"{"kind":"hea"#).unwrap();
    for number in 0..1000 {
        writer.write(&sample(number)).unwrap();
    }
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert_eq!(sample_numbers(&records), (0..1000).collect::<Vec<_>>());
    assert!(damage.is_none(), "{damage:?}");
}

#[test]
fn a_pipe_in_a_segments_place_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    ten_samples(folder.path());
    let pipe = folder.path().join(layout::Segment::open(1).file_name());
    let made = std::process::Command::new("mkfifo")
        .arg(pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert_eq!(sample_numbers(&records).len(), 10);
    assert_eq!(damage.broken_files, 1);
}

#[test]
fn garbage_in_the_middle_is_counted_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let segment = ten_samples(folder.path());
    append(
        &segment,
        b"\0\0\0\0\n[1,2]\n{\"kind\":\"sample\",\"t_ms\":\"no\"}\n\n",
    );
    append(
        &segment,
        serde_json::to_string(&sample(10)).unwrap().as_bytes(),
    );
    append(&segment, b"\n");
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert_eq!(sample_numbers(&records), (0..11).collect::<Vec<_>>());
    assert_eq!(
        damage,
        Damage {
            bad_lines: 3,
            ..Default::default()
        }
    );
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let segment = ten_samples(folder.path());
    append(&segment, &vec![b'x'; 9 << 20]);
    append(&segment, b"\n");
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert_eq!((records.len(), damage.bad_lines), (10, 1));
}

#[test]
fn records_and_fields_of_a_newer_minor_version_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let segment = ten_samples(folder.path());
    append(&segment, b"{\"kind\":\"from_the_future\",\"t_ms\":1}\n{\"kind\":\"sample\",\"t_ms\":11,\"up_ms\":10,\"from_the_future\":{\"some\":1}}\n");
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert_eq!(records.len(), 11);
    assert_eq!(
        damage,
        Damage {
            unknown_kinds: 1,
            ..Default::default()
        }
    );
}

#[test]
fn another_major_version_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let newer = Header {
        format: Format {
            major: FORMAT.major + 1,
            minor: 0,
        },
        ..header()
    };
    TraceWriter::create(folder.path(), &newer, DiskBudget::new(0)).unwrap();
    let error = TraceReader::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("use a flinkmem of the agent's version"),
        "{error}"
    );
}

#[test]
fn a_lost_facts_file_leaves_the_samples_readable() {
    let folder = tempfile::tempdir().unwrap();
    ten_samples(folder.path());
    fs::remove_file(folder.path().join(layout::FACTS)).unwrap();
    let reader = TraceReader::open(folder.path()).unwrap();
    assert_eq!(reader.header(), &header());
    assert_eq!(sample_numbers(&reader.records().0).len(), 10);
}

#[test]
fn of_two_forms_of_one_segment_one_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let segment = ten_samples(folder.path());
    let compressed = zstd::encode_all(fs::File::open(&segment).unwrap(), 1).unwrap();
    fs::write(folder.path().join("samples-000000.jsonl.zst"), &compressed).unwrap();
    assert_eq!(
        TraceReader::open(folder.path()).unwrap().records().0.len(),
        10
    );
    fs::remove_file(&segment).unwrap();
    assert_eq!(
        TraceReader::open(folder.path()).unwrap().records().0.len(),
        10
    );
}

#[test]
fn a_compressed_segment_cut_short_gives_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let segment = ten_samples(folder.path());
    let compressed = zstd::encode_all(fs::File::open(&segment).unwrap(), 1).unwrap();
    fs::remove_file(&segment).unwrap();
    fs::write(
        folder.path().join("samples-000000.jsonl.zst"),
        &compressed[..compressed.len() - 8],
    )
    .unwrap();
    let (_, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert_eq!(damage.broken_files, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_without_a_panic(garbage in proptest::collection::vec(any::<u8>(), 0..2000), name in "samples-00000[0-3]\\.(jsonl(\\.zst)?|(thin|rest)\\.jsonl\\.zst)") {
        let folder = tempfile::tempdir().unwrap();
        ten_samples(folder.path());
        fs::write(folder.path().join(name), &garbage).unwrap();
        if let Ok(reader) = TraceReader::open(folder.path()) {
            let _ = reader.records();
        }
    }

    #[test]
    fn a_trace_cut_at_any_byte_loses_only_what_was_cut(keep in 0.0_f64..1.0) {
        let folder = tempfile::tempdir().unwrap();
        let segment = ten_samples(folder.path());
        let bytes = fs::read(&segment).unwrap();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let cut = (bytes.len() as f64 * keep) as usize;
        fs::write(&segment, &bytes[..cut]).unwrap();
        let whole_lines = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
        let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
        // The first line is the header; a line that lost only its newline still counts.
        prop_assert!(records.len() + 1 >= whole_lines && records.len() <= whole_lines);
        prop_assert!(damage.bad_lines == 0 && damage.torn_lines <= 1);
    }
}
