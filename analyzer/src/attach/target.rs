//! The process that is to be attached to, as `/proc` shows it.

use super::identity::Identity;
use super::{AttachError, PerfData};
use flinkmem_trace::layout::{DIRECTORY_PREFIX, FACTS};
use nix::unistd::{Gid, Uid};
use procfs::process::{FDTarget, MMapPath, Process, Status};
use procfs::{ProcError, ProcResult};
use std::io;
use std::path::{Path, PathBuf};

/// A process.
#[derive(Debug)]
pub struct Target {
    process: Process,
    status: Status,
}

impl Target {
    /// The process of that id, as this system has it.
    ///
    /// # Errors
    /// When there is none or it may not be looked at.
    pub fn find(pid: i32) -> Result<Self, AttachError> {
        let read = || -> ProcResult<Self> {
            let process = Process::new(pid)?;
            let status = process.status()?;
            Ok(Self { process, status })
        };
        read().map_err(|error| refused(pid, error))
    }

    /// Its id, as this system has it.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid
    }

    /// Its id, as it has it itself.
    pub(super) fn namespace_pid(&self) -> i32 {
        let innermost = self.status.nspid.as_ref().and_then(|pids| pids.last());
        innermost.copied().unwrap_or(self.process.pid)
    }

    /// The user and group that it acts as.
    pub(super) fn user(&self) -> (Uid, Gid) {
        (
            Uid::from_raw(self.status.euid),
            Gid::from_raw(self.status.egid),
        )
    }

    /// The user that it acts as.
    #[must_use]
    pub fn uid(&self) -> Uid {
        self.user().0
    }

    /// Where a path of its file system can be found from here.
    #[must_use]
    pub fn path(&self, inside: &Path) -> PathBuf {
        let root = self.own("root");
        root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Its /tmp, which HotSpot uses whatever `$TMPDIR` says.
    pub(super) fn tmp(&self) -> PathBuf {
        self.own("root/tmp")
    }

    pub(super) fn working_directory(&self) -> PathBuf {
        self.own("cwd")
    }

    fn own(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.process.pid)).join(name)
    }

    /// That its /tmp is what it seems: a link in its file system would lead into ours.
    pub(super) fn check_tmp(&self) -> Result<(), AttachError> {
        let tmp = self.tmp();
        let metadata = tmp
            .symlink_metadata()
            .map_err(|source| AttachError::NotPermitted {
                pid: self.pid(),
                source,
            })?;
        if metadata.is_symlink() {
            return Err(AttachError::LinkedTmp(self.pid()));
        }
        Ok(())
    }

    /// That it is a HotSpot JVM which can be attached to.
    ///
    /// # Errors
    /// [`AttachError`] with the reason why not.
    pub fn check_is_attachable(&self) -> Result<(), AttachError> {
        let pid = self.pid();
        let maps = self.process.maps().map_err(|error| refused(pid, error))?;
        let maps_library = |prefix: &str| {
            maps.iter().any(|map| match &map.pathname {
                MMapPath::Path(path) => {
                    let name = path.file_name().map(|name| name.to_string_lossy());
                    name.is_some_and(|name| name.starts_with(prefix))
                }
                _ => false,
            })
        };
        if maps_library("libj9vm") {
            return Err(AttachError::NotHotSpot(pid));
        }
        if !maps_library("libjvm.so") {
            return Err(AttachError::NotAJvm(pid, self.name()));
        }
        let says = self.perf_data().and_then(|data| data.says_attachable());
        if !says.unwrap_or_else(|| !self.is_told_not_to()) {
            return Err(AttachError::Disabled(pid));
        }
        Ok(())
    }

    /// What it publishes about itself; `None` when that is nothing, or is not a JVM.
    #[must_use]
    pub fn perf_data(&self) -> Option<PerfData> {
        PerfData::read(&self.tmp(), self.namespace_pid())
    }

    /// The process in `/proc`.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Whether SIGQUIT does not end it. Read anew: a JVM that is starting installs its handler late.
    pub(super) fn handles_sigquit(&self) -> Result<bool, AttachError> {
        /// Signal 3, counted from 1.
        const SIGQUIT: u64 = 1 << 2;
        let status = self.process.status();
        let status = status.map_err(|error| refused(self.pid(), error))?;
        Ok(status.sigcgt & SIGQUIT != 0 && status.sigign & SIGQUIT == 0)
    }

    /// The trace that an agent inside writes, as the process sees it: it holds the file of facts open.
    #[must_use]
    pub fn trace(&self) -> Option<PathBuf> {
        let open = self.process.fd().ok()?.flatten();
        open.filter_map(|file| match file.target {
            FDTarget::Path(path) => Some(path),
            _ => None,
        })
        .find_map(|path| {
            let directory = path.parent()?;
            let is_a_trace = directory
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(DIRECTORY_PREFIX));
            (is_a_trace && path.file_name()? == FACTS).then(|| directory.to_owned())
        })
    }

    /// Does something with this program acting as the process's user, where it is root; what is written is then theirs.
    ///
    /// # Errors
    /// When the user cannot be changed.
    pub fn as_its_user<T>(&self, body: impl FnOnce() -> T) -> Result<T, AttachError> {
        let _identity = Identity::of(self)?;
        Ok(body())
    }

    /// Whether its command line or environment disables the mechanism, for a JVM that publishes nothing.
    fn is_told_not_to(&self) -> bool {
        const OPTION: &str = "-XX:+DisableAttachMechanism";
        let arguments = self.process.cmdline().unwrap_or_default();
        let in_environment = || {
            let environment = self.process.environ().unwrap_or_default();
            ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"]
                .iter()
                .filter_map(|name| environment.get(std::ffi::OsStr::new(name)))
                .any(|value| value.to_string_lossy().contains(OPTION))
        };
        arguments.iter().any(|argument| argument == OPTION) || in_environment()
    }

    fn name(&self) -> String {
        self.status.name.clone()
    }
}

fn refused(pid: i32, error: ProcError) -> AttachError {
    match error {
        ProcError::NotFound(_) => AttachError::NoProcess(pid),
        ProcError::PermissionDenied(_) => AttachError::NotPermitted {
            pid,
            source: io::ErrorKind::PermissionDenied.into(),
        },
        ProcError::Io(source, _) if source.raw_os_error() == Some(nix::libc::ESRCH) => {
            AttachError::NoProcess(pid)
        }
        error => AttachError::NotPermitted {
            pid,
            source: io::Error::other(error.to_string()),
        },
    }
}
