//! cgroup version 1: the `memory` and `cpu` controllers' own hierarchies.
//! Fields as in the kernel's Documentation/admin-guide/cgroup-v1/memory.rst.

use super::Reading;
use crate::kernel::{keyed, read as read_text, read_number};
use std::path::{Path, PathBuf};

/// Without a limit the kernel reports the largest multiple of the page size; no machine has this much.
const NO_LIMIT_BYTES: u64 = 1 << 62;

pub(super) fn read(directories: &[PathBuf], with_stat: bool) -> Option<Reading> {
    let own = directories.first()?;
    let usage_bytes = read_number(&own.join("memory.usage_in_bytes"))?;
    let limits = directories
        .iter()
        .filter_map(|directory| read_number(&directory.join("memory.limit_in_bytes")));
    let stat = with_stat
        .then(|| read_text(&own.join("memory.stat")))
        .flatten();
    let of_stat = |key| stat.as_deref().and_then(|stat| keyed(stat, key));
    Some(Reading {
        usage_bytes,
        limit_bytes: limits.min().filter(|&limit| limit < NO_LIMIT_BYTES),
        anon_bytes: of_stat("total_rss").or_else(|| of_stat("rss")),
        file_bytes: of_stat("total_cache").or_else(|| of_stat("cache")),
        swap_bytes: of_stat("total_swap").or_else(|| of_stat("swap")),
        kernel_bytes: with_stat
            .then(|| read_number(&own.join("memory.kmem.usage_in_bytes")))
            .flatten(),
        failcnt: read_number(&own.join("memory.failcnt")),
        events: None,
        oom_kill: read_text(&own.join("memory.oom_control"))
            .and_then(|text| keyed(&text, "oom_kill")),
    })
}

pub(super) fn cpu_quota(directory: &Path) -> Option<f64> {
    // -1 is no quota and does not parse as an unsigned number.
    let quota = read_number(&directory.join("cpu.cfs_quota_us"))?;
    let period = read_number(&directory.join("cpu.cfs_period_us")).filter(|&period| period > 0)?;
    Some(quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The files of a limited container, as a 5.10 kernel shows them.
    fn tree(root: &Path) -> Vec<PathBuf> {
        let own = root.join("pod");
        fs::create_dir(&own).unwrap();
        for (file, text) in [
            ("memory.usage_in_bytes", "1048567808\n"),
            ("memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory.failcnt", "51738\n"),
            (
                "memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            ),
            ("memory.kmem.usage_in_bytes", "7340032\n"),
            (
                "memory.stat",
                "cache 12288\nrss 4096\nswap 0\nhierarchical_memory_limit 1048576000\ntotal_cache 524288000\ntotal_rss 516554752\ntotal_swap 0\n",
            ),
            ("cpu.cfs_quota_us", "150000\n"),
            ("cpu.cfs_period_us", "100000\n"),
        ] {
            fs::write(own.join(file), text).unwrap();
        }
        fs::write(root.join("memory.limit_in_bytes"), "1048576000\n").unwrap();
        vec![own, root.to_path_buf()]
    }

    #[test]
    fn the_lowest_limit_of_the_ancestors_counts() {
        let root = tempfile::tempdir().unwrap();
        let reading = read(&tree(root.path()), true).unwrap();
        let expected = Reading {
            usage_bytes: 1_048_567_808,
            limit_bytes: Some(1_048_576_000),
            anon_bytes: Some(516_554_752),
            file_bytes: Some(524_288_000),
            kernel_bytes: Some(7_340_032),
            swap_bytes: Some(0),
            failcnt: Some(51_738),
            events: None,
            oom_kill: Some(2),
        };
        assert_eq!(reading, expected);
    }

    #[test]
    fn a_cgroup_without_a_limit_has_none() {
        let root = tempfile::tempdir().unwrap();
        let directories = tree(root.path());
        assert_eq!(read(&directories[..1], false).unwrap().limit_bytes, None);
    }

    #[test]
    fn a_vanished_cgroup_is_no_reading() {
        assert_eq!(read(&[PathBuf::from("/nowhere")], true), None);
    }

    #[test]
    fn a_quota_is_in_processors_and_minus_one_is_none() {
        let root = tempfile::tempdir().unwrap();
        let own = &tree(root.path())[0];
        assert_eq!(cpu_quota(own), Some(1.5));
        fs::write(own.join("cpu.cfs_quota_us"), "-1\n").unwrap();
        assert_eq!(cpu_quota(own), None);
    }
}
