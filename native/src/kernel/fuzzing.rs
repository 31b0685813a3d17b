//! The parsers of the kernel's files, for the fuzz target `kernel`; in builds with `--cfg fuzzing` only.

use super::smaps::Smaps;
use super::{cgroup, keyed, paging, pressure, processes, status};

/// Any bytes as each of the files.
pub fn parse_all(data: &[u8]) {
    let smaps = Smaps::parse(data);
    for mapping in smaps.mappings() {
        let _ = smaps.name(mapping);
        let _ = smaps.at(mapping.range.start);
    }
    let _ = smaps.rss_bytes();
    status::fuzz(data);
    let text = String::from_utf8_lossy(data);
    pressure::fuzz(&text);
    processes::fuzz(&text);
    paging::fuzz(&text);
    cgroup::fuzz(&text);
    for key in ["anon", "total_rss", "pswpin", ""] {
        let _ = keyed(&text, key);
    }
}
