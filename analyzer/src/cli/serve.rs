//! `flinkmem serve`.

use crate::serve::{
    ExportOptions, Options, OtlpEndpoint, parse_headers, parse_resource, run as serve,
};
use anyhow::{Context, bail};
use clap::Args;
use jiff::SignedDuration;
use std::env::{self, VarError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Serve metrics, findings and reports of all processes that write traces into a directory.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem serve /traces                         http://127.0.0.1:19910/, for this machine only
  flinkmem serve --listen 0.0.0.0:19910 /traces  for everyone who reaches this port
  curl -s http://127.0.0.1:19910/metrics         for Prometheus; the names are in docs/metrics.md
  curl -s 'http://127.0.0.1:19910/api/v1/findings?severity=warning'
  flinkmem serve --otlp http://collector:4318 /traces
                                                 push the same metrics by OTLP as well",
    after_long_help = "\
Environment, with --otlp:
  OTEL_EXPORTER_OTLP_HEADERS  headers of every request, name=value,…; never printed
  OTEL_RESOURCE_ATTRIBUTES    further attributes of every process, name=value,…
  OTEL_SERVICE_NAME           in the place of flink-taskmanager and flink-jobmanager

Exit status:
  0  it was told to end, by SIGTERM or SIGINT
  2  it could not start: no such directory, or the address is taken; the reason is on stderr"
)]
pub struct Serve {
    /// Directory into which agents write their traces
    ///
    /// Processes may come and go. One that has ended stays visible for a while, with its findings but without its other metrics.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Address and port to listen on
    ///
    /// There is no password and no TLS: whoever reaches the port can read names of hosts, classes, methods, threads and jobs, and all figures.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:19910")]
    listen: SocketAddr,

    /// Time from one look at the traces to the next
    ///
    /// Longer if a look takes long: at most a fifth of one processor is used for it.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    every: Duration,

    /// How long a process that has ended stays visible
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    keep_ended: Duration,

    /// Push the metrics to this OTLP receiver too (http://HOST:4318)
    ///
    /// By HTTP, as JSON, to /v1/metrics below this address. What is not accepted until the next push is dropped and counted.
    #[arg(long, value_name = "URL")]
    otlp: Option<OtlpEndpoint>,

    /// Time from one push to the next
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time, requires = "otlp")]
    otlp_every: Duration,
}

pub(super) fn run(arguments: &Serve) -> anyhow::Result<ExitCode> {
    let directory = &arguments.directory;
    let listed = std::fs::read_dir(directory);
    listed.with_context(|| {
        format!(
            "cannot list {}; give the directory that the agent's `dir` option names",
            directory.display()
        )
    })?;
    let export = match &arguments.otlp {
        Some(endpoint) => Some(export(endpoint, arguments.otlp_every)?),
        None => None,
    };
    serve(Options {
        directory: directory.clone(),
        listen: arguments.listen,
        every: arguments.every,
        keep_ended: arguments.keep_ended,
        export,
    })?;
    Ok(ExitCode::SUCCESS)
}

fn export(endpoint: &OtlpEndpoint, every: Duration) -> anyhow::Result<ExportOptions> {
    let headers = variable("OTEL_EXPORTER_OTLP_HEADERS")?.unwrap_or_default();
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES")?.unwrap_or_default();
    Ok(ExportOptions {
        endpoint: endpoint.clone(),
        every,
        headers: parse_headers(&headers)?,
        resource: parse_resource(&attributes, variable("OTEL_SERVICE_NAME")?)?,
    })
}

/// A variable of the environment. Its content is in no message.
fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("{name} is not UTF-8"),
    }
}

/// A time on the command line: `10s`, `1m30s`, `1h`; at least a tenth of a second, at most a year.
fn time(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(366 * 86_400);
    let parsed: SignedDuration = text
        .parse()
        .map_err(|_| "give a time such as 10s, 1m30s or 1h".to_owned())?;
    let time = Duration::try_from(parsed).map_err(|_| "a time is not negative".to_owned())?;
    if (SHORTEST..=LONGEST).contains(&time) {
        Ok(time)
    } else {
        Err("give a time from 100ms to a year".to_owned())
    }
}
