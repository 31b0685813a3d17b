//! Lines of bounded length from an untrusted file.

use std::io::{BufRead, Read};

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
    consumed: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            consumed: 0,
        }
    }

    /// Bytes of the source that the lines so far took up, with their newlines.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }

    pub(super) fn next_line(&mut self) -> std::io::Result<Line<'_>> {
        self.buffer.clear();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        // One byte more for the newline. The standard library looks for that many times faster than a loop over bytes would.
        let mut bounded = self.source.by_ref().take(most.saturating_add(1));
        let length = bounded.read_until(b'\n', &mut self.buffer)?;
        self.count(length);
        match self.buffer.pop() {
            None => Ok(Line::End),
            Some(b'\n') => Ok(Line::Whole(&self.buffer)),
            Some(last) if self.buffer.len() < MAX_LINE_BYTES => {
                self.buffer.push(last);
                Ok(Line::Torn(&self.buffer))
            }
            Some(_) => {
                self.skip_line()?;
                Ok(Line::TooLong)
            }
        }
    }

    /// Passes over what is left of a line, however long.
    fn skip_line(&mut self) -> std::io::Result<()> {
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let newline = available.iter().position(|&byte| byte == b'\n');
            let length = newline.map_or(available.len(), |index| index + 1);
            let is_over = newline.is_some() || available.is_empty();
            self.source.consume(length);
            self.count(length);
            if is_over {
                return Ok(());
            }
        }
    }

    fn count(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.consumed = self.consumed.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &[u8]) -> Vec<(char, usize)> {
        let mut lines = Lines::new(text);
        let mut kinds = Vec::new();
        loop {
            kinds.push(match lines.next_line().unwrap() {
                Line::Whole(line) => ('w', line.len()),
                Line::Torn(line) => ('t', line.len()),
                Line::TooLong => ('x', 0),
                Line::End => return kinds,
            });
        }
    }

    #[test]
    fn lines_are_whole_torn_or_too_long() {
        assert_eq!(kinds(b"ab\n\nc"), [('w', 2), ('w', 0), ('t', 1)]);
        assert_eq!(kinds(b""), []);
        let mut longest = vec![b'a'; MAX_LINE_BYTES];
        assert_eq!(kinds(&longest), [('t', MAX_LINE_BYTES)]);
        longest.extend(b"\nb\n");
        assert_eq!(kinds(&longest), [('w', MAX_LINE_BYTES), ('w', 1)]);
        let mut too_long = vec![b'a'; MAX_LINE_BYTES + 9];
        assert_eq!(kinds(&too_long), [('x', 0)]);
        too_long.extend(b"\nb\n");
        assert_eq!(kinds(&too_long), [('x', 0), ('w', 1)]);
        let mut by_one = vec![b'a'; MAX_LINE_BYTES + 1];
        by_one.extend(b"\nb\n");
        assert_eq!(kinds(&by_one), [('x', 0), ('w', 1)]);
    }

    #[test]
    fn what_lines_took_up_is_counted() {
        let mut text = b"ab\n\n".to_vec();
        text.extend(vec![b'a'; MAX_LINE_BYTES + 9]);
        text.extend(b"\nc");
        let mut lines = Lines::new(text.as_slice());
        let mut consumed = Vec::new();
        while !matches!(lines.next_line().unwrap(), Line::End) {
            consumed.push(lines.consumed());
        }
        let length = u64::try_from(text.len()).unwrap();
        assert_eq!(consumed, [3, 4, length - 1, length]);
    }
}
