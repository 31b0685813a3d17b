//! The container's limit on memory, as the agent in the JVM saw it.

use super::Check;
use crate::units::bytes;
use flinkmem_trace::Header;

/// The version that accounts the memory, and the limit.
pub(super) fn check(header: &Header) -> Check {
    let system = &header.system;
    let Some(version) = system.cgroup_version else {
        return Check::warning(
            "cgroup",
            "the agent found no cgroup that accounts the process's memory",
            "mount /sys/fs/cgroup into the container, read-only; without it the container's limit is not known",
        );
    };
    match system.cgroup_limit_bytes {
        Some(limit) => Check::ok(
            "cgroup",
            format!("version {version}, memory limit {}", bytes(limit)),
        ),
        None => Check::ok(
            "cgroup",
            format!("version {version}, no memory limit is set here"),
        ),
    }
}
