//! What a memory cgroup's usage is made of, from `memory.stat` and its neighbours, of version 1 or 2.
//! Fields as in the kernel's Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.

use super::{Cgroup, Version};
use crate::kernel::{keyed, read, read_number};
use std::path::Path;

/// One reading, in bytes but for the pages. Absent is what this version or kernel does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryParts {
    /// Anonymous memory of all processes in the cgroup.
    pub anon_bytes: Option<u64>,
    /// Page cache, shared memory included.
    pub file_bytes: Option<u64>,
    /// Of it shared memory and files of a tmpfs, which nothing but swap can reclaim.
    pub shmem_bytes: Option<u64>,
    /// Of it what processes have mapped.
    pub file_mapped_bytes: Option<u64>,
    /// Of it what was used lately.
    pub active_file_bytes: Option<u64>,
    /// Of it what is reclaimed first.
    pub inactive_file_bytes: Option<u64>,
    /// Of it what is not yet on disk, being written included.
    pub dirty_bytes: Option<u64>,
    /// Memory of the kernel for the cgroup.
    pub kernel_bytes: Option<u64>,
    /// Of it slab that can be reclaimed, such as directory entries (version 2).
    pub slab_reclaimable_bytes: Option<u64>,
    /// Of it other slab (version 2).
    pub slab_unreclaimable_bytes: Option<u64>,
    /// Of it stacks of threads within the kernel (version 2).
    pub kernel_stack_bytes: Option<u64>,
    /// Of it page tables (version 2).
    pub pagetables_bytes: Option<u64>,
    /// Buffers of network connections.
    pub sock_bytes: Option<u64>,
    /// `memory.high`, from which on processes are slowed down (version 2).
    pub high_bytes: Option<u64>,
    /// Limit of swap (version 2); version 1 has one for memory and swap together.
    pub swap_limit_bytes: Option<u64>,
    /// Pages of files that were read anew soon after they had been reclaimed, so far (version 2).
    pub refaulted_file_pages: Option<u64>,
}

impl Cgroup {
    /// Reads the parts; `None` when the cgroup cannot be read.
    #[must_use]
    pub fn memory_parts(&self) -> Option<MemoryParts> {
        let directory = self.directory()?;
        match self.version {
            Version::V1 => v1(directory),
            Version::V2 => v2(directory),
        }
    }
}

fn sum(parts: [Option<u64>; 2]) -> Option<u64> {
    parts.into_iter().flatten().reduce(u64::saturating_add)
}

fn v1(directory: &Path) -> Option<MemoryParts> {
    let stat = read(&directory.join("memory.stat"))?;
    // The cgroup with those below it, where the hierarchy is accounted for.
    let bytes = |key: &str| keyed(&stat, &format!("total_{key}")).or_else(|| keyed(&stat, key));
    Some(MemoryParts {
        anon_bytes: bytes("rss"),
        file_bytes: bytes("cache"),
        shmem_bytes: bytes("shmem"),
        file_mapped_bytes: bytes("mapped_file"),
        active_file_bytes: bytes("active_file"),
        inactive_file_bytes: bytes("inactive_file"),
        dirty_bytes: sum([bytes("dirty"), bytes("writeback")]),
        kernel_bytes: read_number(&directory.join("memory.kmem.usage_in_bytes")),
        sock_bytes: read_number(&directory.join("memory.kmem.tcp.usage_in_bytes")),
        ..MemoryParts::default()
    })
}

fn v2(directory: &Path) -> Option<MemoryParts> {
    let stat = read(&directory.join("memory.stat"))?;
    let value = |key| keyed(&stat, key);
    Some(MemoryParts {
        anon_bytes: value("anon"),
        file_bytes: value("file"),
        shmem_bytes: value("shmem"),
        file_mapped_bytes: value("file_mapped"),
        active_file_bytes: value("active_file"),
        inactive_file_bytes: value("inactive_file"),
        dirty_bytes: sum([value("file_dirty"), value("file_writeback")]),
        kernel_bytes: value("kernel"),
        slab_reclaimable_bytes: value("slab_reclaimable"),
        slab_unreclaimable_bytes: value("slab_unreclaimable"),
        kernel_stack_bytes: value("kernel_stack"),
        pagetables_bytes: value("pagetables"),
        sock_bytes: value("sock"),
        high_bytes: read_number(&directory.join("memory.high")),
        swap_limit_bytes: read_number(&directory.join("memory.swap.max")),
        refaulted_file_pages: value("workingset_refault_file"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_version_1_cgroup_counts_those_below_it() {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in [
            (
                "memory.stat",
                "cache 4096\nrss 8192\nshmem 0\ntotal_cache 524288000\ntotal_rss 516554752\ntotal_shmem 66560000\n\
                 total_mapped_file 1216512\ntotal_dirty 8192\ntotal_writeback 4096\ntotal_inactive_file 402653184\n\
                 total_active_file 55296000\n",
            ),
            ("memory.kmem.usage_in_bytes", "7340032\n"),
            ("memory.kmem.tcp.usage_in_bytes", "12288\n"),
        ] {
            fs::write(directory.path().join(file), text).unwrap();
        }
        let expected = MemoryParts {
            anon_bytes: Some(516_554_752),
            file_bytes: Some(524_288_000),
            shmem_bytes: Some(66_560_000),
            file_mapped_bytes: Some(1_216_512),
            active_file_bytes: Some(55_296_000),
            inactive_file_bytes: Some(402_653_184),
            dirty_bytes: Some(12_288),
            kernel_bytes: Some(7_340_032),
            sock_bytes: Some(12_288),
            ..MemoryParts::default()
        };
        assert_eq!(v1(directory.path()), Some(expected));
    }

    #[test]
    fn a_version_2_cgroup_tells_the_kernels_part_in_detail() {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in [
            (
                "memory.stat",
                "anon 805306368\nfile 201326592\nkernel 66646016\nkernel_stack 4456448\npagetables 3149824\nsock 40960\n\
                 shmem 104857600\nfile_mapped 1216512\nfile_dirty 0\nfile_writeback 4096\ninactive_file 50331648\n\
                 active_file 46137344\nslab_reclaimable 41943040\nslab_unreclaimable 9437184\nslab 51380224\n\
                 workingset_refault_anon 0\nworkingset_refault_file 5120\n",
            ),
            ("memory.high", "max\n"),
            ("memory.swap.max", "0\n"),
        ] {
            fs::write(directory.path().join(file), text).unwrap();
        }
        let expected = MemoryParts {
            anon_bytes: Some(805_306_368),
            file_bytes: Some(201_326_592),
            shmem_bytes: Some(104_857_600),
            file_mapped_bytes: Some(1_216_512),
            active_file_bytes: Some(46_137_344),
            inactive_file_bytes: Some(50_331_648),
            dirty_bytes: Some(4096),
            kernel_bytes: Some(66_646_016),
            slab_reclaimable_bytes: Some(41_943_040),
            slab_unreclaimable_bytes: Some(9_437_184),
            kernel_stack_bytes: Some(4_456_448),
            pagetables_bytes: Some(3_149_824),
            sock_bytes: Some(40_960),
            high_bytes: None,
            swap_limit_bytes: Some(0),
            refaulted_file_pages: Some(5120),
        };
        assert_eq!(v2(directory.path()), Some(expected));
        assert_eq!(v2(Path::new("/nowhere")), None);
    }
}
