//! cgroup version 2, the unified hierarchy.
//! Fields as in the kernel's Documentation/admin-guide/cgroup-v2.rst.

use super::{Events, Reading};
use crate::kernel::{keyed, read as read_text, read_number};
use std::path::{Path, PathBuf};

pub(super) fn read(directories: &[PathBuf], with_stat: bool) -> Option<Reading> {
    let own = directories.first()?;
    // The root cgroup has no memory.current, and accounts nothing that could be limited.
    let usage_bytes = read_number(&own.join("memory.current"))?;
    // "max" does not parse as a number, so it is no limit.
    let limits = directories
        .iter()
        .filter_map(|directory| read_number(&directory.join("memory.max")));
    let stat = with_stat
        .then(|| read_text(&own.join("memory.stat")))
        .flatten();
    let of_stat = |key| stat.as_deref().and_then(|stat| keyed(stat, key));
    let events = read_text(&own.join("memory.events"));
    let of_events = |key| events.as_deref().and_then(|events| keyed(events, key));
    Some(Reading {
        usage_bytes,
        limit_bytes: limits.min(),
        anon_bytes: of_stat("anon"),
        file_bytes: of_stat("file"),
        kernel_bytes: of_stat("kernel"),
        swap_bytes: read_number(&own.join("memory.swap.current")),
        failcnt: None,
        events: events.is_some().then(|| Events {
            low: of_events("low").unwrap_or(0),
            high: of_events("high").unwrap_or(0),
            max: of_events("max").unwrap_or(0),
            oom: of_events("oom").unwrap_or(0),
        }),
        oom_kill: of_events("oom_kill"),
    })
}

pub(super) fn cpu_quota(directory: &Path) -> Option<f64> {
    let text = read_text(&directory.join("cpu.max"))?;
    let mut parts = text.split_ascii_whitespace().map(str::parse::<u64>);
    let quota = parts.next()?.ok()?;
    let period = parts.next()?.ok().filter(|&period| period > 0)?;
    Some(quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The files of a limited container, as a 6.1 kernel shows them.
    fn tree(root: &Path) -> Vec<PathBuf> {
        let own = root.join("container");
        fs::create_dir(&own).unwrap();
        for (file, text) in [
            ("memory.current", "1073278976\n"),
            ("memory.max", "1073741824\n"),
            ("memory.swap.current", "4096\n"),
            (
                "memory.events",
                "low 1\nhigh 2\nmax 51738\noom 3\noom_kill 4\noom_group_kill 0\n",
            ),
            (
                "memory.stat",
                "anon 805306368\nfile 201326592\nkernel 66646016\nkernel_stack 4456448\nfile_mapped 1\n",
            ),
            ("cpu.max", "250000 100000\n"),
            ("cpu.stat", "usage_usec 1\nthrottled_usec 77\n"),
        ] {
            fs::write(own.join(file), text).unwrap();
        }
        fs::write(root.join("memory.max"), "max\n").unwrap();
        vec![own, root.to_path_buf()]
    }

    #[test]
    fn every_file_of_a_limited_container_is_read() {
        let root = tempfile::tempdir().unwrap();
        let expected = Reading {
            usage_bytes: 1_073_278_976,
            limit_bytes: Some(1_073_741_824),
            anon_bytes: Some(805_306_368),
            file_bytes: Some(201_326_592),
            kernel_bytes: Some(66_646_016),
            swap_bytes: Some(4096),
            failcnt: None,
            events: Some(Events {
                low: 1,
                high: 2,
                max: 51_738,
                oom: 3,
            }),
            oom_kill: Some(4),
        };
        assert_eq!(read(&tree(root.path()), true), Some(expected));
    }

    #[test]
    fn max_is_no_limit() {
        let root = tempfile::tempdir().unwrap();
        let directories = tree(root.path());
        fs::write(directories[0].join("memory.max"), "max\n").unwrap();
        assert_eq!(read(&directories, false).unwrap().limit_bytes, None);
    }

    #[test]
    fn a_quota_is_in_processors_and_max_is_none() {
        let root = tempfile::tempdir().unwrap();
        let own = &tree(root.path())[0];
        assert_eq!(cpu_quota(own), Some(2.5));
        fs::write(own.join("cpu.max"), "max 100000\n").unwrap();
        assert_eq!(cpu_quota(own), None);
    }
}
