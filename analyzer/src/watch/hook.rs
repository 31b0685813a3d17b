//! A program that is run for each event: one after the other, each for a bounded time, and no more than so many wait.
//!
//! What fails is told and does not end the watch. The program is run directly, with the arguments it was given; only who asks for a shell gets one.

use super::event::Event;
use super::text::to_line;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Events that may wait for the program.
const MOST_WAITING: usize = 256;

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How often it is looked whether the program has ended.
const POLL: Duration = Duration::from_millis(20);

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program, or the whole command line for a shell.
    pub command: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// `command` is for `/bin/sh -c`.
    pub by_shell: bool,
    /// What one run may take.
    pub timeout: Duration,
}

/// Runs a program for each event, in the order of events.
#[derive(Debug)]
pub struct Hook {
    events: SyncSender<Event>,
    worker: JoinHandle<()>,
    deadline: Deadline,
}

/// When all must be over; not known before the watch ends.
type Deadline = Arc<Mutex<Option<Instant>>>;

impl Hook {
    /// Ready to run `program`.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn new(program: Program) -> std::io::Result<Self> {
        let (events, waiting) = sync_channel(MOST_WAITING);
        let deadline = Deadline::default();
        let until = Arc::clone(&deadline);
        let worker = std::thread::Builder::new()
            .name("exec".to_owned())
            .spawn(move || run_all(&program, &waiting, &until))?;
        Ok(Self {
            events,
            worker,
            deadline,
        })
    }

    /// Has the program run for an event, when its turn comes.
    ///
    /// # Errors
    /// When too many wait already; the event is left out.
    pub fn submit(&self, event: &Event) -> Result<(), String> {
        match self.events.try_send(event.clone()) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(format!(
                "--exec is left out for this event, for {MOST_WAITING} wait: {}",
                to_line(event)
            )),
            Err(TrySendError::Disconnected(_)) => Err("--exec is over".to_owned()),
        }
    }

    /// Lets it run for what waits, but no longer than `patience`.
    pub fn finish(self, patience: Duration) {
        *lock(&self.deadline) = Instant::now().checked_add(patience);
        drop(self.events);
        // It does not panic, and if it did there would be nothing left to do.
        let _ = self.worker.join();
    }
}

fn lock(deadline: &Mutex<Option<Instant>>) -> std::sync::MutexGuard<'_, Option<Instant>> {
    deadline.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_past(deadline: &Deadline) -> bool {
    lock(deadline).is_some_and(|deadline| Instant::now() >= deadline)
}

fn run_all(program: &Program, waiting: &Receiver<Event>, deadline: &Deadline) {
    for event in waiting {
        let ran = match is_past(deadline) {
            true => Err("was not run, for the watch ends".to_owned()),
            false => run(program, &event, deadline),
        };
        if let Err(why) = ran {
            let command = program.command.display();
            eprintln!(
                "flinkmem: --exec {command} {why}; it was for: {}",
                to_line(&event)
            );
        }
    }
}

fn run(program: &Program, event: &Event, deadline: &Deadline) -> Result<(), String> {
    let input = serde_json::to_string(event).map_err(|error| error.to_string())? + "\n";
    let child = command(program, event).spawn();
    let mut child = child.map_err(|error| format!("cannot be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input must not hold us up; the pipe breaks when it is gone.
        std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    }
    let end = Instant::now() + program.timeout;
    let is_over = || Instant::now() >= end || is_past(deadline);
    match wait(&mut child, is_over) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!("failed with {status}")),
        Ok(None) => {
            stop(&mut child);
            let seconds = program.timeout.as_secs_f64();
            Err(format!(
                "was stopped: it had not ended in {seconds} s, or the watch ends"
            ))
        }
        Err(error) => Err(format!("cannot be waited for: {error}")),
    }
}

fn command(program: &Program, event: &Event) -> Command {
    let mut command = match program.by_shell {
        true => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(&program.command);
            // `$0`, so that arguments begin with `$1`.
            shell.arg("flinkmem");
            shell
        }
        false => Command::new(&program.command),
    };
    command.args(&program.arguments);
    for (name, value) in variables(event) {
        match value {
            // No variable may hold a NUL.
            Some(value) => command.env(name, value.replace(char::is_control, "?")),
            None => command.env_remove(name),
        };
    }
    // Our stdout is for events. With a group of its own, all that it starts can be ended with it.
    let stdout = std::io::stderr().as_fd().try_clone_to_owned();
    command.stdout(stdout.map_or_else(|_| Stdio::null(), Stdio::from));
    command.stdin(Stdio::piped()).process_group(0);
    command
}

/// The main facts of an event.
fn variables(event: &Event) -> [(&'static str, Option<String>); 15] {
    let finding = event.finding.as_ref();
    let subject = &event.subject;
    let forecast = finding.and_then(|finding| finding.forecast);
    let outcome = event.outcome.as_ref();
    [
        ("FLINKMEM_EVENT", Some(event.event.name().to_owned())),
        ("FLINKMEM_TIME", Some(event.time.clone())),
        ("FLINKMEM_NAME", Some(event.name.clone())),
        ("FLINKMEM_TRACE", subject.trace.clone()),
        ("FLINKMEM_HOST", subject.host.clone()),
        ("FLINKMEM_PID", subject.pid.map(|pid| pid.to_string())),
        (
            "FLINKMEM_LABEL",
            finding.map(|it| it.label.name().to_owned()),
        ),
        (
            "FLINKMEM_SEVERITY",
            finding.map(|it| it.severity.name().to_owned()),
        ),
        (
            "FLINKMEM_CONFIDENCE",
            finding.map(|it| it.confidence.to_string()),
        ),
        ("FLINKMEM_LIMIT", finding.map(|it| it.limit.name.to_owned())),
        (
            "FLINKMEM_LIMIT_BYTES",
            finding.and_then(|it| Some(it.limit.bytes?.to_string())),
        ),
        (
            "FLINKMEM_CONSUMER",
            finding.and_then(|it| it.consumer.name.clone()),
        ),
        (
            "FLINKMEM_EXHAUSTED_IN_S",
            forecast.map(|it| it.exhausted_in_s.to_string()),
        ),
        ("FLINKMEM_OUTCOME", outcome.map(|it| it.detail.clone())),
        ("FLINKMEM_TEXT", Some(to_line(event))),
    ]
}

/// How the child ended; `None` when it had not when it was to be over.
fn wait(child: &mut Child, is_over: impl Fn() -> bool) -> std::io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if is_over() {
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

/// Ends a child and all of its group.
fn stop(child: &mut Child) {
    let Ok(group) = i32::try_from(child.id()).map(Pid::from_raw) else {
        return;
    };
    // It may end by itself at this very moment.
    let _ = killpg(group, Signal::SIGTERM);
    let end = Instant::now() + GRACE;
    let _ = wait(child, || Instant::now() >= end);
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
}
