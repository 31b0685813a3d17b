//! A program in a terminal of its own, as a person would have it: keys go in, a picture comes out.

use crate::process::Process;
use crate::wait::{PATIENCE, wait_for};
use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub columns: u16,
    /// Lines.
    pub lines: u16,
}

/// A program in a terminal.
#[derive(Debug)]
pub struct Program {
    process: Process,
    /// The end that a terminal emulator holds.
    keyboard: File,
    /// The program's end, kept open so that its settings can be looked at.
    terminal: OwnedFd,
    before: Termios,
    output: Arc<Mutex<Vec<u8>>>,
    is_closed: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// All that it wrote.
    pub output: String,
    before: Termios,
    after: Termios,
}

/// Keeps what a program writes until its terminal is closed.
fn read_all(mut picture: File, kept: &Mutex<Vec<u8>>, is_closed: &AtomicBool) {
    const LOOK_EVERY_MS: u16 = 50;
    let mut buffer = [0; 4096];
    while !is_closed.load(Ordering::Relaxed) {
        let mut polled = [PollFd::new(picture.as_fd(), PollFlags::POLLIN)];
        if poll(&mut polled, LOOK_EVERY_MS).unwrap_or(0) == 0 {
            continue;
        }
        let Ok(length) = picture.read(&mut buffer) else {
            return;
        };
        let read = buffer.get(..length).unwrap_or_default();
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(read);
    }
}

impl Program {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no terminal to be had, or the program cannot be started.
    pub fn start(command: &mut Command, size: Screen) -> Result<Self> {
        let OpenptyResult { master, slave } = openpty(Some(&winsize(size)), None)?;
        // Copies are closed in programs that are started, which would otherwise hold both ends of their own terminal open.
        let closed_in_programs = |end: OwnedFd| end.try_clone();
        let (master, slave) = (closed_in_programs(master)?, closed_in_programs(slave)?);
        let before = tcgetattr(&slave)?;
        let end = || -> Result<Stdio> { Ok(slave.try_clone()?.into()) };
        command.stdin(end()?).stdout(end()?).stderr(end()?);
        let process = Process::start(command, Vec::new())?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let picture = File::from(master.try_clone()?);
        let is_closed = Arc::new(AtomicBool::new(false));
        let (kept, closed) = (Arc::clone(&output), Arc::clone(&is_closed));
        let reader = std::thread::spawn(move || read_all(picture, &kept, &closed));
        Ok(Self {
            process,
            keyboard: File::from(master),
            terminal: slave,
            before,
            output,
            is_closed,
            reader,
        })
    }

    /// Takes the terminal away, as a connection that is lost does, and waits for the program's end.
    ///
    /// # Errors
    /// When it does not end.
    pub fn lose_the_terminal(mut self) -> Result<ExitStatus> {
        self.is_closed.store(true, Ordering::Relaxed);
        let _ = self.reader.join();
        drop((self.keyboard, self.terminal));
        self.process.wait(PATIENCE)
    }

    /// Waits until it has written some words next to each other.
    ///
    /// # Errors
    /// When it does not, or ends before.
    pub fn wait_for(&mut self, words: &str) -> Result<()> {
        let found = wait_for(words, PATIENCE, || {
            let ended = self.process.status()?;
            let found = self.output().contains(words);
            anyhow::ensure!(found || ended.is_none(), "it ended before");
            Ok(found.then_some(()))
        });
        found.with_context(|| self.output())
    }

    /// Presses keys.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.keyboard
            .write_all(keys.as_bytes())
            .context("the terminal is gone")
    }

    /// Makes the terminal another size.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn resize(&self, size: Screen) -> Result<()> {
        // The kernel tells the foreground group of a controlling terminal only; this program has another, so it is told here.
        let text = [size.lines.to_string(), size.columns.to_string()];
        let mut stty = Command::new("stty");
        stty.args(["rows", &text[0], "cols", &text[1]])
            .stdin(Stdio::from(self.terminal.try_clone()?));
        anyhow::ensure!(stty.status()?.success(), "stty failed");
        self.process.send(libc::SIGWINCH)
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&mut self) -> Result<()> {
        self.process.terminate()
    }

    /// Whether each key goes to the program at once.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn is_raw(&self) -> Result<bool> {
        Ok(!tcgetattr(&self.terminal)?
            .local_flags
            .contains(LocalFlags::ICANON))
    }

    /// Processor time that it took so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let mut times = fields
            .split_ascii_whitespace()
            .skip(11)
            .map(str::parse::<u64>);
        let ticks = times.next().context("no utime")?? + times.next().context("no stime")??;
        // A hundred a second on every architecture that a JVM runs on.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end.
    pub fn finish(mut self) -> Result<Ended> {
        let status = self.process.wait(PATIENCE).with_context(|| self.output())?;
        let after = tcgetattr(&self.terminal)?;
        // What was written last may still be on its way; the line that the shell would have begun tells that it is there.
        let marker = "\n-- end of the program --";
        let mut terminal = File::from(self.terminal.try_clone()?);
        terminal.write_all(marker.as_bytes())?;
        wait_for("the rest of the output", PATIENCE, || {
            Ok(self
                .output()
                .contains("-- end of the program --")
                .then_some(()))
        })?;
        Ok(Ended {
            status,
            output: self.output().replace("-- end of the program --", ""),
            before: self.before.clone(),
            after,
        })
    }

    fn output(&self) -> String {
        let bytes = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Ended {
    /// That the terminal is as it was before.
    ///
    /// # Panics
    /// When it is not.
    pub fn gave_the_terminal_back(&self) {
        assert_eq!(self.before, self.after, "its settings are others");
        for (on, off) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?25l", "\x1b[?25h")] {
            let last = |sequence: &str| self.output.rfind(sequence);
            assert!(
                last(on).is_some() && last(on) < last(off),
                "{on:?} without {off:?}"
            );
        }
    }

    /// What stands on the terminal after the picture is gone.
    #[must_use]
    pub fn last_words(&self) -> &str {
        self.output.rsplit("\x1b[?1049l").next().unwrap_or_default()
    }
}

fn winsize(size: Screen) -> Winsize {
    Winsize {
        ws_row: size.lines,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
