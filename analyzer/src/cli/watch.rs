//! `flinkmem watch`.

use super::{EXIT_FINDINGS, EXIT_NOTHING_FOUND};
use crate::case::{Case, Surroundings};
use crate::finding::Severity;
use crate::report::Report;
use crate::watch::{Alarm, Event, Hook, Program, Wake, Watcher, to_line};
use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use flinkmem_trace::find_traces;
use jiff::SignedDuration;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Follow a directory of traces, and tell what is found when it appears, worsens or clears.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem watch /traces                         a line for each event, until it is ended
  flinkmem watch --format json /traces | jq .finding.label
  flinkmem watch --exec /opt/page-me.sh /traces  run a program for each event: JSON on stdin,
                                                 $FLINKMEM_LABEL and others in its environment
  flinkmem watch --exec-shell --exec 'curl -sS --data-binary @- \"$HOOK\"' /traces
  flinkmem watch --exit-on critical /traces      end with status 1 at the first critical finding
  flinkmem watch --once /traces                  look once: status 1 if anything is found",
    after_long_help = "\
A finding that rests on a trend is told when it was there at 3 looks in a row, and has cleared when it was absent at 18; what
failed for want of memory is told at once. Processes that were over when the watch began are left to `flinkmem diagnose`.

Exit status:
  0  ended by SIGTERM or SIGINT, or because nobody reads its output; with --once: nothing found
  1  --exit-on was met; with --once: findings
  2  the input could not be used; the reason is on stderr"
)]
pub struct WatchArguments {
    /// Directory in which processes leave their traces; it may not exist yet. A single trace will do as well
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Form of the events
    ///
    /// text is a line for people and grep, and may change. json is a JSON object a line, as docs/watch.schema.json has it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Time between two looks, from 100ms to 1h
    ///
    /// New traces and failures are seen at once where inotify works. A longer interval costs less, and tells what rests on a
    /// trend later: at the third look.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = interval)]
    interval: Duration,

    /// Program to run for each event, which gets the event as JSON on stdin
    ///
    /// Its environment has FLINKMEM_EVENT, FLINKMEM_NAME, FLINKMEM_LABEL, FLINKMEM_SEVERITY, FLINKMEM_TEXT and others; docs/watch.md lists them. It is
    /// run directly, not by a shell. One runs at a time, 256 events may wait. That it failed is told on stderr and does not end the watch.
    #[arg(long, value_name = "PROGRAM")]
    exec: Option<PathBuf>,

    /// Argument of the program; may be given several times
    #[arg(
        long,
        value_name = "ARG",
        requires = "exec",
        allow_hyphen_values = true
    )]
    exec_arg: Vec<String>,

    /// PROGRAM is a command line for /bin/sh -c
    #[arg(long, requires = "exec")]
    exec_shell: bool,

    /// What one run of the program may take before it is stopped, from 100ms to 1h
    #[arg(long, value_name = "DURATION", default_value = "30s", requires = "exec", value_parser = interval)]
    exec_timeout: Duration,

    /// End with status 1 when something of this severity, or worse, is told
    #[arg(long, value_name = "SEVERITY", value_enum)]
    exit_on: Option<ExitOn>,

    /// Look once, at processes that are over too, and end with the status of diagnose
    #[arg(long)]
    once: bool,
}

/// Forms of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people and grep.
    Text,
    /// For programs.
    Json,
}

/// Severities that end the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExitOn {
    /// Will fail, or costs already.
    Warning,
    /// Failed, or is about to.
    Critical,
}

/// What a program that runs may still take when the watch is ended from outside. Kubernetes waits 30 s before it kills.
const PATIENCE: Duration = Duration::from_secs(5);

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3600);

pub(super) fn run(arguments: WatchArguments) -> anyhow::Result<ExitCode> {
    let mut outlet = Outlet::new(&arguments)?;
    let (end, patience) = if arguments.once {
        (
            once(&arguments.directory, &mut outlet)?,
            arguments.exec_timeout,
        )
    } else {
        match watch(&arguments, &mut outlet)? {
            End::Asked => (EXIT_NOTHING_FOUND, PATIENCE),
            // Whoever asked for an end at a finding wants it told.
            End::Severity => (EXIT_FINDINGS, arguments.exec_timeout),
        }
    };
    if let Some(hook) = outlet.hook {
        hook.finish(patience);
    }
    Ok(ExitCode::from(end))
}

/// Why a watch ends.
enum End {
    Asked,
    Severity,
}

