//! Native libraries of the lab's Java programs, compiled once per content by the Rust compiler that the tests come from.

use crate::artefacts;
use crate::javac::{once, run};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library with the native methods of `java/programs/Codec.java`.
///
/// # Errors
/// When there is no compiler, or the source does not compile.
pub fn codec() -> Result<PathBuf> {
    let source = source("codec");
    let directory = once("native", std::slice::from_ref(&source), "", |directory| {
        compile(&source, &directory.join("libcodec.so"))
    })?;
    Ok(directory.join("libcodec.so"))
}

/// The source of a library in `java/native`.
pub(crate) fn source(name: &str) -> PathBuf {
    let file = format!("tests/java/native/{name}.rs");
    artefacts::root().join(file)
}

pub(crate) fn compile(source: &Path, library: &Path) -> Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc)
        .args(["--crate-type", "cdylib", "--edition", "2024", "-O", "-o"])
        .arg(library)
        .arg(source))
}
