//! Keys, and whether there still is a terminal that they could come from.
//!
//! Once the terminal is gone, the library that decodes keys reads its end over and over and waits for nothing else, not even for a signal. So
//! the kernel is asked first.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::crossterm::event::{self, Event};
use std::fs::File;
use std::io::{IsTerminal, stdin};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Where keys come from: standard input, or the controlling terminal where that is something else.
#[derive(Debug)]
pub(super) enum Keyboard {
    Stdin,
    Controlling(File),
}

/// What came within the time.
#[derive(Debug)]
pub(super) enum Input {
    Event(Event),
    Nothing,
    /// The terminal is gone: its window was closed, or the connection was lost.
    Gone,
}

impl Keyboard {
    pub(super) fn open() -> std::io::Result<Self> {
        if stdin().is_terminal() {
            return Ok(Self::Stdin);
        }
        File::open("/dev/tty").map(Self::Controlling)
    }

    /// The next key, or change of size. Waits at most that long; less when a signal comes.
    pub(super) fn next(&self, wait: Duration) -> std::io::Result<Input> {
        if self.is_gone(Duration::ZERO)? {
            return Ok(Input::Gone);
        }
        // Keys that were read together with an earlier one are waiting already.
        if !event::poll(Duration::ZERO)? {
            if self.is_gone(wait)? {
                return Ok(Input::Gone);
            }
            if !event::poll(Duration::ZERO)? {
                return Ok(Input::Nothing);
            }
        }
        event::read().map(Input::Event)
    }

    /// Waits until there is something to read, at most that long, and says whether the terminal is gone.
    fn is_gone(&self, wait: Duration) -> std::io::Result<bool> {
        let stdin = stdin();
        let terminal: BorrowedFd<'_> = match self {
            Self::Stdin => stdin.as_fd(),
            Self::Controlling(file) => file.as_fd(),
        };
        let mut polled = [PollFd::new(terminal, PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
        match poll(&mut polled, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        let said = polled[0].revents();
        Ok(said.is_some_and(|flags| flags.intersects(gone)))
    }
}
