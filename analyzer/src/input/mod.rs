//! What was given on the command line, told apart: so far traces only. What cannot be read yet is refused by name.

use flinkmem_trace::{find_traces, layout};
use std::path::{Path, PathBuf};

/// An input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Nothing there, or not readable, or no trace in it.
    #[error(
        "{0}; give a trace directory (flinkmem-<host>-<pid>-<start>) or a directory that holds some"
    )]
    NoTrace(#[from] flinkmem_trace::TraceError),
    /// A file that is no part of a trace.
    #[error(
        "{0} is not a trace: this flinkmem reads trace directories only, neither logs nor GC logs, hs_err files or pod status; give the directory flinkmem-<host>-<pid>-<start>"
    )]
    NotATrace(PathBuf),
    /// Nothing at that path.
    #[error("cannot read {path}; check the path, and the agent's `dir` option for where it writes")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The trace directories that the inputs name, each once, in order.
///
/// # Errors
/// [`InputError`] for the first input that cannot be used.
pub fn traces(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, InputError> {
    let mut found: Vec<PathBuf> = Vec::new();
    for input in inputs {
        for trace in traces_at(input)? {
            if !found.contains(&trace) {
                found.push(trace);
            }
        }
    }
    Ok(found)
}

fn traces_at(input: &Path) -> Result<Vec<PathBuf>, InputError> {
    let metadata = input.metadata().map_err(|source| InputError::Unreadable {
        path: input.to_owned(),
        source,
    })?;
    if metadata.is_dir() {
        return Ok(find_traces(input)?);
    }
    let name = input
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let belongs_to_a_trace = name == layout::FACTS || layout::Segment::parse(name).is_some();
    match input.parent() {
        Some(directory) if belongs_to_a_trace => Ok(vec![directory.to_owned()]),
        _ => Err(InputError::NotATrace(input.to_owned())),
    }
}
