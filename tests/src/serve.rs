//! A running `flinkmem serve`.

use crate::artefacts;
use crate::process::Process;
use crate::wait::{PATIENCE, wait_for};
use anyhow::{Context, Result};
use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running `flinkmem serve`. It ends when this is dropped.
#[derive(Debug)]
pub struct Serve {
    process: Process,
    address: String,
    stderr: PathBuf,
    _directory: TempDir,
}

impl Serve {
    /// Serves the traces in `traces` on a free port of this machine.
    ///
    /// # Errors
    /// When the program is not built or does not come up.
    pub fn start(traces: &Path, more: &[&str]) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("flinkmem-lab-").tempdir()?;
        let stderr = directory.path().join("stderr");
        let mut command = Command::new(artefacts::flinkmem()?);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(more)
            .arg(traces)
            .stdin(Stdio::null())
            .stderr(File::create(&stderr)?);
        let process = Process::start(&mut command, Vec::new())?;
        let address = wait_for("flinkmem serve to say where it listens", PATIENCE, || {
            let said = read_to_string(&stderr)?;
            let url = said
                .split_once("http://")
                .and_then(|(_, rest)| rest.split_once('/'));
            Ok(url.map(|(address, _)| address.to_owned()))
        })?;
        Ok(Self {
            process,
            address,
            stderr,
            _directory: directory,
        })
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it said on stderr so far.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn stderr(&self) -> Result<String> {
        Ok(read_to_string(&self.stderr)?)
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Body of what is at `path`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&self, path: &str) -> Result<String> {
        let url = format!("http://{}{path}", self.address);
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        let agent: ureq::Agent = config.into();
        let mut answer = agent.get(&url).call().with_context(|| url.clone())?;
        answer.body_mut().read_to_string().context(url)
    }
}
