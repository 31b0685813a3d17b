//! What is written is what is read.

use super::{header, sample};
use flinkmem_trace::*;

fn one_of_each() -> Vec<Record> {
    let frame = Frame {
        class: "com.acme.Enricher".into(),
        method: "open".into(),
        line: Some(42),
        loader: Some("child".into()),
    };
    let site = Site {
        t_ms: 1,
        id: 7,
        frames: vec![frame.clone()],
        truncated: true,
        ..Default::default()
    };
    let event = Event {
        t_ms: 3,
        event: EventKind::ErrorMessage,
        incident: Some(1),
        message: Some("päng \"\n".into()),
        ..Default::default()
    };
    let incident = Incident {
        t_ms: 4,
        id: 1,
        incident: IncidentKind::DirectSlowPath,
        frames: vec![frame],
        requested_bytes: Some(1 << 40),
        sites: vec![SiteUse {
            id: 7,
            live_bytes: u64::MAX,
            ..Default::default()
        }],
        ..Default::default()
    };
    let end = End {
        t_ms: 5,
        ..Default::default()
    };
    vec![
        Record::Site(site),
        sample(2),
        Record::Event(event),
        Record::Incident(Box::new(incident)),
        Record::End(end),
    ]
}

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("flinkmem-tm-0-4711-x");
    let mut writer = TraceWriter::create(&directory, &header(), DiskBudget::new(0)).unwrap();
    for record in one_of_each() {
        writer.write(&record).unwrap();
    }
    let reader = TraceReader::open(&directory).unwrap();
    let (records, damage) = reader.records();
    assert_eq!(reader.header(), &header());
    assert_eq!(records, one_of_each());
    assert!(damage.is_none(), "{damage:?}");
}

#[test]
fn every_line_is_a_json_object_with_a_kind_and_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("trace");
    let mut writer = TraceWriter::create(&directory, &header(), DiskBudget::new(0)).unwrap();
    for record in one_of_each() {
        writer.write(&record).unwrap();
    }
    let mut lines = 0;
    for file in std::fs::read_dir(&directory).unwrap() {
        for line in std::fs::read_to_string(file.unwrap().path())
            .unwrap()
            .lines()
        {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(
                value["kind"].is_string() && value["t_ms"].is_i64(),
                "{line}"
            );
            lines += 1;
        }
    }
    assert_eq!(
        lines,
        2 + one_of_each().len(),
        "two files with a header each"
    );
}

#[test]
fn a_trace_is_found_by_its_own_path_and_by_its_parents() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["flinkmem-a-1-x", "flinkmem-b-2-x"].map(|name| folder.path().join(name));
    for name in &names {
        TraceWriter::create(name, &header(), DiskBudget::new(0)).unwrap();
    }
    std::fs::create_dir(folder.path().join("other")).unwrap();
    assert_eq!(find_traces(folder.path()).unwrap(), names);
    assert_eq!(find_traces(&names[1]).unwrap(), names[1..]);
    let error = find_traces(&folder.path().join("other"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("other holds no trace"), "{error}");
}

#[test]
fn a_trace_is_never_written_into_an_existing_one() {
    let folder = tempfile::tempdir().unwrap();
    TraceWriter::create(folder.path(), &header(), DiskBudget::new(0)).unwrap();
    assert!(TraceWriter::create(folder.path(), &header(), DiskBudget::new(0)).is_err());
}
