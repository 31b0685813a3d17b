//! Only so many traces of earlier lives stay, or a process that restarts for ever fills the disk.
//!
//! Removed is what is proven to be ours and over: a real directory named exactly as ours are, whose facts begin with a header, whose lock
//! nobody holds, and which was not written for a while. In it only files named as a trace's are removed, one by one, the facts last, so
//! that a removal that is cut short can be taken up again. No link is followed.

use super::{Earlier, Found};
use flinkmem_native::kernel::lock::{LifeLock, Locking};
use flinkmem_trace::header_of;
use flinkmem_trace::layout::{FACTS, Segment};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A process that has just begun may not have its lock yet.
const SETTLED: Duration = Duration::from_secs(60);

/// A lock of another machine's may not be seen. Whoever lives writes at least once an hour, for that is the longest interval.
const SETTLED_ELSEWHERE: Duration = Duration::from_secs(2 * 3600);

/// Removes what is too many, one trace at a time.
pub(crate) struct Keeper {
    /// The newest first, so the oldest is taken from the end.
    surplus: Vec<Found>,
    own_host: String,
}

impl Keeper {
    pub(super) fn new(earlier: Earlier, keep: Option<u32>) -> Self {
        let keep = keep.map_or(usize::MAX, |keep| {
            usize::try_from(keep).unwrap_or(usize::MAX)
        });
        Self {
            surplus: earlier.traces.into_iter().skip(keep).collect(),
            own_host: earlier.own_host,
        }
    }

    /// Looks at the oldest of those that are too many, and removes it if its process is gone. Called until there are none left, with
    /// other work in between.
    pub(crate) fn tidy(&mut self) {
        let Some(found) = self.surplus.pop() else {
            return;
        };
        let settled = if found.name.host == self.own_host {
            SETTLED
        } else {
            SETTLED_ELSEWHERE
        };
        remove(&found.path, settled);
    }
}

fn remove(directory: &Path, settled: Duration) {
    let is_directory = std::fs::symlink_metadata(directory).is_ok_and(|it| it.is_dir());
    let facts = directory.join(FACTS);
    if !is_directory || header_of(directory).is_none() {
        return;
    }
    // Held until the end: nobody else removes it meanwhile.
    let Locking::Taken(_lock) = LifeLock::try_lock(&facts) else {
        return;
    };
    let files = files(directory);
    let rests = |file: &PathBuf| last_written(file).is_some_and(|age| age >= settled);
    if !rests(&facts) || !files.iter().all(rests) {
        return;
    }
    let all_gone = files.iter().all(|file| std::fs::remove_file(file).is_ok());
    if all_gone && std::fs::remove_file(&facts).is_ok() {
        // Refused while there is anything of somebody else's in it.
        let _ = std::fs::remove_dir(directory);
    }
}

/// The files of a trace but for its facts.
fn files(directory: &Path) -> Vec<PathBuf> {
    let is_ours = |name: &str| Segment::parse(name.strip_suffix(".tmp").unwrap_or(name)).is_some();
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_ours))
        .map(|entry| entry.path())
        .collect()
}

/// How long ago a file was written; `None` when that is not known, or in the future.
fn last_written(file: &Path) -> Option<Duration> {
    let written = std::fs::symlink_metadata(file).ok()?.modified().ok()?;
    SystemTime::now().duration_since(written).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::{DiskBudget, Header, TraceWriter};
    use std::fs::File;

    /// A directory of traces, one for each day of a month, written long ago.
    struct Traces(tempfile::TempDir);

    impl Traces {
        fn new(hosts_and_days: &[(&str, u32)]) -> Self {
            let parent = tempfile::tempdir().unwrap();
            for (host, day) in hosts_and_days {
                let directory = parent.path().join(name(host, *day));
                let budget = DiskBudget::new(1 << 20);
                TraceWriter::create(&directory, &Header::default(), budget).unwrap();
                age(&directory, Duration::from_secs(3600));
            }
            Self(parent)
        }

        fn path(&self, host: &str, day: u32) -> PathBuf {
            self.0.path().join(name(host, day))
        }

        fn tidy(&self, keep: Option<u32>) {
            let mut keeper = Earlier::look(self.0.path(), "here").keeper(keep);
            for _ in 0..100 {
                keeper.tidy();
            }
        }

        fn left(&self) -> Vec<String> {
            let entries = std::fs::read_dir(self.0.path()).unwrap();
            let mut names: Vec<String> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    fn name(host: &str, day: u32) -> String {
        format!("flinkmem-{host}-1-202611{day:02}T000000Z")
    }

    fn age(directory: &Path, by: Duration) {
        let then = SystemTime::now() - by;
        for entry in std::fs::read_dir(directory).unwrap() {
            let file = File::options().append(true).open(entry.unwrap().path());
            file.unwrap().set_modified(then).unwrap();
        }
    }

    #[test]
    fn the_oldest_go() {
        let traces = Traces::new(&[("here", 3), ("here", 1), ("here", 2), ("here", 4)]);
        traces.tidy(None);
        assert_eq!(traces.left().len(), 4);
        traces.tidy(Some(2));
        assert_eq!(traces.left(), [name("here", 3), name("here", 4)]);
        traces.tidy(Some(0));
        assert!(traces.left().is_empty());
    }

    #[test]
    fn a_living_process_keeps_its_trace_and_so_does_one_that_has_just_written() {
        let traces = Traces::new(&[("here", 1), ("here", 2), ("here", 3)]);
        let lock = LifeLock::try_lock(&traces.path("here", 1).join(FACTS));
        assert!(matches!(lock, Locking::Taken(_)));
        age(&traces.path("here", 2), Duration::ZERO);
        traces.tidy(Some(0));
        assert_eq!(traces.left(), [name("here", 1), name("here", 2)]);
    }

    #[test]
    fn traces_of_another_host_rest_longer() {
        let traces = Traces::new(&[("elsewhere", 1), ("elsewhere", 2)]);
        age(&traces.path("elsewhere", 1), Duration::from_secs(3 * 3600));
        traces.tidy(Some(0));
        assert_eq!(traces.left(), [name("elsewhere", 2)]);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let traces = Traces::new(&[("here", 1), ("here", 2), ("here", 3)]);
        let elsewhere = tempfile::tempdir().unwrap();
        let theirs = elsewhere.path().join("samples-000000.jsonl");
        std::fs::write(&theirs, "theirs").unwrap();
        std::fs::write(elsewhere.path().join(FACTS), "theirs").unwrap();
        let link = traces.path("here", 4);
        std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
        // Facts without a header; a directory of a name that is not quite ours; a note in one that is.
        std::fs::write(traces.path("here", 1).join(FACTS), "{}\n").unwrap();
        let odd = traces.0.path().join("flinkmem-here-1-yesterday");
        std::fs::rename(traces.path("here", 2), &odd).unwrap();
        let note = traces.path("here", 3).join("note.txt");
        std::fs::write(&note, "ours?").unwrap();
        age(&traces.path("here", 1), Duration::from_secs(3600));

        traces.tidy(Some(0));
        assert!(theirs.is_file() && link.is_symlink());
        assert!(traces.path("here", 1).join(FACTS).is_file());
        assert!(odd.join(FACTS).is_file());
        let rest: Vec<_> = std::fs::read_dir(traces.path("here", 3)).unwrap().collect();
        assert!(note.is_file() && rest.len() == 1, "{rest:?}");
    }
}
