//! The directory for traces: there, writable, with room.

use super::{Check, Outcome};
use crate::model::MemorySize;
use crate::units::bytes;
use flinkmem_trace::Header;
use nix::sys::statvfs::statvfs;
use nix::unistd::{getegid, geteuid};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// It can be written, and holds what one process may write.
pub(super) fn checks(dir: &Path, header: Option<&Header>) -> Vec<Check> {
    let writable = writable(dir);
    if writable.outcome == Outcome::Problem {
        return vec![writable];
    }
    let mut checks = vec![writable];
    // A directory that the agent has to create lies in one that exists.
    if let Some(existing) = dir.ancestors().find(|ancestor| ancestor.is_dir()) {
        checks.extend(room_on(existing, header));
    }
    checks
}

/// A file is written there, as the agent would, and removed.
fn writable(dir: &Path) -> Check {
    let shown = dir.display();
    if dir.exists() && !dir.is_dir() {
        return Check::problem(
            "directory",
            format!("{shown} is no directory"),
            "name another with dir=",
        );
    }
    let Some(existing) = dir.ancestors().find(|ancestor| ancestor.is_dir()) else {
        return Check::problem("directory", format!("{shown} is not there"), "create it");
    };
    match tempfile::tempfile_in(existing) {
        Ok(_) if existing == dir => Check::ok(
            "directory",
            format!("{shown} can be written by uid {}", geteuid()),
        ),
        Ok(_) => Check::ok(
            "directory",
            format!("{shown} is not there yet; uid {} can create it", geteuid()),
        ),
        Err(error) => not_writable(existing, &error),
    }
}

fn not_writable(dir: &Path, error: &std::io::Error) -> Check {
    let shown = dir.display();
    let (uid, gid) = (geteuid(), getegid());
    let owner = dir.metadata().map(|metadata| {
        let mode = metadata.mode() & 0o7777;
        format!(
            "uid {}, gid {}, mode {mode:o}",
            metadata.uid(),
            metadata.gid()
        )
    });
    let owner = owner.unwrap_or_else(|_| "somebody".to_owned());
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem => Check::problem(
            "directory",
            format!("{shown} is on a file system that is mounted read-only"),
            "mount a volume for the traces, and name it with dir=",
        ),
        ErrorKind::PermissionDenied => Check::problem(
            "directory",
            format!("{shown} belongs to {owner}, and uid {uid}, gid {gid} may not write there"),
            "give it to that user (chown), or on Kubernetes set securityContext.fsGroup to a group of the process",
        ),
        _ => Check::problem(
            "directory",
            format!("{shown} cannot be written: {error}"),
            "name another directory with dir=",
        ),
    }
}

/// What one process may write, by the options as the agent understood them.
fn most_bytes(header: Option<&Header>) -> u64 {
    /// The agent's default.
    const DEFAULT: u64 = 64 << 20;
    let told = header.and_then(|header| header.agent_options.get("max_disk"));
    let size = told.and_then(|size| MemorySize::parse(size).ok());
    size.map_or(DEFAULT, MemorySize::bytes)
}

/// Whether a process's whole trace fits.
pub(super) fn room_on(dir: &Path, header: Option<&Header>) -> Option<Check> {
    let wanted = most_bytes(header);
    let found = statvfs(dir).ok()?;
    let free = found
        .blocks_available()
        .saturating_mul(found.fragment_size());
    let text = format!(
        "{} free on it, a process's trace takes at most {}",
        bytes(free),
        bytes(wanted)
    );
    Some(if free >= wanted {
        Check::ok("room", text)
    } else {
        Check::warning("room", text, "make room, or set a smaller max_disk=")
    })
}
