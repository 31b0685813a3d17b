//! Any bytes as what a JVM says that is being attached to, and as names in the directory of traces: no panic.

#![no_main]

use flinkmem_analyzer::attach::fuzzing::parse_all;
use flinkmem_trace::layout::{DirectoryName, Segment};
use flinkmem_trace::control::AttachAnswer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    parse_all(data);
    let text = String::from_utf8_lossy(data);
    let _ = DirectoryName::parse(&text);
    if let Some(segment) = Segment::parse(&text) {
        assert_eq!(Segment::parse(&segment.file_name()), Some(segment));
    }
    if let Some(code) = data.first_chunk().map(|bytes| i32::from_le_bytes(*bytes)) {
        let _ = AttachAnswer::from_code(code);
    }
});
