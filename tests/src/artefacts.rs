//! What the tests test: the agent and the command line, as `cargo build --release` leaves them; with `FLINKMEM_ARTEFACTS`
//! those of that directory, such as an unpacked release.

use anyhow::{Result, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The checkout's root.
#[must_use]
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Cargo's target directory.
#[must_use]
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// The agent library.
///
/// # Errors
/// When it is not built.
pub fn agent() -> Result<PathBuf> {
    built("release", "libflinkmem.so")
}

/// The agent library with failures on demand; with `FLINKMEM_FAILING_AGENT` that file.
///
/// # Errors
/// When it is not built.
pub fn failing_agent() -> Result<PathBuf> {
    let elsewhere = std::env::var_os("FLINKMEM_FAILING_AGENT").map(PathBuf::from);
    let path = elsewhere.unwrap_or_else(|| target().join("debug").join("libflinkmem.so"));
    ensure!(
        path.is_file(),
        "{} is missing; build first: cargo build -p flinkmem-agent --features fault-injection",
        path.display()
    );
    Ok(path)
}

/// The command line; with `FLINKMEM_PROFILE=debug` the one that `cargo build -p flinkmem` leaves, to try rules quickly.
///
/// # Errors
/// When it is not built.
pub fn flinkmem() -> Result<PathBuf> {
    let profile = std::env::var("FLINKMEM_PROFILE").unwrap_or_else(|_| "release".to_owned());
    built(&profile, "flinkmem")
}

/// What loads the agent into a JVM: with its trace in `traces`, where given, and further `options`.
///
/// # Errors
/// When it is not built.
pub fn agent_argument(traces: Option<&Path>, options: &str) -> Result<OsString> {
    Ok(argument(&agent()?, traces, options))
}

/// What loads the agent with failures on demand.
///
/// # Errors
/// When it is not built.
pub fn failing_agent_argument(traces: &Path, options: &str) -> Result<OsString> {
    Ok(argument(&failing_agent()?, Some(traces), options))
}

fn argument(library: &Path, traces: Option<&Path>, options: &str) -> OsString {
    let mut argument = OsString::from("-agentpath:");
    argument.push(library);
    let mut separator = "=";
    if let Some(traces) = traces {
        argument.push("=dir=");
        argument.push(traces);
        separator = ",";
    }
    if !options.is_empty() {
        argument.push(separator);
        argument.push(options);
    }
    argument
}

fn built(profile: &str, name: &str) -> Result<PathBuf> {
    let elsewhere = std::env::var_os("FLINKMEM_ARTEFACTS").map(PathBuf::from);
    let path = elsewhere
        .unwrap_or_else(|| target().join(profile))
        .join(name);
    ensure!(
        path.is_file(),
        "{} is missing; build first: cargo build --release",
        path.display()
    );
    Ok(path)
}
