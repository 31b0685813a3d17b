//! Traces of earlier lives, in the directory where ours goes: how the last one ended, and how many of them are kept.
//!
//! Whether a process is gone is told by a lock that it held on its facts, not by its number: in containers every process
//! has number 1. Looking is bounded in time and bytes, and is done by the agent's thread: nobody waits for it.

mod keep;
mod previous_life;

pub(crate) use keep::Keeper;

use flinkmem_native::kernel::lock::{LifeLock, Locking};
use flinkmem_trace::Header;
use flinkmem_trace::layout::{DirectoryName, FACTS, directory_name};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// What looking may take. A slow disk costs us what we would have learnt, not more time.
const PATIENCE: Duration = Duration::from_millis(5);

/// Entries of the directory that are looked at: somebody may keep other things there.
const MOST_ENTRIES: usize = 4096;

/// Traces that were there when ours began.
pub(crate) struct Earlier {
    /// The newest first.
    traces: Vec<Found>,
    own_host: String,
    began: Instant,
}

struct Found {
    path: PathBuf,
    name: DirectoryName,
    /// Tells those apart that began in the same second, as in a restart loop.
    modified: Option<SystemTime>,
}

impl Earlier {
    /// Those in `parent`. `host` is our own.
    pub(crate) fn look(parent: &Path, host: &str) -> Self {
        let began = Instant::now();
        let mut traces = Vec::new();
        let entries = std::fs::read_dir(parent).into_iter().flatten();
        for entry in entries.take(MOST_ENTRIES).flatten() {
            let name = entry.file_name();
            let name = name.to_str().and_then(DirectoryName::parse);
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if let Some(name) = name.filter(|_| is_directory) {
                let path = entry.path();
                let metadata = entry.metadata().ok();
                let modified = metadata.and_then(|metadata| metadata.modified().ok());
                traces.push(Found {
                    path,
                    name,
                    modified,
                });
            }
            if began.elapsed() > PATIENCE {
                break;
            }
        }
        traces.sort_by(|one, other| {
            let age = |found: &Found| (found.name.start.clone(), found.modified);
            age(other).cmp(&age(one))
        });
        // As it is written in names.
        let own_host = DirectoryName::parse(&directory_name(host, 0, "00000000T000000Z"));
        Self {
            traces,
            own_host: own_host.map(|name| name.host).unwrap_or_default(),
            began,
        }
    }

    /// Notes in our header how the process before this one ended.
    pub(crate) fn note(&self, header: &mut Header) {
        header.previous = previous_life::find(self, header);
    }

    /// What sees to it that at most `keep` of them stay.
    pub(crate) fn keeper(self, keep: Option<u32>) -> Keeper {
        Keeper::new(self, keep)
    }
}

/// Our own sign of life: the lock on the facts of our trace.
#[derive(Default)]
pub(crate) struct Life(Option<LifeLock>);

impl Life {
    /// Takes the lock, unless we have it. Whoever looks whether we live holds it for a moment, so it is tried again.
    pub(crate) fn hold(&mut self, directory: &Path) {
        if self.0.is_none()
            && let Locking::Taken(lock) = LifeLock::try_lock(&directory.join(FACTS))
        {
            self.0 = Some(lock);
        }
    }
}
