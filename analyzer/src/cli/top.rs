//! `flinkmem top`.

use super::{EXIT_NOTHING_FOUND, output};
use crate::outside::Asking;
use crate::top::{Choice, Ended, Session, Subject, choice_as_text, show, view_as_text};
use clap::Args;
use flinkmem_trace::find_traces;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Watch a live process: pools against limits, growth, call sites, findings.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem top 4711                              a process, with the agent in it or without
  flinkmem top /traces                           all that write a trace there; Enter opens one
  flinkmem top --once 4711                       one frame as text, as in a pipe
  watch -n 10 flinkmem top --once 4711           without a terminal program of its own
  kubectl exec -it tm-0 -- /tmp/flinkmem top 1   in a container",
    after_long_help = "\
Keys: q quit, Tab and arrows between panels and rows, Enter opens a finding, s sorts, p pauses, + and - change the interval, ? helps.

Without the agent in the process it shows what the kernel and the JVM tell: /proc, the cgroup, the counters that the JVM publishes, and its
answers to the questions that jcmd asks. Call sites and direct memory in use are unknown then. docs/top.md has what is shown from where.

Exit status:
  0  shown; the process has ended, or q was pressed
  2  it could not be looked at; the reason and the next step are on stderr"
)]
pub struct Top {
    /// Process id, as this system has it; or a trace directory, or a directory that holds some
    #[arg(value_name = "PID|DIR")]
    subject: String,

    /// Print one frame as text, 80 columns wide, and end
    ///
    /// Done anyway where stdout is no terminal.
    #[arg(long)]
    once: bool,

    /// From one look to the next: 500ms, 1s, 2m
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,

    /// Of a process without the agent only read files: do not ask the JVM
    ///
    /// To ask it for the first time wakes its attach listener, a thread that stays, as jcmd does.
    #[arg(long)]
    no_attach: bool,
}

pub(super) fn run(arguments: &Top) -> anyhow::Result<ExitCode> {
    let asking = if arguments.no_attach {
        Asking::Forbidden
    } else {
        Asking::Allowed
    };
    let mut session = match arguments.subject.parse::<i32>() {
        Ok(pid) if pid > 0 && !Path::new(&arguments.subject).exists() => {
            Session::One(Box::new(Subject::of_process(pid, asking)?))
        }
        _ => of_directory(&PathBuf::from(&arguments.subject))?,
    };
    if arguments.once || !std::io::stdout().is_terminal() {
        output::write(&frame(session, arguments.interval)?, None)?;
        return Ok(ExitCode::from(EXIT_NOTHING_FOUND));
    }
    if let Session::One(subject) = &mut session
        && let Some(outcome) = subject.end()
    {
        output::write(&view_as_text(&subject.view()), None)?;
        eprintln!(
            "flinkmem: {}; flinkmem diagnose has the whole report",
            outcome.detail
        );
        return Ok(ExitCode::from(EXIT_NOTHING_FOUND));
    }
    let has_colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match show(session, arguments.interval, has_colours)? {
        Ended::Left => {}
        Ended::Process(outcome) => {
            let line = format!("{} has ended: {}\n", arguments.subject, outcome.detail);
            output::write(&line, None)?;
        }
    }
    Ok(ExitCode::from(EXIT_NOTHING_FOUND))
}

fn of_directory(path: &Path) -> anyhow::Result<Session> {
    let traces = find_traces(path).map_err(crate::top::SubjectError::from)?;
    Ok(match traces.as_slice() {
        [one] => Session::One(Box::new(Subject::of_trace(one)?)),
        _ => Session::Many(Choice::open(path)?),
    })
}

/// Rates take two looks; a trace has had many.
fn frame(session: Session, interval: Duration) -> anyhow::Result<String> {
    match session {
        Session::Many(choice) => Ok(choice_as_text(&choice)),
        Session::One(mut subject) => {
            if subject.has_no_past() {
                std::thread::sleep(interval);
                subject.advance()?;
                subject.renew();
            }
            Ok(view_as_text(&subject.view()))
        }
    }
}

/// A number with `ms`, `s` or `m`.
fn interval(text: &str) -> Result<Duration, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return Err("expected a number with ms, s or m, such as 500ms or 1s".to_owned()),
    };
    let ms = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_ms));
    match ms {
        Some(ms) if (100..=3_600_000).contains(&ms) => Ok(Duration::from_millis(ms)),
        _ => Err("expected 100ms to 60m".to_owned()),
    }
}
