//! Where this program and the agent library lie, and copying both to somewhere else: from an image that holds nothing
//! but the two into a volume, where there is neither a shell nor `cp`.
//!
//! | file | what |
//! | --- | --- |
//! | `error.rs` | why it did not work, and what to do next |
//! | `place.rs` | a file that appears as a whole |

mod error;
mod place;

pub use error::InstallError;
pub(crate) use place::place;

use flinkmem_trace::version::{agent_build, build};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Name of the agent library.
pub const LIBRARY: &str = "libflinkmem.so";

/// Name of this program.
pub const PROGRAM: &str = "flinkmem";

/// Where a Debian package has the library, from the directory of the program.
const PACKAGED_LIBRARY: &str = "../lib/flinkmem/libflinkmem.so";

/// What both files may be used for, by everybody: they are read and run.
const MODE: u32 = 0o755;

/// Program and library, side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// `flinkmem`.
    pub program: PathBuf,
    /// `libflinkmem.so`.
    pub library: PathBuf,
}

impl Installation {
    /// That of the running program.
    ///
    /// # Errors
    /// When the program cannot be found, or no library is beside it.
    pub fn of_this_program() -> Result<Self, InstallError> {
        let program = std::env::current_exe().map_err(InstallError::NoProgram)?;
        let library = library_of(&program);
        if library.is_file() {
            Ok(Self { program, library })
        } else {
            Err(InstallError::NoLibrary(library))
        }
    }

    /// Copies both into `directory`, which is made where it does not exist. Each file there is replaced as a whole, so that a
    /// JVM which has the old library mapped keeps it. Then the copies are checked: they are read again, and the program is run.
    ///
    /// # Errors
    /// When library and program are of different versions, a file cannot be read or written, or the copy does not run.
    pub fn copy_to(&self, directory: &Path) -> Result<Self, InstallError> {
        let (program, library) = (read(&self.program)?, read(&self.library)?);
        let found = agent_build(&library);
        if found != Some(build()) {
            return Err(InstallError::OtherVersion {
                path: self.library.clone(),
                found: found.unwrap_or("none that is known").to_owned(),
            });
        }
        std::fs::create_dir_all(directory).map_err(InstallError::io("create", directory))?;
        let copy = Self {
            program: directory.join(PROGRAM),
            library: directory.join(LIBRARY),
        };
        for (content, path) in [(&program, &copy.program), (&library, &copy.library)] {
            place(content, path, MODE).map_err(InstallError::io("write", path))?;
            if read(path)? != *content {
                return Err(InstallError::NotTheSame(path.clone()));
            }
        }
        copy.check_runs()?;
        Ok(copy)
    }

    /// That the program runs from where it is now. Where it does not, because the file system is mounted `noexec`, no JVM
    /// could map the library either.
    fn check_runs(&self) -> Result<(), InstallError> {
        let output = Command::new(&self.program)
            .arg("--version")
            // Otherwise it would be /dev/null, which an image from scratch may not have.
            .stdin(Stdio::inherit())
            .output()
            .map_err(InstallError::io("run", &self.program))?;
        let says = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && says.contains(build()) {
            Ok(())
        } else {
            Err(InstallError::DoesNotRun {
                path: self.program.clone(),
                status: output.status,
                words: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            })
        }
    }
}

/// The library that belongs to a program: beside it, or where a package has it.
#[must_use]
pub fn library_of(program: &Path) -> PathBuf {
    let directory = program.parent().unwrap_or(program);
    let (beside, packaged) = (directory.join(LIBRARY), directory.join(PACKAGED_LIBRARY));
    if packaged.is_file() && !beside.is_file() {
        packaged
    } else {
        beside
    }
}

fn read(path: &Path) -> Result<Vec<u8>, InstallError> {
    std::fs::read(path).map_err(InstallError::io("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::version::AGENT_BUILD;
    use std::os::unix::fs::PermissionsExt;

    /// A program that says its version, and something that looks like the library.
    fn installation(directory: &Path, version: &str, library: &[u8]) -> Installation {
        let installation = Installation {
            program: directory.join(PROGRAM),
            library: directory.join(LIBRARY),
        };
        let script = format!("#!/bin/sh\necho 'flinkmem {version}'\n");
        place(script.as_bytes(), &installation.program, 0o755).unwrap();
        place(library, &installation.library, 0o644).unwrap();
        installation
    }

    #[test]
    fn both_files_are_copied_for_everybody_also_over_older_ones_and_what_a_killed_run_left() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let to = to.path().join("a/volume");
        std::fs::create_dir_all(&to).unwrap();
        for left in [
            LIBRARY.to_owned(),
            format!("libflinkmem.{}.tmp", std::process::id()),
        ] {
            std::fs::write(to.join(left), "old").unwrap();
        }
        let copy = installation(from.path(), build(), &AGENT_BUILD)
            .copy_to(&to)
            .unwrap();
        assert_eq!(std::fs::read(&copy.library).unwrap(), AGENT_BUILD);
        for path in [&copy.program, &copy.library] {
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o755, "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(&to).unwrap().count(), 2);
    }

    #[test]
    fn a_library_of_another_version_is_not_copied() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let other = b"flinkmem agent 0.0.9 (trace format 1.0)\0";
        let error = installation(from.path(), build(), other)
            .copy_to(to.path())
            .unwrap_err();
        assert!(error.to_string().contains("0.0.9"), "{error}");
        assert_eq!(std::fs::read_dir(to.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_copy_that_says_something_else_is_refused() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let error = installation(from.path(), "of another kind", &AGENT_BUILD)
            .copy_to(to.path())
            .unwrap_err();
        assert!(error.to_string().contains("does not run"), "{error}");
    }

    #[test]
    fn the_library_is_beside_the_program_or_where_a_package_has_it() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("bin/flinkmem");
        assert_eq!(library_of(&program), root.path().join("bin/libflinkmem.so"));
        for directory in ["bin", "lib/flinkmem"] {
            std::fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let packaged = root.path().join("lib/flinkmem/libflinkmem.so");
        std::fs::write(&packaged, "").unwrap();
        let found = library_of(&program).canonicalize().unwrap();
        assert_eq!(found, packaged.canonicalize().unwrap());
    }
}
