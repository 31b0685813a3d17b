//! A real Prometheus, with a configuration and a port of its own.

use crate::flink::free_port;
use crate::jdk::run_script;
use crate::process::Process;
use crate::wait::{PATIENCE, wait_for};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Tools(PathBuf);

impl Tools {
    /// Those of `scripts/fetch-prometheus`.
    ///
    /// # Errors
    /// When they are not there and cannot be fetched.
    pub fn fetch() -> Result<Self> {
        run_script("fetch-prometheus", "").map(Self)
    }

    /// Runs `promtool`, with `input` on its standard input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn promtool(&self, arguments: &[&str], input: Option<&Path>) -> Result<Output> {
        let input = match input {
            Some(path) => Stdio::from(File::open(path)?),
            None => Stdio::null(),
        };
        let mut command = Command::new(self.0.join("promtool"));
        let output = command.args(arguments).stdin(input).output();
        output.context("cannot start promtool")
    }
}

/// A running Prometheus. It ends when this is dropped.
#[derive(Debug)]
pub struct Prometheus {
    _process: Process,
    base: String,
    client: ureq::Agent,
    directory: TempDir,
}

impl Prometheus {
    /// Scrapes `target` and evaluates `rules` once a second.
    ///
    /// # Errors
    /// When it does not come up; with what it said.
    pub fn start(tools: &Tools, target: &str, rules: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("flinkmem-lab-").tempdir()?;
        let path = |name: &str| directory.path().join(name);
        // JSON is YAML.
        let configuration = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [{"job_name": "flinkmem", "static_configs": [{"targets": [target]}]}],
        });
        fs::write(path("prometheus.yml"), configuration.to_string())?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(tools.0.join("prometheus"));
        command
            .arg(format!(
                "--config.file={}",
                path("prometheus.yml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(path("stderr"))?);
        let process = Process::start(&mut command, Vec::new())?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false)
            .build();
        let mut started = Self {
            _process: process,
            base: format!("http://{address}"),
            client: config.into(),
            directory,
        };
        started.wait_until_ready()?;
        Ok(started)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let ready = format!("{}/-/ready", self.base);
        let up = wait_for("Prometheus to be ready", PATIENCE, || {
            let answer = self.client.get(&ready).call();
            Ok(answer.ok().filter(|answer| answer.status().is_success()))
        });
        let said = fs::read_to_string(self.directory.path().join("stderr"));
        up.with_context(|| said.unwrap_or_default())?;
        Ok(())
    }

    /// The series that an expression gives now.
    ///
    /// # Errors
    /// When Prometheus refuses it; with the reason.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        self.ask("query", expression, &[])
    }

    /// The series that an expression gave at any second between these times, seconds since the epoch.
    ///
    /// # Errors
    /// When Prometheus refuses it; with the reason.
    pub fn query_range(&self, expression: &str, from: i64, to: i64) -> Result<Vec<Value>> {
        let (from, to) = (from.to_string(), to.to_string());
        self.ask(
            "query_range",
            expression,
            &[("start", &from), ("end", &to), ("step", "1")],
        )
    }

    /// Alerts that are pending or firing.
    ///
    /// # Errors
    /// When Prometheus does not answer.
    pub fn alerts(&self) -> Result<Vec<Value>> {
        let url = format!("{}/api/v1/alerts", self.base);
        let answer: Value = self.client.get(&url).call()?.body_mut().read_json()?;
        let alerts = answer["data"]["alerts"].as_array();
        alerts
            .cloned()
            .with_context(|| format!("no alerts in {answer}"))
    }

    fn ask(&self, what: &str, expression: &str, more: &[(&str, &str)]) -> Result<Vec<Value>> {
        let url = format!("{}/api/v1/{what}", self.base);
        let request = self
            .client
            .get(&url)
            .query("query", expression)
            .query_pairs(more.iter().copied());
        let answer: Value = request.call()?.body_mut().read_json()?;
        if answer["status"] != "success" {
            bail!("{expression}: {}", answer["error"]);
        }
        ensure!(
            answer["warnings"].is_null(),
            "{expression}: {}",
            answer["warnings"]
        );
        let result = answer["data"]["result"].as_array();
        result
            .cloned()
            .with_context(|| format!("{expression}: {answer}"))
    }
}
