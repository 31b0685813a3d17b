//! Why program and library are not where they should be, and what to do next.

use flinkmem_trace::version::build;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// A failed installation.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// `/proc/self/exe` cannot be read.
    #[error("cannot find this program's own file ({0}); is /proc mounted?")]
    NoProgram(io::Error),
    /// No library beside the program.
    #[error(
        "the agent library {0} does not exist; put libflinkmem.so of this version beside this program"
    )]
    NoLibrary(PathBuf),
    /// A file cannot be read, written or run.
    #[error("cannot {what} {path}: {source}{}", advice(.what, .source))]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Library and program do not belong together.
    #[error(
        "the agent library {path} is of version {found}, this program of {}; take both from one release",
        build()
    )]
    OtherVersion {
        /// The library.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// What was written is not what is read.
    #[error("{0} does not hold what was written to it; check the disk and try again")]
    NotTheSame(PathBuf),
    /// The copied program ends otherwise than it should.
    #[error(
        "the copy {path} does not run: `{path} --version` ended with {status} and said: {words}"
    )]
    DoesNotRun {
        /// The copy.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it said on stderr.
        words: String,
    },
}

impl InstallError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

/// The next step.
fn advice(what: &str, source: &io::Error) -> &'static str {
    match (what, source.kind()) {
        ("run", io::ErrorKind::PermissionDenied) => {
            "; the file system is mounted noexec, and no JVM could load the library from there: choose another directory"
        }
        ("create" | "write", io::ErrorKind::PermissionDenied) => {
            "; run this as a user who may write there (in Kubernetes: the init container's runAsUser or the pod's fsGroup)"
        }
        _ => "",
    }
}
