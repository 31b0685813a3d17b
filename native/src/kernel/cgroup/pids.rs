//! The `pids` controller: how many threads a cgroup may have. Every thread counts, not only processes.
//! The files are the same in both versions; see the kernel's Documentation/admin-guide/cgroup-v1/pids.rst.

use crate::kernel::kept::KeptFile;
use std::path::PathBuf;

/// The limit that is nearest to being met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pids {
    /// `pids.current` of the cgroup that has the limit: threads of all processes in it.
    pub current: u64,
    /// `pids.max`.
    pub max: u64,
    /// How many levels above the process's own cgroup the limit is set.
    pub level: usize,
}

/// The files of the cgroup and its ancestors, open.
#[derive(Debug)]
pub struct PidsFiles {
    /// With their distance from the process's own cgroup.
    levels: Vec<(usize, KeptFile, KeptFile)>,
    directories: Vec<PathBuf>,
}

impl PidsFiles {
    /// Opens them; `None` where no level has any, as in a root cgroup.
    pub(super) fn open(directories: &[PathBuf]) -> Option<Self> {
        let open = |(level, directory): (usize, &PathBuf)| {
            let current = KeptFile::open(&directory.join("pids.current"))?;
            let max = KeptFile::open(&directory.join("pids.max"))?;
            Some((level, current, max))
        };
        let levels: Vec<_> = directories.iter().enumerate().filter_map(open).collect();
        (!levels.is_empty()).then(|| Self {
            levels,
            directories: directories.to_vec(),
        })
    }

    /// The limit with the largest share in use; `None` without any.
    #[must_use]
    pub fn read(&self) -> Option<Pids> {
        let limits = self.levels.iter().filter_map(|(level, current, max)| {
            let max = max.number()?;
            Some(Pids {
                current: current.number()?,
                max,
                level: *level,
            })
        });
        let share = |pids: &Pids| pids.current as f64 / pids.max.max(1) as f64;
        limits.max_by(|one, other| share(one).total_cmp(&share(other)))
    }

    /// Where a limit is set.
    #[must_use]
    pub fn directory(&self, pids: Pids) -> Option<&PathBuf> {
        self.directories.get(pids.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn level(directory: &Path, current: &str, max: &str) {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join("pids.current"), current).unwrap();
        fs::write(directory.join("pids.max"), max).unwrap();
    }

    #[test]
    fn the_limit_nearest_to_being_met_counts_wherever_it_is_set() {
        let root = tempfile::tempdir().unwrap();
        let (pod, container) = (root.path().join("pod"), root.path().join("pod/container"));
        level(&container, "310\n", "max\n");
        level(&pod, "312\n", "1024\n");
        level(root.path(), "900\n", "32768\n");
        let directories = [container, pod.clone(), root.path().to_path_buf()];
        let files = PidsFiles::open(&directories).unwrap();
        let expected = Pids {
            current: 312,
            max: 1024,
            level: 1,
        };
        assert_eq!(files.read(), Some(expected));
        assert_eq!(files.directory(expected), Some(&pod));
        fs::write(pod.join("pids.max"), "max\n").unwrap();
        assert_eq!(files.read().map(|pids| pids.max), Some(32_768));
    }

    #[test]
    fn a_root_cgroup_has_no_limit() {
        let root = tempfile::tempdir().unwrap();
        assert!(PidsFiles::open(&[root.path().to_path_buf()]).is_none());
    }
}
