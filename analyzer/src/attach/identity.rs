//! Acting as the user that the JVM runs as.
//!
//! The JVM listens to its own user and to root, but only as its own user namespace knows them. And what root writes into
//! another's /tmp could be led astray. So root becomes the JVM's user for as long as it deals with it.

use super::{AttachError, Target};
use nix::unistd::{Gid, Uid, getegid, geteuid, setegid, seteuid};
use std::io;

/// While it lives, this process acts as the JVM's user. Of the whole process, so there must be no other thread that minds.
#[derive(Debug)]
pub(super) struct Identity {
    own: Option<(Uid, Gid)>,
}

impl Identity {
    /// Becomes the user of `target`, if it is another and this is root. As root it stays where the kernel would not let
    /// that user look at the process, as with one that has privileges.
    pub(super) fn of(target: &Target) -> Result<Self, AttachError> {
        let own = (geteuid(), getegid());
        let (uid, gid) = target.user();
        if !own.0.is_root() || own == (uid, gid) {
            return Ok(Self { own: None });
        }
        let failed = |error| AttachError::Identity {
            pid: target.pid(),
            source: io::Error::from(error),
        };
        setegid(gid).map_err(failed)?;
        let identity = Self { own: Some(own) };
        seteuid(uid).map_err(failed)?;
        if target.tmp().metadata().is_err() {
            drop(identity);
            return Ok(Self { own: None });
        }
        Ok(identity)
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        if let Some((uid, gid)) = self.own.take() {
            // The saved user is root, so this is allowed. The user first: the group is root's to change.
            let _ = seteuid(uid);
            let _ = setegid(gid);
        }
    }
}
