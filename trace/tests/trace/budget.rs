//! Rotation, compression, thinning: the trace keeps within its disk budget and keeps what matters.

use super::{disk_bytes, header, sample, sample_numbers};
use flinkmem_trace::*;

const BUDGET: u64 = DiskBudget::SMALLEST_BYTES;

fn incident(id: u32) -> Record {
    Record::Incident(Box::new(Incident {
        id,
        message: Some("x".repeat(1000)),
        ..Default::default()
    }))
}

#[test]
fn a_long_life_stays_within_the_budget_at_every_instant() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    for number in 0..200_000 {
        writer.write(&sample(number)).unwrap();
        if number % 100 == 0 {
            assert!(disk_bytes(folder.path()) <= BUDGET, "after sample {number}");
            assert_eq!(writer.stats().disk_bytes, disk_bytes(folder.path()));
        }
    }
    assert!(writer.stats().thinned_bytes > 0);
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert!(damage.is_none(), "{damage:?}");
    let numbers = sample_numbers(&records);
    let newest_in_a_row = numbers
        .windows(2)
        .rev()
        .take_while(|pair| pair[1] == pair[0] + 1)
        .count();
    assert_eq!(numbers.last(), Some(&199_999));
    assert!(
        newest_in_a_row > 500,
        "the newest samples are all there: {newest_in_a_row}"
    );
    assert!(
        199_999 - numbers[0] > 2 * newest_in_a_row as u64,
        "older samples are thinned, so history reaches further back"
    );
}

#[test]
fn incidents_outlive_all_samples_around_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    writer.write(&incident(1)).unwrap();
    for number in 0..200_000 {
        writer.write(&sample(number)).unwrap();
    }
    let (records, _) = TraceReader::open(folder.path()).unwrap().records();
    assert!(records.contains(&incident(1)));
    assert!(
        !sample_numbers(&records).contains(&0),
        "the samples of that time are gone"
    );
}

#[test]
fn too_many_incidents_are_refused_and_counted_and_leave_room_for_samples() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    let written = (0..10_000)
        .filter(|&id| writer.write(&incident(id)).is_ok())
        .count();
    assert!(written > 100 && written < 10_000);
    assert_eq!(writer.stats().dropped_records, 10_000 - written as u64);
    writer.write(&sample(1)).unwrap();
    assert!(disk_bytes(folder.path()) <= BUDGET);
}

#[test]
fn evidence_leaves_room_for_incidents_and_the_newest_of_it_is_kept() {
    let evidence = |number| {
        Record::Surroundings(Box::new(Surroundings {
            taken: Taken {
                occasion: Occasion::Incident,
                up_ms: number,
                ..Taken::default()
            },
            ..Surroundings::default()
        }))
    };
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    for number in 0..20_000 {
        writer.write(&evidence(number)).unwrap();
    }
    for id in 0..50 {
        writer.write(&incident(id)).unwrap();
    }
    assert!(disk_bytes(folder.path()) <= BUDGET);
    let (records, damage) = TraceReader::open(folder.path()).unwrap().records();
    assert!(damage.is_none(), "{damage:?}");
    for kept in [evidence(0), evidence(19_999), incident(0), incident(49)] {
        assert!(records.contains(&kept), "{kept:?}");
    }
}

#[test]
fn the_end_is_written_however_many_incidents_there_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    // Each a byte shorter than the one that did not fit, so that the last one fills the share to the byte.
    for length in (0..5000).rev() {
        let incident = Record::Incident(Box::new(Incident {
            message: Some("x".repeat(length)),
            ..Default::default()
        }));
        while writer.write(&incident).is_ok() {}
    }
    writer.write(&Record::End(End::default())).unwrap();
    let (records, _) = TraceReader::open(folder.path()).unwrap().records();
    assert!(records.contains(&Record::End(End::default())));
}

#[test]
fn sites_leave_room_for_incidents() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    let site = |id| {
        Record::Site(Site {
            id,
            frames: vec![Frame {
                class: "c".repeat(500),
                ..Default::default()
            }],
            ..Default::default()
        })
    };
    assert!(
        (0..10_000).any(|id| writer.write(&site(id)).is_err()),
        "sites have a bounded share"
    );
    writer.write(&incident(1)).unwrap();
}

#[test]
fn snapshots_leave_room_for_incidents_and_are_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    let taken = Taken {
        occasion: Occasion::Demand,
        ..Default::default()
    };
    for up_ms in 0..10_000 {
        let taken = Taken { up_ms, ..taken };
        let asked_for = Record::Loaders(Box::new(Loaders {
            taken,
            ..Default::default()
        }));
        writer.write(&asked_for).unwrap();
    }
    writer.write(&incident(1)).unwrap();
    let (records, _) = TraceReader::open(folder.path()).unwrap().records();
    let up_ms: Vec<u64> = records
        .iter()
        .filter_map(|record| Some(record.taken()?.up_ms))
        .collect();
    assert!(
        up_ms.contains(&0) && up_ms.contains(&9_999),
        "{}",
        up_ms.len()
    );
}

#[test]
fn every_segment_can_be_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(BUDGET)).unwrap();
    for number in 0..5_000 {
        writer.write(&sample(number)).unwrap();
    }
    let segments = layout::Segment::list(folder.path()).unwrap();
    assert!(segments.len() > 5);
    assert!(
        segments
            .iter()
            .rev()
            .skip(1)
            .all(|segment| segment.form != layout::Form::Plain),
        "closed segments are compressed"
    );
    for segment in segments {
        let alone = tempfile::tempdir().unwrap();
        std::fs::copy(
            folder.path().join(segment.file_name()),
            alone.path().join(segment.file_name()),
        )
        .unwrap();
        assert_eq!(TraceReader::open(alone.path()).unwrap().header(), &header());
    }
}

#[test]
fn a_closed_segment_is_one_sample_in_ten_and_the_rest_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TraceWriter::create(folder.path(), &header(), DiskBudget::new(64 << 20)).unwrap();
    for number in 0..10_000 {
        writer.write(&sample(number)).unwrap();
        if number % 100 == 0 {
            let event = Event {
                t_ms: i64::try_from(number).unwrap(),
                ..Event::default()
            };
            writer.write(&Record::Event(event)).unwrap();
        }
    }
    let reader = TraceReader::open(folder.path()).unwrap();
    let (all, damage) = reader.records();
    assert!(damage.is_none(), "{damage:?}");
    assert_eq!(sample_numbers(&all), (0..10_000).collect::<Vec<_>>());

    let closed = |file: TraceFile| {
        file.segment()
            .is_some_and(|segment| segment.form != layout::Form::Plain)
    };
    let rests = reader.only(TraceFile::is_rest).records().0;
    let thin = reader
        .only(|file| closed(file) && !file.is_rest())
        .records()
        .0;
    let events = |records: &[Record]| {
        records
            .iter()
            .filter(|record| matches!(record, Record::Event(_)))
            .count()
    };
    assert_eq!(events(&rests), 0, "the rest is samples only");
    let (thin_samples, rest_samples) = (sample_numbers(&thin).len(), sample_numbers(&rests).len());
    let share = thin_samples * 100 / (thin_samples + rest_samples);
    assert!(
        (10..=12).contains(&share),
        "{thin_samples} and {rest_samples}"
    );
    assert!(events(&thin) * 100 >= thin_samples + rest_samples - 100);
}
