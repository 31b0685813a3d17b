//! Lines of bounded length from an untrusted file.

use std::io::BufRead;

/// Longest line that is kept. The longest line that the agent writes is an incident of a few tens of KiB.
const MAX_LINE_BYTES: usize = 4 << 20;

/// One line, without its newline.
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// The file ends without a newline.
    Torn(&'a [u8]),
    /// Longer than [`MAX_LINE_BYTES`]; skipped.
    TooLong,
    End,
}

pub(super) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
        }
    }

    pub(super) fn next_line(&mut self) -> std::io::Result<Line<'_>> {
        self.buffer.clear();
        let mut too_long = false;
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(match (too_long, self.buffer.is_empty()) {
                    (true, _) => Line::TooLong,
                    (false, true) => Line::End,
                    (false, false) => Line::Torn(&self.buffer),
                });
            }
            let newline = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..newline.unwrap_or(available.len())];
            too_long |= self.buffer.len() + part.len() > MAX_LINE_BYTES;
            if too_long {
                self.buffer.clear();
            } else {
                self.buffer.extend_from_slice(part);
            }
            let consumed = part.len() + usize::from(newline.is_some());
            self.source.consume(consumed);
            if newline.is_some() {
                return Ok(if too_long {
                    Line::TooLong
                } else {
                    Line::Whole(&self.buffer)
                });
            }
        }
    }
}
