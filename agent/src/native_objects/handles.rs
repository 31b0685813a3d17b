//! Live handles of RocksDB's caches, write buffer managers and databases, so that the library can be asked about them.
//!
//! A handle must never be used once it is being disposed of. So each has a lock: who asks holds it, and gives up when it is
//! taken; who disposes takes it, removes the handle, and only then calls the original. Asking takes microseconds; the longest
//! that a database can make it wait is for its own mutex, which closing it has to wait for too.
//!
//! Handles are removed even when the agent has switched itself off, for its thread may be asking at that moment.

use flinkmem_native::kernel::dynamic_linker::LoadedLibrary;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What a handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cache,
    WriteBufferManager,
    Database,
}

/// A live object of the library's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) kind: Kind,
    pub(super) value: usize,
    /// What it was created with: capacity of a cache, limit of a write buffer manager.
    pub(super) bytes: u64,
    /// Index of its library.
    pub(super) library: usize,
}

/// Most handles that are kept. What finds no room is counted, and missing in the figures.
const HANDLES: usize = 512;

static HANDLE_TABLE: [Mutex<Option<Handle>>; HANDLES] = [const { Mutex::new(None) }; HANDLES];

/// Entries from this one on were never used.
static USED: AtomicUsize = AtomicUsize::new(0);

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// An object may end unseen, so none is asked about any more.
static BLIND: AtomicBool = AtomicBool::new(false);

/// Asks about nothing from now on: a method that disposes of such objects could not be stood before.
pub(super) fn give_up() {
    BLIND.store(true, Ordering::SeqCst);
    for entry in used() {
        *entry.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A library with the package of its classes, as exported names contain it.
pub(super) struct Library {
    pub(super) loaded: LoadedLibrary,
    pub(super) package: &'static str,
}

/// Different libraries, or the same one at different places, that can be told apart.
const LIBRARIES: usize = 16;

static LIBRARY_TABLE: [OnceLock<Library>; LIBRARIES] = [const { OnceLock::new() }; LIBRARIES];

/// Index of the library that holds `function`.
pub(super) fn library_of(function: usize, package: &'static str) -> Option<usize> {
    let loaded = LoadedLibrary::holding(function)?;
    LIBRARY_TABLE.iter().position(|entry| {
        let library = entry.get_or_init(|| Library {
            loaded: loaded.clone(),
            package,
        });
        library.loaded == loaded
    })
}

/// All libraries with their index.
pub(super) fn libraries() -> impl Iterator<Item = (usize, &'static Library)> {
    LIBRARY_TABLE.iter().map_while(OnceLock::get).enumerate()
}

/// Remembers a handle that was just created.
#[cold]
pub(super) fn learn(handle: Handle) {
    for (index, entry) in HANDLE_TABLE.iter().enumerate() {
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that none comes in after all were given up.
        if BLIND.load(Ordering::SeqCst) {
            return;
        }
        if entry.is_none() {
            *entry = Some(handle);
            USED.fetch_max(index + 1, Ordering::Release);
            return;
        }
    }
    DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// Forgets a handle that is about to be disposed of; waits for who is asking about it just now.
#[cold]
pub(super) fn forget(kind: Kind, value: usize) {
    for entry in used() {
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.is_some_and(|handle| (handle.kind, handle.value) == (kind, value)) {
            *entry = None;
        }
    }
}

/// Visits the live handles of one library. None of them can be disposed of while it is visited; those that are in other
/// hands at the moment are passed over, and counted in the result.
pub(super) fn for_each(library: usize, mut visit: impl FnMut(&Handle)) -> u64 {
    let mut missed = 0;
    for entry in used() {
        match entry.try_lock() {
            Ok(entry) => {
                if let Some(handle) = entry.as_ref().filter(|handle| handle.library == library) {
                    visit(handle);
                }
            }
            Err(_) => missed += 1,
        }
    }
    missed
}

/// Forgets all handles of a library that is no longer loaded.
pub(super) fn forget_library(library: usize) {
    for entry in used() {
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.is_some_and(|handle| handle.library == library) {
            *entry = None;
        }
    }
}

/// Whether there may be handles at all.
pub(super) fn is_empty() -> bool {
    USED.load(Ordering::Relaxed) == 0
}

/// Handles that found no room so far.
pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

fn used() -> &'static [Mutex<Option<Handle>>] {
    let used = USED.load(Ordering::Acquire);
    HANDLE_TABLE.get(..used).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn cache(value: usize) -> Handle {
        Handle {
            kind: Kind::Cache,
            value,
            bytes: 1,
            library: 7,
        }
    }

    /// The other test looks at other handles.
    fn visited(value: usize) -> usize {
        let mut found = 0;
        for_each(7, |handle| found += usize::from(handle.value == value));
        found
    }

    #[test]
    fn a_handle_is_visited_until_it_is_forgotten() {
        learn(cache(64));
        assert_eq!(visited(64), 1);
        forget(Kind::Database, 64);
        assert_eq!(visited(64), 1, "another kind may have the same value");
        forget(Kind::Cache, 64);
        assert_eq!(visited(64), 0);
    }

    #[test]
    fn who_disposes_waits_for_who_asks() {
        static IS_DISPOSED: AtomicBool = AtomicBool::new(false);
        learn(cache(128));
        std::thread::scope(|scope| {
            let mut begun = None;
            for_each(7, |handle| {
                if handle.value != 128 {
                    return;
                }
                begun = Some(scope.spawn(|| {
                    forget(Kind::Cache, 128);
                    IS_DISPOSED.store(true, Ordering::SeqCst);
                }));
                for _ in 0..1000 {
                    std::thread::yield_now();
                    assert!(
                        !IS_DISPOSED.load(Ordering::SeqCst),
                        "disposed of while in use"
                    );
                }
            });
            begun.unwrap().join().unwrap();
        });
        assert!(IS_DISPOSED.load(Ordering::SeqCst));
        assert_eq!(visited(128), 0);
    }
}
