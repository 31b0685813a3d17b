//! What Flink logs while it derives memory.

use serde::Serialize;

/// A line of Flink's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// How loud Flink says it.
    pub level: Level,
    /// The line, without time and logger.
    pub text: String,
}

/// A level of Flink's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For the record.
    Info,
    /// Worth a look.
    Warn,
}

impl Note {
    pub(crate) fn info(text: impl Into<String>) -> Self {
        Self {
            level: Level::Info,
            text: text.into(),
        }
    }

    pub(crate) fn warn(text: impl Into<String>) -> Self {
        Self {
            level: Level::Warn,
            text: text.into(),
        }
    }
}
