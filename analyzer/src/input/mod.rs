//! What was given on the command line, told apart by content: trace directories, and files of lines.

mod archive;
mod file;
mod foreign;

pub use archive::Archive;
pub use file::read_file;
pub use foreign::Foreign;

use crate::case::{Case, SourceLines};
use flinkmem_trace::{TraceError, find_traces, layout};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Names the lines that come in by stdin.
pub const STDIN: &str = "-";

/// An input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// No trace that can be read, where one should be.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A directory with nothing in it.
    #[error(
        "{0} is empty: no agent has written there; flinkmem doctor --dir {0} says whether one could, flinkmem doctor PID where one does"
    )]
    Empty(PathBuf),
    /// A directory with other things in it.
    #[error(
        "{0} holds no trace and no log; give a trace directory (flinkmem-<host>-<pid>-<start>), a directory that holds some or logs, or files"
    )]
    NothingToRead(PathBuf),
    /// A file that holds no text.
    #[error("{path} is {}; {}", is.what, is.next)]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        is: Foreign,
    },
    /// An archive that cannot be unpacked.
    #[error("cannot unpack {path}; unpack it by hand (tar -xf {path}) and give the directory")]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else's.
    #[error(
        "cannot read {path}: permission denied. It belongs to uid {owner}, and this is uid {own}; run flinkmem as that user or as root, or copy it"
    )]
    Denied {
        /// The path.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who this is.
        own: u32,
    },
    /// Nothing at that path.
    #[error("cannot read {path}; check the path, and the agent's `dir` option for where it writes")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl InputError {
    /// Why a path cannot be read.
    fn unreadable(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() != ErrorKind::PermissionDenied {
            return Self::Unreadable { path, source };
        }
        // A path in a directory that may not be searched has no owner that could be told; the directory's has the say.
        let owner = path
            .ancestors()
            .find_map(|ancestor| ancestor.metadata().ok())
            .map_or(0, |metadata| metadata.uid());
        let own = nix::unistd::geteuid().as_raw();
        Self::Denied { path, owner, own }
    }
}

/// What the command line names.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Trace directories, each once, in order.
    pub traces: Vec<PathBuf>,
    /// Files of lines, each once, in order.
    pub files: Vec<PathBuf>,
    /// Archives, unpacked for as long as this lives.
    archives: Vec<Archive>,
}

impl Inputs {
    /// Reads a trace.
    ///
    /// # Errors
    /// [`InputError`] when there is none that this build can read.
    pub fn read_trace(&self, directory: &Path) -> Result<Case, InputError> {
        let mut case = Case::read(directory).map_err(|error| match error {
            TraceError::NoHeader(_) => why_no_header(directory, error),
            TraceError::Io { path, source } => InputError::unreadable(&path, source),
            error => error.into(),
        })?;
        case.directory = self.shown(directory);
        Ok(case)
    }

    /// Reads a file of lines.
    ///
    /// # Errors
    /// [`InputError`] when it cannot be opened or holds no text.
    pub fn read_file(&self, path: &Path) -> Result<SourceLines, InputError> {
        let mut lines = read_file(path)?;
        lines.source.path = self.shown(&lines.source.path);
        Ok(lines)
    }

    /// A path as somebody knows it who gave an archive.
    fn shown(&self, path: &Path) -> PathBuf {
        let inside = self.archives.iter().find_map(|archive| archive.shown(path));
        inside.unwrap_or_else(|| path.to_owned())
    }

    fn take(&mut self, path: &Path) -> Result<(), InputError> {
        if path == Path::new(STDIN) {
            put(&mut self.files, path.to_owned());
            return Ok(());
        }
        let metadata = path.metadata();
        let metadata = metadata.map_err(|source| InputError::unreadable(path, source))?;
        if metadata.is_dir() {
            self.take_folder(path)
        } else if let Some(trace) = trace_around(path) {
            put(&mut self.traces, trace);
            Ok(())
        } else if let Some(archive) = metadata
            .is_file()
            .then(|| Archive::open(path))
            .transpose()?
            .flatten()
        {
            let taken = self.take_folder(archive.folder());
            self.archives.push(archive);
            taken
        } else {
            put(&mut self.files, path.to_owned());
            Ok(())
        }
    }

    fn take_folder(&mut self, folder: &Path) -> Result<(), InputError> {
        let listed = std::fs::read_dir(folder);
        let mut entries = listed.map_err(|source| InputError::unreadable(folder, source))?;
        if entries.next().is_none() {
            return Err(InputError::Empty(folder.to_owned()));
        }
        let traces = traces_below(folder, DEEPEST);
        if !traces.is_empty() {
            traces
                .into_iter()
                .for_each(|trace| put(&mut self.traces, trace));
            return Ok(());
        }
        let logs = logs_below(folder, DEEPEST);
        if logs.is_empty() {
            return Err(InputError::NothingToRead(folder.to_owned()));
        }
        logs.into_iter().for_each(|log| put(&mut self.files, log));
        Ok(())
    }
}

/// Tells traces from files.
///
/// # Errors
/// [`InputError`] for the first input that cannot be used.
pub fn inputs(named: &[PathBuf]) -> Result<Inputs, InputError> {
    let mut inputs = Inputs::default();
    for path in named {
        inputs.take(path)?;
    }
    Ok(inputs)
}

/// A trace that nobody may read has no header either.
fn why_no_header(directory: &Path, error: TraceError) -> InputError {
    let facts = directory.join(layout::FACTS);
    match std::fs::File::open(&facts) {
        Err(source) if source.kind() == ErrorKind::PermissionDenied => {
            InputError::unreadable(&facts, source)
        }
        _ => error.into(),
    }
}

/// Folders within a folder that are looked into: a volume often has one for each pod.
const DEEPEST: usize = 3;

/// Traces in a folder; where it has none, those in its folders.
fn traces_below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    find_traces(folder).unwrap_or_else(|_| in_folders(folder, depth, traces_below))
}

/// The same for logs.
fn logs_below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let logs = logs_in(folder);
    if logs.is_empty() {
        in_folders(folder, depth, logs_below)
    } else {
        logs
    }
}

fn in_folders(folder: &Path, depth: usize, look: fn(&Path, usize) -> Vec<PathBuf>) -> Vec<PathBuf> {
    let Some(depth) = depth.checked_sub(1) else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    // Links are not followed: they may lead in a circle.
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut folders: Vec<PathBuf> = entries
        .filter(is_folder)
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
        .iter()
        .flat_map(|folder| look(folder, depth))
        .collect()
}

fn put(into: &mut Vec<PathBuf>, path: PathBuf) {
    if !into.contains(&path) {
        into.push(path);
    }
}

/// The trace that a file is part of.
fn trace_around(path: &Path) -> Option<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str())?;
    let belongs_to_a_trace = name == layout::FACTS || layout::Segment::parse(name).is_some();
    belongs_to_a_trace.then(|| path.parent().map(Path::to_owned))?
}

/// Logs, consoles and hs_err files in a folder that holds no trace.
fn logs_in(folder: &Path) -> Vec<PathBuf> {
    let is_log = |path: &PathBuf| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let ends = [".log", ".out", ".err"];
        path.is_file() && (ends.iter().any(|end| name.contains(end)) || name.starts_with("hs_err"))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut logs: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_log).collect();
    logs.sort();
    logs
}
