//! The kernel's and the allocator's side: one file of `/proc` or `/sys`, one module.

pub mod allocator;
pub mod cgroup;
pub mod clock;
pub mod dynamic_linker;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod glibc_malloc;
pub mod host;
pub mod huge_pages;
pub mod jemalloc;
mod kept;
pub mod lock;
pub mod own_memory;
pub mod pagemap;
pub mod paging;
pub mod pressure;
pub mod processes;
pub mod smaps;
pub mod status;
pub mod stderr;
pub mod tasks;
pub mod thread_limits;
pub mod thread_stacks;

use std::path::Path;

/// Content of a small kernel file, or `None` when it does not exist or may not be read.
pub(crate) fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The one number in a kernel file; `None` also for `max`, the kernel's word for "no limit".
pub(crate) fn read_number(path: &Path) -> Option<u64> {
    read(path)?.trim().parse().ok()
}

/// The value of `key` in a file of `key value` lines, as `memory.stat` and `memory.events` are.
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        line.strip_prefix(key)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}
