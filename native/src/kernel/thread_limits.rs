//! Limits on threads that are not the cgroup's: those of the user and of the kernel.

use super::read_number;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::path::Path;

/// What may refuse a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadLimits {
    /// `ulimit -u`: threads of all processes of the user, in all containers. How many there are cannot be told from
    /// within a container. Not enforced for root; `None` without a limit.
    pub nproc_soft: Option<u64>,
    /// `/proc/sys/kernel/threads-max`: of the whole host.
    pub kernel_threads_max: Option<u64>,
    /// `/proc/sys/kernel/pid_max`: ids for threads and processes of the whole host.
    pub kernel_pid_max: Option<u64>,
}

impl ThreadLimits {
    /// Reads them.
    #[must_use]
    pub fn read() -> Self {
        let soft = getrlimit(Resource::RLIMIT_NPROC).map(|(soft, _)| soft);
        Self {
            nproc_soft: soft.ok().filter(|&soft| soft != RLIM_INFINITY),
            kernel_threads_max: read_number(Path::new("/proc/sys/kernel/threads-max")),
            kernel_pid_max: read_number(Path::new("/proc/sys/kernel/pid_max")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_has_limits() {
        let limits = ThreadLimits::read();
        assert!(limits.kernel_threads_max > Some(100), "{limits:?}");
        assert!(limits.kernel_pid_max > Some(100), "{limits:?}");
    }
}
