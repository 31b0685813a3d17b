//! Any bytes as the files of a trace: no panic, whatever is in them, and a report of what could be read. The first byte says which file they are:
//! facts, an open segment, a compressed one with these lines, or a compressed one of garbage.

#![no_main]

use flinkmem_analyzer::budget::{Budget, Peaks};
use flinkmem_analyzer::case::{Case, Surroundings};
use flinkmem_analyzer::report::{Report, to_text};
use flinkmem_trace::Record;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::fs;

const HEADER: &[u8] = br#"{"kind":"header","format":{"major":1,"minor":0},"t_ms":1767225600000,"up_ms":0,"host":"tm","pid":7,"flink":{"process":"tm","version":"1.20.5","options":{"taskmanager.memory.framework.heap.size":"134217728b","taskmanager.memory.task.heap.size":"125829115b","taskmanager.memory.framework.off-heap.size":"134217728b","taskmanager.memory.task.off-heap.size":"0b","taskmanager.memory.network.min":"78852916b","taskmanager.memory.network.max":"78852916b","taskmanager.memory.managed.size":"315411665b","taskmanager.memory.jvm-metaspace.size":"268435456b","taskmanager.memory.jvm-overhead.min":"201326592b","taskmanager.memory.jvm-overhead.max":"201326592b"}}}
"#;

thread_local! {
    static DIRECTORY: RefCell<tempfile::TempDir> = RefCell::new(tempfile::tempdir_in("/dev/shm").expect("no /dev/shm"));
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    for line in rest.split(|&byte| byte == b'\n') {
        let _ = serde_json::from_slice::<Record>(line);
    }
    DIRECTORY.with_borrow(|directory| {
        let path = directory.path().join("flinkmem-tm-7-20260101T000000Z");
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("cannot write");
        let text = [HEADER, rest].concat();
        let (name, bytes) = match first % 4 {
            0 => ("facts.jsonl", text),
            1 => ("samples-000000.jsonl", text),
            2 => ("samples-000000.jsonl.zst", zstd::encode_all(text.as_slice(), 1).unwrap_or_default()),
            _ => ("samples-000000.jsonl.zst", rest.to_vec()),
        };
        fs::write(path.join(name), bytes).expect("cannot write");
        let Ok(case) = Case::read(&path) else { return };
        let here = Surroundings::default();
        let report = Report::of(&case, &here);
        assert!(report.findings.iter().all(|finding| (0.0..=1.0).contains(&finding.confidence)));
        let _ = to_text(&report);
        let _ = report.to_json(false).expect("plain data");
        let _ = Peaks::measured(&case, Budget::recorded(&case.observed).as_ref());
    });
});
