//! What `flinkmem diagnose` says, as `--format json` prints it.

use crate::artefacts;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;

/// The parts of a report that tests look at.
#[derive(Debug, Clone, Deserialize)]
pub struct Verdict {
    /// Version of the report's shape.
    pub schema: u32,
    /// Ranked; the first is the verdict.
    pub findings: Vec<Finding>,
    /// Exit status of the command.
    #[serde(skip)]
    pub status: Option<i32>,
    /// What the command printed on stderr.
    #[serde(skip)]
    pub stderr: String,
}

/// One finding.
#[derive(Debug, Clone, Deserialize)]
pub struct Finding {
    /// One of the labels of the taxonomy.
    pub label: String,
    /// `critical`, `warning` or `info`.
    pub severity: String,
    /// From 0 to 1.
    pub confidence: f64,
    /// What it rests on.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What was hit.
    pub limit: Limit,
    /// Who used it up.
    pub consumer: Consumer,
    /// What would have held.
    #[serde(default)]
    pub remedy: Option<Remedy>,
}

/// One fact.
#[derive(Debug, Clone, Deserialize)]
pub struct Evidence {
    /// In a sentence.
    pub text: String,
}

/// The limit that was, or will be, hit.
#[derive(Debug, Clone, Deserialize)]
pub struct Limit {
    /// `heap`, `direct`, …
    pub name: String,
    /// Its size.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Whether it was reached.
    #[serde(default)]
    pub reached: Option<bool>,
}

/// Who used the limit up.
#[derive(Debug, Clone, Deserialize)]
pub struct Consumer {
    /// `call_site`, `class`, `library`, …, `unknown`.
    pub kind: String,
    /// Its name; absent where it is unknown.
    #[serde(default)]
    pub name: Option<String>,
    /// Of the limit's use, from 0 to 1.
    #[serde(default)]
    pub share: Option<f64>,
    /// How sure the name is, from 0 to 1.
    #[serde(default)]
    pub confidence: Option<f64>,
}

/// What to change.
#[derive(Debug, Clone, Deserialize)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// In Flink's options.
    #[serde(default)]
    pub config: std::collections::BTreeMap<String, String>,
    /// Options to take out.
    #[serde(default)]
    pub remove: Vec<String>,
    /// The pools with it, by name.
    #[serde(default)]
    pub after: Option<std::collections::BTreeMap<String, u64>>,
}

impl Remedy {
    /// The size of the whole process with it, MiB.
    #[must_use]
    pub fn process_mib(&self) -> Option<u64> {
        let bytes = self.after.as_ref()?.get("total_process")?;
        Some(bytes.div_ceil(1 << 20))
    }
}

impl Verdict {
    /// Runs `flinkmem diagnose` on `inputs`.
    ///
    /// # Errors
    /// When the command is not built, or does not print a report.
    pub fn of(inputs: &[PathBuf]) -> Result<Self> {
        let output = Command::new(artefacts::flinkmem()?)
            .arg("diagnose")
            .args(inputs)
            .args(["--format", "json"])
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut verdict: Self = serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "diagnose {inputs:?} ended with {} and printed no report:\n{}\n{stderr}",
                output.status,
                String::from_utf8_lossy(&output.stdout)
            )
        })?;
        verdict.status = output.status.code();
        verdict.stderr = stderr;
        Ok(verdict)
    }

    /// The first finding.
    ///
    /// # Errors
    /// When there is none.
    pub fn first(&self) -> Result<&Finding> {
        self.findings.first().context("the report has no finding")
    }
}
