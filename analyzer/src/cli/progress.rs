//! What has been read of long inputs, on a terminal, once it has taken a while.
//!
//! The kernel counts what this process reads, so readers need not: `rchar` of `/proc/self/io`. Bytes are those on the disk, compressed or not.

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use procfs::process::Process;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Nobody minds to wait so long.
const SILENT: Duration = Duration::from_millis(500);
/// Between two looks at the counter.
const STEP: Duration = Duration::from_millis(100);

/// A line on stderr while it lives. Ctrl-C ends the program as ever, but takes the line away first: until then the signal is held back in this
/// thread and those that it starts, and the one that draws looks for it.
#[derive(Debug)]
pub(super) struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins to watch the reading of these files, if anybody looks.
    pub(super) fn begin<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { running: None };
        }
        let whole = paths.map(size_on_disk).sum();
        let (done, wait) = channel();
        // Where a signal cannot be held back or no thread be had, there is no progress to be seen, and all goes on.
        let Ok(()) = interrupts().thread_block() else {
            return Self { running: None };
        };
        let spawned = std::thread::Builder::new().spawn(move || show(whole, &wait));
        Self {
            running: spawned.ok().map(|thread| (done, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.running.take() {
            drop(done);
            // It ends at once, and has cleared its line by then.
            let _ = thread.join();
        }
        let _ = interrupts().thread_unblock();
    }
}

/// What Ctrl-C sends.
fn interrupts() -> SigSet {
    SigSet::from(Signal::SIGINT)
}

fn show(whole: u64, done: &Receiver<()>) {
    let (began, first) = (Instant::now(), bytes_read());
    let interrupted = SignalFd::with_flags(&interrupts(), SfdFlags::SFD_NONBLOCK).ok();
    let mut bar = None;
    while done.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
        let signal = interrupted
            .as_ref()
            .and_then(|signals| signals.read_signal().ok().flatten());
        if signal.is_some() {
            drop(bar.take().inspect(ProgressBar::finish_and_clear));
            let _ = interrupts().thread_unblock();
            let _ = raise(Signal::SIGINT);
        }
        if began.elapsed() >= SILENT {
            let bar = bar.get_or_insert_with(|| line(whole));
            let read = bytes_read().saturating_sub(first);
            bar.set_message(message(read, whole, began.elapsed()));
            bar.set_position(read.min(whole));
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn line(whole: u64) -> ProgressBar {
    let bar = ProgressBar::new(whole);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:20} {percent:>3} %") {
        bar.set_style(style.progress_chars("##."));
    }
    bar
}

/// `reading 1.2 GiB of 4.0 GiB, 310 MiB/s`.
fn message(read: u64, whole: u64, elapsed: Duration) -> String {
    if read >= whole {
        return format!("{} read, looking for causes", HumanBytes(read));
    }
    let rate = crate::units::rate(read as f64 / elapsed.as_secs_f64().max(0.001));
    format!(
        "reading {} of {}, {rate}",
        HumanBytes(read),
        HumanBytes(whole)
    )
}

fn bytes_read() -> u64 {
    let io = Process::myself().and_then(|process| process.io());
    io.map_or(0, |io| io.rchar)
}

/// Of a file, or of the files directly in a folder.
fn size_on_disk(path: &Path) -> u64 {
    let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| size(&entry.path())).sum(),
        Err(_) => size(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_what_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("log");
        std::fs::write(&file, vec![b'x'; 3 << 20]).unwrap();
        let before = bytes_read();
        let read = std::fs::read(&file).unwrap().len() as u64;
        assert!(bytes_read() - before >= read);
        assert_eq!(size_on_disk(directory.path()), read);
    }

    #[test]
    fn a_message_tells_how_much_and_how_fast() {
        assert_eq!(
            message(512 << 20, 4 << 30, Duration::from_secs(2)),
            "reading 512.00 MiB of 4.00 GiB, 256 MiB/s"
        );
        assert!(message(5, 5, Duration::ZERO).contains("looking for causes"));
    }
}
