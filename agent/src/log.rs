//! What the agent prints: few lines on stderr, each with a fixed prefix and written with one `write`, or not at all where
//! that would block. Never stdout, which belongs to the application.

use flinkmem_native::kernel::stderr;
use std::fmt::{Arguments, Write as _};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    Off,
    /// Only that the agent is of no use, and why.
    Error,
    /// Also what it does not do as asked.
    Warn,
    /// Also where the trace is.
    Info,
    /// Also what it does.
    Debug,
}

impl Level {
    pub(crate) const NAMES: [(&str, Self); 5] = [
        ("off", Self::Off),
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, level)| *level == self)
            .map_or("", |(name, _)| name)
    }
}

/// A JVM that lives for months must not be told the same thing a million times.
const MOST_LINES: u32 = 100;

static LEVEL: AtomicU8 = AtomicU8::new(Level::Warn as u8);
static LINES: AtomicU32 = AtomicU32::new(0);

pub(crate) fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

pub(crate) fn error(message: Arguments<'_>) {
    print(Level::Error, message);
}

pub(crate) fn warn(message: Arguments<'_>) {
    print(Level::Warn, message);
}

pub(crate) fn info(message: Arguments<'_>) {
    print(Level::Info, message);
}

fn print(level: Level, message: Arguments<'_>) {
    if level as u8 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let printed = LINES.fetch_add(1, Ordering::Relaxed);
    if printed > MOST_LINES {
        return;
    }
    let mut line = String::new();
    let _ = write!(line, "flinkmem: {}: {message}", level.name());
    if printed == MOST_LINES {
        line.push_str(" (further messages are suppressed)");
    }
    stderr::write_line(&line);
}
