//! The agent library: which file, and its path as the JVM sees it.

use super::{AttachError, Target};
use crate::install::{library_of, place};
use flinkmem_trace::version::agent_build;
use std::path::{Path, PathBuf};

/// Where a copy lies, as the JVM sees it. The version is in the name, so that a newer one is another file.
const COPY: &str = concat!("/tmp/libflinkmem-", env!("CARGO_PKG_VERSION"), ".so");

/// The library as this program sees it.
#[derive(Debug)]
pub(super) struct Library {
    path: PathBuf,
    /// Read while we are still who we are; `None` when it only exists where the JVM is.
    content: Option<Vec<u8>>,
}

impl Library {
    /// The library at `path`, or the one beside this program.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, AttachError> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => beside_this_program()?,
        };
        let path = path.canonicalize().unwrap_or(path);
        let content = std::fs::read(&path).ok();
        if content.is_none() && !path.is_absolute() {
            return Err(AttachError::NoLibrary(path));
        }
        Ok(Self { path, content })
    }

    /// Its path as the JVM sees it. `copy`: it is copied there where the JVM does not see it.
    pub(super) fn path_inside(&self, target: &Target, copy: bool) -> Result<PathBuf, AttachError> {
        let seen = target.path(&self.path);
        if seen.is_file() {
            let content = std::fs::read(&seen).map_err(|source| AttachError::Io {
                what: "read",
                path: seen,
                source,
            })?;
            return self.check(&content).map(|()| self.path.clone());
        }
        match &self.content {
            None => Err(AttachError::NoLibrary(self.path.clone())),
            Some(_) if !copy => Err(AttachError::NotInside {
                pid: target.pid(),
                path: self.path.clone(),
            }),
            Some(content) => {
                target.check_tmp()?;
                self.check(content)?;
                let inside = target.path(Path::new(COPY));
                place(content, &inside, 0o644).map_err(|source| AttachError::Io {
                    what: "copy the library to",
                    path: inside,
                    source,
                })?;
                Ok(PathBuf::from(COPY))
            }
        }
    }

    /// The build that it was made by, where it can be read and tells.
    pub(super) fn build(&self) -> Option<&str> {
        agent_build(self.content.as_deref()?)
    }

    /// That it is what it should be. To be asked to load something else makes a JVM print warnings and try to mend its
    /// stacks, and a library that is one runs its own code.
    fn check(&self, content: &[u8]) -> Result<(), AttachError> {
        /// What an ELF file begins with.
        const MAGIC: &[u8] = b"\x7fELF";
        /// A name that the agent exports.
        const EXPORTED: &[u8] = b"\0flinkmem_is_at_work\0";
        let exports = || content.windows(EXPORTED.len()).any(|part| part == EXPORTED);
        if content.starts_with(MAGIC) && exports() {
            Ok(())
        } else {
            Err(AttachError::NotTheAgent(self.path.clone()))
        }
    }
}

/// The library of this program.
pub(crate) fn beside_this_program() -> Result<PathBuf, AttachError> {
    let program = std::env::current_exe().unwrap_or_default();
    let path = library_of(&program);
    if path.is_file() {
        Ok(path)
    } else {
        Err(AttachError::NoLibrary(path))
    }
}
