//! Native libraries of the lab's Java programs, compiled once per content by the Rust compiler that the tests come from.

use crate::artefacts;
use crate::javac::{once, run};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// The library with the native methods of `java/programs/Codec.java`.
///
/// # Errors
/// When there is no compiler, or the source does not compile.
pub fn codec() -> Result<PathBuf> {
    let source = artefacts::root().join("tests/java/native/codec.rs");
    let directory = once("native", std::slice::from_ref(&source), "", |directory| {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        run(Command::new(rustc)
            .args(["--crate-type", "cdylib", "--edition", "2024", "-O", "-o"])
            .arg(directory.join("libcodec.so"))
            .arg(&source))
    })?;
    Ok(directory.join("libcodec.so"))
}
