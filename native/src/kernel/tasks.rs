//! `/proc/<pid>/task`: all threads of the process, also those that are none of Java's, with the names that the kernel knows.

use std::fs;
use std::path::Path;

/// Names of the kernel's threads, of at most 15 letters each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tasks {
    /// `comm` of those that were read.
    pub names: Vec<String>,
    /// Threads beyond the number that was to be read.
    pub unread: usize,
}

impl Tasks {
    /// Reads the names of at most `most` threads of this process; each takes some microseconds. One that ends meanwhile is left out.
    #[must_use]
    pub fn read(most: usize) -> Option<Self> {
        Self::of(Path::new("/proc/self"), most)
    }

    /// The same of the process whose directory of `/proc` is given.
    #[must_use]
    pub fn of(process: &Path, most: usize) -> Option<Self> {
        let mut tasks = Self::default();
        for task in fs::read_dir(process.join("task")).ok()?.flatten() {
            if tasks.names.len() >= most {
                tasks.unread += 1;
            } else if let Ok(name) = fs::read(task.path().join("comm")) {
                let name = String::from_utf8_lossy(name.trim_ascii_end()).into_owned();
                tasks.names.push(name);
            }
        }
        Some(tasks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_found_by_its_name_and_what_is_left_unread_is_counted() {
        let (tell, wait) = std::sync::mpsc::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("rocksdb:low".to_owned());
        let thread = thread.spawn(move || {
            ready.send(()).unwrap();
            wait.recv().ok()
        });
        is_ready.recv().unwrap();
        let tasks = Tasks::read(1000).unwrap();
        assert!(tasks.names.contains(&"rocksdb:low".to_owned()), "{tasks:?}");
        let one = Tasks::read(1).unwrap();
        assert_eq!(one.names.len(), 1);
        assert!(one.unread >= 1);
        drop(tell);
        thread.unwrap().join().unwrap();
    }
}
