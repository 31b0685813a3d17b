//! Call sites of off-heap allocations.

use serde::{Deserialize, Serialize};

/// A call stack that allocated off-heap memory, named once per trace; samples refer to it by `id`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Site {
    /// Wall clock, milliseconds since the epoch, when the site was first seen.
    pub t_ms: i64,
    /// Milliseconds since the agent started.
    pub up_ms: u64,
    /// Identity within the trace, from 1.
    pub id: u32,
    /// Stack, innermost frame first.
    pub frames: Vec<Frame>,
    /// The stack was deeper than what was recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// One frame of a Java stack.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Frame {
    /// Class, with dots, such as `java.nio.ByteBuffer`.
    pub class: String,
    /// Method, such as `allocateDirect` or `<init>`.
    pub method: String,
    /// Line in the source; absent without line numbers and in native methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Class loader's class, when it is neither the boot nor the platform nor the system loader: user code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
}

impl Frame {
    /// `class.method`, as reports name a call site.
    #[must_use]
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.class, self.method)
    }
}
