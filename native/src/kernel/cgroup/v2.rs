//! cgroup version 2, the unified hierarchy.
//! Fields as in the kernel's Documentation/admin-guide/cgroup-v2.rst.

use super::{Events, Reading, Throttling};
use crate::kernel::kept::KeptFile;
use crate::kernel::{keyed, read as read_text};
use std::path::{Path, PathBuf};

/// The memory controller's files, open.
#[derive(Debug)]
pub(super) struct Files {
    current: KeptFile,
    limits: Vec<KeptFile>,
    swap: Option<KeptFile>,
    stat: Option<KeptFile>,
    events: Option<KeptFile>,
}

impl Files {
    /// Those of the first of `directories`, with the limits of all.
    pub(super) fn open(directories: &[PathBuf]) -> Option<Self> {
        let own = directories.first()?;
        let file = |name: &str| KeptFile::open(&own.join(name));
        let limit = |directory: &PathBuf| KeptFile::open(&directory.join("memory.max"));
        Some(Self {
            // The root cgroup has no memory.current, and accounts nothing that could be limited.
            current: file("memory.current")?,
            limits: directories.iter().filter_map(limit).collect(),
            swap: file("memory.swap.current"),
            stat: file("memory.stat"),
            events: file("memory.events"),
        })
    }

    pub(super) fn read(&self, with_stat: bool) -> Option<Reading> {
        let mut reading = Reading {
            usage_bytes: self.current.number()?,
            // "max" does not parse as a number, so it is no limit.
            limit_bytes: self.limits.iter().filter_map(KeptFile::number).min(),
            swap_bytes: self.swap.as_ref().and_then(KeptFile::number),
            ..Reading::default()
        };
        self.events.as_ref().and_then(|file| {
            file.read(|events| {
                let of_events = |key| keyed(events, key).unwrap_or(0);
                reading.events = Some(Events {
                    low: of_events("low"),
                    high: of_events("high"),
                    max: of_events("max"),
                    oom: of_events("oom"),
                });
                reading.oom_kill = keyed(events, "oom_kill");
                Some(())
            })
        });
        if with_stat {
            self.stat.as_ref().and_then(|file| {
                file.read(|stat| {
                    reading.anon_bytes = keyed(stat, "anon");
                    reading.file_bytes = keyed(stat, "file");
                    reading.kernel_bytes = keyed(stat, "kernel");
                    Some(())
                })
            });
        }
        Some(reading)
    }
}

/// From `cpu.stat`, which counts in microseconds.
pub(super) fn throttling(stat: &str) -> Option<Throttling> {
    Some(Throttling {
        periods: keyed(stat, "nr_periods")?,
        throttled_periods: keyed(stat, "nr_throttled")?,
        throttled_us: keyed(stat, "throttled_usec")?,
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

    fn read(directories: &[PathBuf], with_stat: bool) -> Option<Reading> {
        Files::open(directories)?.read(with_stat)
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
    fn throttling_is_told_where_the_cpu_controller_is_on() {
        let stat = "usage_usec 1\nuser_usec 1\nsystem_usec 0\n";
        assert_eq!(throttling(stat), None);
        let stat = format!("{stat}nr_periods 1714\nnr_throttled 633\nthrottled_usec 40515224\n");
        let expected = Throttling {
            periods: 1714,
            throttled_periods: 633,
            throttled_us: 40_515_224,
        };
        assert_eq!(throttling(&stat), Some(expected));
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
