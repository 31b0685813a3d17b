//! cgroup version 1: the `memory` and `cpu` controllers' own hierarchies.
//! Fields as in the kernel's Documentation/admin-guide/cgroup-v1/memory.rst.

use super::{Reading, Throttling};
use crate::kernel::kept::KeptFile;
use crate::kernel::{keyed, read_number};
use std::path::{Path, PathBuf};

/// Without a limit the kernel reports the largest multiple of the page size; no machine has this much.
const NO_LIMIT_BYTES: u64 = 1 << 62;

/// The memory controller's files, open.
#[derive(Debug)]
pub(super) struct Files {
    usage: KeptFile,
    limits: Vec<KeptFile>,
    stat: Option<KeptFile>,
    kmem: Option<KeptFile>,
    failcnt: Option<KeptFile>,
    oom_control: Option<KeptFile>,
}

impl Files {
    /// Those of the first of `directories`, with the limits of all.
    pub(super) fn open(directories: &[PathBuf]) -> Option<Self> {
        let own = directories.first()?;
        let file = |name: &str| KeptFile::open(&own.join(name));
        let limit = |directory: &PathBuf| KeptFile::open(&directory.join("memory.limit_in_bytes"));
        Some(Self {
            usage: file("memory.usage_in_bytes")?,
            limits: directories.iter().filter_map(limit).collect(),
            stat: file("memory.stat"),
            kmem: file("memory.kmem.usage_in_bytes"),
            failcnt: file("memory.failcnt"),
            oom_control: file("memory.oom_control"),
        })
    }

    pub(super) fn read(&self, with_stat: bool) -> Option<Reading> {
        let limits = self.limits.iter().filter_map(KeptFile::number);
        let number = |file: &Option<KeptFile>| file.as_ref().and_then(KeptFile::number);
        let mut reading = Reading {
            usage_bytes: self.usage.number()?,
            limit_bytes: limits.min().filter(|&limit| limit < NO_LIMIT_BYTES),
            failcnt: number(&self.failcnt),
            oom_kill: self
                .oom_control
                .as_ref()
                .and_then(|file| file.keyed("oom_kill")),
            ..Reading::default()
        };
        if with_stat {
            reading.kernel_bytes = number(&self.kmem);
            self.stat.as_ref().and_then(|file| {
                file.read(|stat| {
                    let of_stat = |total, own| keyed(stat, total).or_else(|| keyed(stat, own));
                    reading.anon_bytes = of_stat("total_rss", "rss");
                    reading.file_bytes = of_stat("total_cache", "cache");
                    reading.swap_bytes = of_stat("total_swap", "swap");
                    Some(())
                })
            });
        }
        Some(reading)
    }
}

/// From `cpu.stat`, which counts in nanoseconds.
pub(super) fn throttling(stat: &str) -> Option<Throttling> {
    Some(Throttling {
        periods: keyed(stat, "nr_periods")?,
        throttled_periods: keyed(stat, "nr_throttled")?,
        throttled_us: keyed(stat, "throttled_time")? / 1000,
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

    fn read(directories: &[PathBuf], with_stat: bool) -> Option<Reading> {
        Files::open(directories)?.read(with_stat)
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
    fn throttling_is_told_in_nanoseconds() {
        let stat = "nr_periods 1714\nnr_throttled 633\nthrottled_time 40515224000\n";
        let expected = Throttling {
            periods: 1714,
            throttled_periods: 633,
            throttled_us: 40_515_224,
        };
        assert_eq!(throttling(stat), Some(expected));
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