fn watch(arguments: &WatchArguments, outlet: &mut Outlet) -> anyhow::Result<End> {
    refuse_a_file(&arguments.directory)?;
    let (mut alarm, problem) = Alarm::new().context("cannot heed signals")?;
    if let Some(problem) = problem {
        let interval = arguments.interval;
        eprintln!("flinkmem: no inotify, so new traces are seen within {interval:?}: {problem}");
    }
    let mut watcher = Watcher::new(&arguments.directory, arguments.interval);
    loop {
        let news = watcher.look();
        for complaint in news.complaints {
            eprintln!("flinkmem: {complaint}");
        }
        for event in &news.events {
            if outlet.tell(event)? == Told::NobodyReads {
                return Ok(End::Asked);
            }
        }
        if news.events.iter().any(|event| arguments.is_met(event)) {
            return Ok(End::Severity);
        }
        if nobody_reads() {
            return Ok(End::Asked);
        }
        let look_again = alarm.heed(watcher.paths());
        if !look_again && alarm.wait(arguments.interval) == Wake::End {
            return Ok(End::Asked);
        }
    }
}

/// Whether the reader of our pipe is gone. Where nothing is found for days no line would tell.
fn nobody_reads() -> bool {
    let stdout = std::io::stdout();
    let mut pipe = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let polled = poll(&mut pipe, PollTimeout::ZERO).is_ok();
    let found = pipe.iter().find_map(PollFd::revents);
    polled && found.is_some_and(|found| found.contains(PollFlags::POLLERR))
}

/// A file will never become a directory of traces.
fn refuse_a_file(path: &Path) -> anyhow::Result<()> {
    if path.exists() && !path.is_dir() {
        bail!(
            "{} is not a directory; name the one in which processes leave their traces, or use `flinkmem diagnose` for files",
            path.display()
        );
    }
    Ok(())
}

/// Tells every finding of every process once, and gives the exit status of `diagnose`.
fn once(directory: &Path, outlet: &mut Outlet) -> anyhow::Result<u8> {
    let here = Surroundings::here();
    let mut status = EXIT_NOTHING_FOUND;
    let mut unreadable = Vec::new();
    let mut read = 0;
    for trace in find_traces(directory)? {
        let case = match Case::read(&trace) {
            Ok(case) => case,
            Err(error) => {
                unreadable.push(error);
                continue;
            }
        };
        read += 1;
        let report = Report::of(&case, &here);
        let name = trace.file_name().unwrap_or(trace.as_os_str());
        let name = name.to_string_lossy();
        for finding in report.findings {
            status = EXIT_FINDINGS;
            let event = Event::found(&name, &report.subject, finding, here.now_ms);
            if outlet.tell(&event)? == Told::NobodyReads {
                return Ok(status);
            }
        }
    }
    for error in &unreadable {
        eprintln!("flinkmem: left out: {error}");
    }
    if read == 0 {
        return Err(anyhow!("no trace could be used"));
    }
    Ok(status)
}

/// Where events go.
struct Outlet {
    format: Format,
    hook: Option<Hook>,
}

#[derive(PartialEq, Eq)]
enum Told {
    Yes,
    NobodyReads,
}

impl Outlet {
    fn new(arguments: &WatchArguments) -> anyhow::Result<Self> {
        let program = arguments.exec.as_ref().map(|command| Program {
            command: command.clone(),
            arguments: arguments.exec_arg.clone(),
            by_shell: arguments.exec_shell,
            timeout: arguments.exec_timeout,
        });
        let hook = program.map(Hook::new).transpose();
        Ok(Self {
            format: arguments.format,
            hook: hook.context("cannot prepare --exec")?,
        })
    }

    fn tell(&mut self, event: &Event) -> anyhow::Result<Told> {
        let line = match self.format {
            Format::Text => to_line(event),
            Format::Json => serde_json::to_string(event)?,
        };
        let mut stdout = std::io::stdout().lock();
        // Whoever reads a pipe wants each event when it is told.
        let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Told::NobodyReads),
            written => written.context("cannot write to stdout")?,
        }
        if let Some(hook) = &self.hook
            && let Err(why) = hook.submit(event)
        {
            eprintln!("flinkmem: {why}");
        }
        Ok(Told::Yes)
    }
}

impl WatchArguments {
    fn is_met(&self, event: &Event) -> bool {
        let least = match self.exit_on {
            None => return false,
            Some(ExitOn::Warning) => Severity::Warning,
            Some(ExitOn::Critical) => Severity::Critical,
        };
        let severity = event.finding.as_ref().map(|finding| finding.severity);
        event.event.is_bad_news() && severity >= Some(least)
    }
}

/// A duration such as `500ms`, `5s` or `1m`.
fn interval(text: &str) -> Result<Duration, String> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let duration = parsed.and_then(|parsed| Duration::try_from(parsed).ok());
    duration
        .filter(|duration| (SHORTEST..=LONGEST).contains(duration))
        .ok_or_else(|| "expected a duration from 100ms to 1h, such as 500ms, 5s or 1m".to_owned())
}
