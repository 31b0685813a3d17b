//! The version of this build: one for the agent and the command line, that of the workspace.
//!
//! `scripts/release` names the revision that it builds in `$FLINKMEM_REVISION`; other builds have none.

use crate::FORMAT;
use std::ffi::CStr;

/// The version alone, as in a trace's header.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What stands before the version in the bytes of the agent library, where it can be read without loading it.
pub const AGENT_MARK: &str = "flinkmem agent ";

/// Bytes that a text has room for; a longer one does not compile.
const ROOM: usize = 96;

/// The version with revision and trace format, such as `0.1.0 (1a2b3c4d5e6f, trace format 1.1)`.
#[must_use]
pub fn build() -> &'static str {
    const TEXT: Text = Text::EMPTY.with_build();
    TEXT.as_str()
}

/// [`AGENT_MARK`] and [`build`], NUL-terminated: what the agent library exports as `flinkmem_version`.
pub const AGENT_BUILD: [u8; ROOM] = Text::EMPTY.with(AGENT_MARK).with_build().bytes;

/// The build that an agent library was made by, read from its bytes; `None` where the bytes are something else, or a
/// library that is older than 0.1.0's release.
#[must_use]
pub fn agent_build(library: &[u8]) -> Option<&str> {
    let mark = AGENT_MARK.as_bytes();
    let found = library.windows(mark.len()).enumerate();
    found
        .filter(|(_, part)| *part == mark)
        .filter_map(|(at, _)| CStr::from_bytes_until_nul(&library[at + mark.len()..]).ok())
        .filter_map(|text| text.to_str().ok())
        .find(|text| text.starts_with(|first: char| first.is_ascii_digit()) && text.len() < ROOM)
}

/// A text put together while compiling.
#[derive(Clone, Copy)]
struct Text {
    bytes: [u8; ROOM],
    length: usize,
}

impl Text {
    const EMPTY: Self = Self {
        bytes: [0; ROOM],
        length: 0,
    };

    const fn with_build(self) -> Self {
        let text = self.with(VERSION).with(" (");
        let text = match option_env!("FLINKMEM_REVISION") {
            Some(revision) => text.with(revision).with(", "),
            None => text,
        };
        let text = text.with("trace format ").with_number(FORMAT.major);
        text.with(".").with_number(FORMAT.minor).with(")")
    }

    const fn with(mut self, part: &str) -> Self {
        let part = part.as_bytes();
        let mut at = 0;
        while at < part.len() {
            self = self.with_byte(part[at]);
            at += 1;
        }
        self
    }

    const fn with_number(self, number: u16) -> Self {
        /// The decimal digits, of which the last is below ten.
        const DIGITS: &[u8; 10] = b"0123456789";
        let text = if number >= 10 {
            self.with_number(number / 10)
        } else {
            self
        };
        text.with_byte(DIGITS[(number % 10) as usize])
    }

    const fn with_byte(mut self, byte: u8) -> Self {
        // The last byte stays NUL.
        assert!(self.length + 1 < ROOM, "the version has no room");
        self.bytes[self.length] = byte;
        self.length += 1;
        self
    }

    fn as_str(&'static self) -> &'static str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or(VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_names_version_and_trace_format() {
        let build = build();
        assert!(build.starts_with(VERSION), "{build}");
        let format = format!("trace format {}.{})", FORMAT.major, FORMAT.minor);
        assert!(build.ends_with(&format), "{build}");
    }

    #[test]
    fn numbers_of_several_digits_are_spelt_out() {
        const TEXT: Text = Text::EMPTY.with_number(1).with(".").with_number(10_307);
        assert_eq!(TEXT.as_str(), "1.10307");
    }

    #[test]
    fn the_build_of_a_library_is_found_among_other_bytes() {
        let mut library = b"\x7fELF\0flinkmem agent \0flinkmem agent is not a version\0".to_vec();
        assert_eq!(agent_build(&library), None);
        library.extend_from_slice(&AGENT_BUILD);
        assert_eq!(agent_build(&library), Some(build()));
        assert_eq!(agent_build(&library[..library.len() - ROOM + 20]), None);
    }
}
