//! Standard error, shared with the application and with whoever reads it.
//!
//! A pipe that nobody empties blocks its writer. We are a guest, so a line is written only where it has room at once.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// POSIX's smallest `PIPE_BUF` is 512 and Linux's is this: a pipe that is ready takes so much without blocking.
const ROOM_BYTES: usize = 4096;

/// Writes `line` and a newline with one write. False when there is no room for it, or no standard error. Of a line longer
/// than a pipe takes at once the beginning is written.
pub fn write_line(line: &str) -> bool {
    // Locked first, so that two threads do not both find the same room.
    write_where_ready(io::stderr().lock(), line)
}

fn write_where_ready(mut target: impl Write + AsFd, line: &str) -> bool {
    let is_ready = {
        let mut waiting = [PollFd::new(target.as_fd(), PollFlags::POLLOUT)];
        let ready = poll(&mut waiting, PollTimeout::ZERO);
        let [waiting] = &waiting;
        ready == Ok(1) && waiting.revents() == Some(PollFlags::POLLOUT)
    };
    let mut bytes = Vec::with_capacity(line.len().min(ROOM_BYTES) + 1);
    bytes.extend(line.bytes().take(ROOM_BYTES - 1));
    bytes.push(b'\n');
    is_ready && target.write_all(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_pipe_that_nobody_empties_does_not_block() {
        let (mut reader, writer) = io::pipe().unwrap();
        let line = "x".repeat(3 * ROOM_BYTES);
        let written = (0..1000)
            .take_while(|_| write_where_ready(&writer, &line))
            .count();
        assert!((1..1000).contains(&written), "{written}");
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), written * ROOM_BYTES, "long lines are cut");
        assert!(text.lines().all(|line| line.len() == ROOM_BYTES - 1));
    }

    #[test]
    fn a_pipe_without_a_reader_is_no_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        assert!(!write_where_ready(&writer, "lost"));
    }
}
