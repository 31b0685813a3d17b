//! Where a command's result goes.

use anyhow::Context;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Writes `text` to a file, or to stdout. A reader that has seen enough and closed the pipe is no error.
pub(super) fn write(text: &str, file: Option<&Path>) -> anyhow::Result<()> {
    if let Some(path) = file {
        return std::fs::write(path, text).with_context(|| {
            format!(
                "cannot write {}; name a file in a directory that is there and can be written",
                path.display()
            )
        });
    }
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}
