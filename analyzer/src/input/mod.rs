//! What was given on the command line, told apart by content: trace directories, and files of lines.

mod file;

pub use file::read_file;

use flinkmem_trace::{find_traces, layout};
use std::path::{Path, PathBuf};

/// An input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Nothing there, or not readable, or no trace in it.
    #[error(
        "{0}; give a trace directory (flinkmem-<host>-<pid>-<start>), a directory that holds some or logs, or files"
    )]
    NoTrace(#[from] flinkmem_trace::TraceError),
    /// A file that holds no text.
    #[error(
        "{0} holds no text; flinkmem reads traces, logs (also gzipped), GC logs, hs_err files, pod status, YARN diagnostics and kernel messages"
    )]
    NotText(PathBuf),
    /// Nothing at that path.
    #[error("cannot read {path}; check the path, and the agent's `dir` option for where it writes")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What the command line names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Trace directories, each once, in order.
    pub traces: Vec<PathBuf>,
    /// Files of lines, each once, in order.
    pub files: Vec<PathBuf>,
}

/// Tells traces from files.
///
/// # Errors
/// [`InputError`] for the first input that cannot be used.
pub fn inputs(named: &[PathBuf]) -> Result<Inputs, InputError> {
    let mut inputs = Inputs::default();
    for path in named {
        let metadata = path.metadata().map_err(|source| InputError::Unreadable {
            path: path.clone(),
            source,
        })?;
        if metadata.is_dir() {
            match find_traces(path) {
                Ok(found) => found
                    .into_iter()
                    .for_each(|trace| put(&mut inputs.traces, trace)),
                Err(error) => {
                    let logs = logs_in(path);
                    if logs.is_empty() {
                        return Err(error.into());
                    }
                    logs.into_iter().for_each(|log| put(&mut inputs.files, log));
                }
            }
        } else if let Some(trace) = trace_around(path) {
            put(&mut inputs.traces, trace);
        } else {
            put(&mut inputs.files, path.clone());
        }
    }
    Ok(inputs)
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
