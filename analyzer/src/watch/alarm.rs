//! When to look: every interval, at once when a trace comes or a fact is written, and no more when the watch is to end.
//!
//! Facts and new traces are told by inotify where it is to be had. It never sees what another machine writes to a network volume, nor are there
//! always enough watches; so the look every interval is not left out anywhere, and all that is lost without inotify is time.

use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// The least time between two looks: an incident writes a dozen facts, and one look takes them all.
const REST: Duration = Duration::from_millis(200);

/// Why somebody who waited goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It is time to look.
    Look,
    /// The watch is to end (SIGTERM, SIGINT).
    End,
}

/// Waits for something to do.
#[derive(Debug)]
pub struct Alarm {
    wakes: Receiver<Wake>,
    inotify: Option<RecommendedWatcher>,
    heeded: BTreeSet<Heeded>,
}

/// What lies at a path. Where something else takes its place, that is to be heeded anew.
type Heeded = (PathBuf, u64);

impl Alarm {
    /// An alarm that heeds SIGTERM and SIGINT from now on, and what stands in the way of inotify, if anything does.
    ///
    /// # Errors
    /// When the signals cannot be heeded.
    pub fn new() -> std::io::Result<(Self, Option<String>)> {
        let (sender, wakes) = channel();
        heed_signals(sender.clone())?;
        let heed = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| is_written(event.kind)) {
                // Nobody waits any more when the watch ends.
                let _ = sender.send(Wake::Look);
            }
        };
        let (inotify, problem) = match notify::recommended_watcher(heed) {
            Ok(inotify) => (Some(inotify), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let alarm = Self {
            wakes,
            inotify,
            heeded: BTreeSet::new(),
        };
        Ok((alarm, problem))
    }

    /// Heeds these paths and no others; true if one is new, so that it must be looked at once more: nobody saw what was written there until now.
    /// One that is not there (yet) is tried again the next time.
    pub fn heed(&mut self, paths: Vec<PathBuf>) -> bool {
        let Some(inotify) = &mut self.inotify else {
            return false;
        };
        let there = |path: PathBuf| {
            let number = std::fs::metadata(&path).ok()?.ino();
            Some((path, number))
        };
        let wanted: BTreeSet<Heeded> = paths.into_iter().filter_map(there).collect();
        for (path, _) in self.heeded.difference(&wanted) {
            // It may be gone, and the watch with it.
            let _ = inotify.unwatch(path);
        }
        let is_heeded = |heeded: &Heeded| {
            let mode = RecursiveMode::NonRecursive;
            self.heeded.contains(heeded) || inotify.watch(&heeded.0, mode).is_ok()
        };
        let heeded = wanted.into_iter().filter(is_heeded).collect();
        let before = std::mem::replace(&mut self.heeded, heeded);
        !self.heeded.is_subset(&before)
    }

    /// Waits until something is written that should not wait, or for the interval.
    pub fn wait(&self, interval: Duration) -> Wake {
        let began = Instant::now();
        match self.wakes.recv_timeout(interval) {
            Ok(Wake::Look) => self.rest(began),
            Ok(Wake::End) => Wake::End,
            Err(RecvTimeoutError::Timeout) => Wake::Look,
            // The thread that heeds signals never ends; if it did, nobody could end the watch in order.
            Err(RecvTimeoutError::Disconnected) => Wake::End,
        }
    }

    /// Takes what comes in quick succession as one.
    fn rest(&self, began: Instant) -> Wake {
        loop {
            let left = REST.saturating_sub(began.elapsed());
            match self.wakes.recv_timeout(left) {
                Ok(Wake::Look) if !left.is_zero() => {}
                Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return Wake::End,
                Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) => return Wake::Look,
            }
        }
    }
}

/// Reading wakes nobody, or looking would be the reason to look.
fn is_written(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(what) => !matches!(what, ModifyKind::Metadata(_)),
        _ => false,
    }
}

fn heed_signals(sender: Sender<Wake>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut terminate, mut interrupt) = {
        let _context = runtime.enter();
        let terminate = signal(SignalKind::terminate())?;
        (terminate, signal(SignalKind::interrupt())?)
    };
    let heed = move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if sender.send(Wake::End).is_err() {
                    return;
                }
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(heed)
        .map(|_| ())
}
