//! What the process may do: its user, and what seccomp and lost privileges take away.

use super::Check;
use procfs::process::{Process, Status};

/// For a process by its name in /proc.
pub(super) fn checks(process: &str) -> Vec<Check> {
    let status = match process {
        "self" => Process::myself(),
        pid => pid
            .parse()
            .map_err(|_| procfs::ProcError::Incomplete(None))
            .and_then(Process::new),
    };
    match status.and_then(|process| process.status()) {
        Ok(status) => vec![user(&status), sandbox(&status)],
        Err(error) => vec![Check::warning(
            "user",
            format!("/proc/{process}/status cannot be read: {error}"),
            "run it where /proc is mounted",
        )],
    }
}

fn user(status: &Status) -> Check {
    let groups: Vec<String> = status.groups.iter().map(ToString::to_string).collect();
    let groups = if groups.is_empty() {
        "none".to_owned()
    } else {
        groups.join(", ")
    };
    Check::ok(
        "user",
        format!(
            "uid {}, gid {}, further groups {groups}",
            status.euid, status.egid
        ),
    )
}

/// The agent reads its own /proc and writes files; it asks for no right beyond.
fn sandbox(status: &Status) -> Check {
    let seccomp = match status.seccomp {
        Some(0) => "off",
        Some(1) => "strict",
        Some(2) => "a filter",
        _ => "not told",
    };
    let detail = format!(
        "seccomp {seccomp}, NoNewPrivs {}, capabilities {:x}; neither ptrace nor perf nor any capability is needed",
        status.nonewprivs.unwrap_or(0),
        status.capeff
    );
    if seccomp == "strict" {
        return Check::problem("sandbox", detail, "no JVM runs so; use a filter");
    }
    Check::ok("sandbox", detail)
}
