//! A lock on a file that says that a process lives.
//!
//! The kernel gives it back when the process is gone, however that happened, and it is seen across containers, where the
//! number of a process says nothing. On a file system that does not share locks between machines, such as some network file
//! systems, a lock of another machine's is not seen.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A lock that is held until this is dropped or the process ends.
#[derive(Debug)]
pub struct LifeLock(#[allow(dead_code, reason = "held, never read")] Flock<File>);

/// How an attempt to take a lock ended.
#[derive(Debug)]
pub enum Locking {
    /// It is ours: nobody else lives who holds it.
    Taken(LifeLock),
    /// Somebody lives who holds it.
    Held,
    /// Nothing is known: no such file, no permission, or no locks on this file system.
    Unknown,
}

impl LifeLock {
    /// Tries to lock the regular file at `path`, without waiting.
    #[must_use]
    pub fn try_lock(path: &Path) -> Locking {
        // A pipe of that name must not be waited for, nor a link followed.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path);
        let Ok(file) = file else {
            return Locking::Unknown;
        };
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Locking::Unknown;
        }
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Locking::Taken(Self(lock)),
            Err((_, Errno::EWOULDBLOCK)) => Locking::Held,
            Err(_) => Locking::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_until_it_is_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert!(matches!(LifeLock::try_lock(&path), Locking::Unknown));
        assert!(matches!(
            LifeLock::try_lock(directory.path()),
            Locking::Unknown
        ));
        std::fs::write(&path, "x").unwrap();
        let first = LifeLock::try_lock(&path);
        assert!(matches!(first, Locking::Taken(_)));
        assert!(matches!(LifeLock::try_lock(&path), Locking::Held));
        drop(first);
        assert!(matches!(LifeLock::try_lock(&path), Locking::Taken(_)));
    }
}
