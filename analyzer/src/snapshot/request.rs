//! Leaving the request, and waiting until it was served.

use flinkmem_trace::control::{SNAPSHOT_REQUEST, SNAPSHOT_UNDER_WAY};
use flinkmem_trace::{Header, TraceError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A snapshot that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The request cannot be left.
    #[error("cannot write {path}: {source}; run this as the process's user or as root")]
    Request {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody took the request.
    #[error(
        "no agent took the request in {directory} within {seconds} s: its process has ended, stands still, or the agent was switched off (its trace says so); `flinkmem diagnose` reads what there is"
    )]
    NoAnswer {
        /// The trace.
        directory: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
}

/// How long taking everything may last beyond the wait for the agent's next look: walks over a large heap are in it.
const TAKING: Duration = Duration::from_secs(60);

/// The agent's next look is at most this many base intervals away, a late tick included.
const INTERVALS: u32 = 3;

/// What is assumed when the header does not tell the base interval.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn ask_and_wait(
    directory: &Path,
    header: &Header,
    patience: Duration,
) -> Result<(), SnapshotError> {
    let left = directory.join(SNAPSHOT_REQUEST);
    leave(&left, patience)?;
    let start = Instant::now();
    let looks = interval(header).saturating_mul(INTERVALS) + Duration::from_secs(2);
    while left.exists() {
        if start.elapsed() > looks {
            let _ = std::fs::remove_file(&left);
            return Err(no_answer(directory, start));
        }
        std::thread::sleep(PAUSE);
    }
    let under_way = directory.join(SNAPSHOT_UNDER_WAY);
    while under_way.exists() {
        if start.elapsed() > looks + TAKING {
            return Err(no_answer(directory, start));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// One that is there already was left by somebody else at the same time; its answer is ours.
fn leave(path: &Path, patience: Duration) -> Result<(), SnapshotError> {
    // Written under another name first: the agent takes a request as soon as it is there.
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let written = fs::write(&draft, patience.as_millis().to_string());
    let left = written.and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match left {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(SnapshotError::Request {
                path: path.to_owned(),
                source,
            })
        }
        _ => Ok(()),
    }
}

fn no_answer(directory: &Path, start: Instant) -> SnapshotError {
    SnapshotError::NoAnswer {
        directory: directory.to_owned(),
        seconds: start.elapsed().as_secs(),
    }
}

/// The agent's base interval, as it writes it into the header: `1s`, `250ms`.
pub(crate) fn interval(header: &Header) -> Duration {
    let text = header.agent_options.get("interval");
    let parse = |text: &String| {
        let (number, unit) = match text.strip_suffix("ms") {
            Some(number) => (number, 1),
            None => (text.strip_suffix('s')?, 1000),
        };
        Some(Duration::from_millis(
            number.parse::<u64>().ok()?.checked_mul(unit)?,
        ))
    };
    text.and_then(parse).unwrap_or(USUAL_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_interval(text: &str) -> Header {
        let mut header = Header::default();
        let options = &mut header.agent_options;
        options.insert("interval".to_owned(), text.to_owned());
        header
    }

    #[test]
    fn the_headers_interval_is_understood() {
        for (text, ms) in [("250ms", 250), ("60s", 60_000), ("soon", 1000)] {
            assert_eq!(
                interval(&with_interval(text)),
                Duration::from_millis(ms),
                "{text}"
            );
        }
    }

    #[test]
    fn a_request_that_nobody_takes_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let outcome = ask_and_wait(directory.path(), &with_interval("1ms"), Duration::ZERO);
        assert!(matches!(outcome, Err(SnapshotError::NoAnswer { .. })));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
