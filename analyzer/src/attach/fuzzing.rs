//! What a JVM says that is being attached to, for the fuzz target `attach`; in builds with `--cfg fuzzing` only.

use super::{perf_data, protocol};

/// Any bytes as the JVM's performance data, and as its answer.
pub fn parse_all(data: &[u8]) {
    let _ = perf_data::PerfData::parse(data).map(|data| data.says_attachable());
    if let Some(answer) = protocol::Answer::parse(&String::from_utf8_lossy(data)) {
        let _ = answer.return_code();
    }
}
