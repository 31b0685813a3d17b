//! Loading the agent into a JVM that runs already: an implementation of HotSpot's attach protocol of our own, so that
//! neither a JDK nor its tools are needed where only a JRE is.
//!
//! | file | what |
//! | --- | --- |
//! | `target.rs` | the process: who it is, whether it is a JVM that would listen, whether the agent is inside |
//! | `perf_data.rs` | what the JVM publishes about itself, of which one entry says whether it can be attached to |
//! | `identity.rs` | acting as the user that the JVM runs as |
//! | `library.rs` | the library's path as the JVM sees it |
//! | `listener.rs` | waking the JVM's attach listener and finding its socket |
//! | `protocol.rs` | one command and its answer |
//!
//! Nothing is sent to a process before it is known that it can bear it: SIGQUIT ends a process that does not expect it.

mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod identity;
mod library;
mod listener;
mod perf_data;
mod protocol;
mod target;

pub use error::AttachError;
pub(crate) use library::beside_this_program as library_beside_this_program;
pub use perf_data::PerfData;
pub use target::Target;

use flinkmem_trace::control::AttachAnswer;
use flinkmem_trace::header_of;
use flinkmem_trace::version::{VERSION, build};
use identity::Identity;
use library::Library;
use protocol::Answer;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How to attach.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The agent library; `None` for the one beside this program.
    pub library: Option<PathBuf>,
    /// Options of the agent, as after `-agentpath:…=`.
    pub options: String,
    /// Copy the library to where the JVM can see it.
    pub copy: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The agent is at work now, and writes to this directory, as the JVM sees it; `None`: not found yet.
    Begun(Option<PathBuf>),
    /// It was at work already; nothing was changed.
    AtWorkAlready(Option<PathBuf>),
}

impl Outcome {
    /// The trace directory, as the JVM sees it.
    #[must_use]
    pub fn trace(&self) -> Option<&Path> {
        match self {
            Self::Begun(trace) | Self::AtWorkAlready(trace) => trace.as_deref(),
        }
    }
}

/// How long the new agent is given to begin its trace.
const UNTIL_THE_TRACE: Duration = Duration::from_secs(5);

/// Loads the agent into a process.
///
/// # Errors
/// [`AttachError`], whose text says what to do next. The process is then as it was.
pub fn attach(target: &Target, wish: &Wish) -> Result<Outcome, AttachError> {
    if let Some(trace) = target.trace() {
        return Ok(Outcome::AtWorkAlready(Some(trace)));
    }
    target.check_is_attachable()?;
    let library = Library::open(wish.library.as_deref())?;
    let answer = {
        let _identity = Identity::of(target)?;
        let path = library.path_inside(target, wish.copy)?;
        let mut listener = listener::connect(target)?;
        let path = path.to_str().ok_or(AttachError::NotText(path.clone()))?;
        protocol::command(&mut listener, &["load", path, "true", &wish.options])?
    };
    outcome(target, &answer)
}

/// What a JVM says of itself to one of the commands that `jcmd` knows, such as `GC.heap_info`. The first question of all wakes the JVM's
/// attach listener, a thread that stays.
///
/// # Errors
/// [`AttachError`], whose text says what to do next.
pub fn ask(target: &Target, question: &str) -> Result<String, AttachError> {
    target.check_is_attachable()?;
    let answer = {
        let _identity = Identity::of(target)?;
        let mut listener = listener::connect(target)?;
        protocol::command(&mut listener, &["jcmd", question])?
    };
    match answer.status {
        0 => Ok(answer.text),
        _ => Err(AttachError::Refused {
            pid: target.pid(),
            words: answer.text.trim().to_owned(),
        }),
    }
}

fn outcome(target: &Target, answer: &Answer) -> Result<Outcome, AttachError> {
    let refused = || AttachError::Refused {
        pid: target.pid(),
        words: answer.text.trim().to_owned(),
    };
    if answer.status != 0 {
        return Err(refused());
    }
    match answer.return_code().map(AttachAnswer::from_code) {
        Some(Some(AttachAnswer::Begun)) => Ok(Outcome::Begun(wait_for_trace(target))),
        Some(Some(AttachAnswer::AtWorkAlready)) => Ok(Outcome::AtWorkAlready(target.trace())),
        Some(Some(AttachAnswer::Refused)) => Err(AttachError::AgentRefused(target.pid())),
        Some(None) | None => Err(refused()),
    }
}

/// The agent's version, where it is known and another than this program's: what each knows of the other may differ.
#[must_use]
pub fn other_version(target: &Target, wish: &Wish, outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Begun(_) => {
            let library = Library::open(wish.library.as_deref()).ok()?;
            library
                .build()
                .filter(|&of| of != build())
                .map(str::to_owned)
        }
        Outcome::AtWorkAlready(trace) => {
            let header = header_of(&target.path(trace.as_deref()?))?;
            Some(header.agent_version).filter(|of| of != VERSION)
        }
    }
}

fn wait_for_trace(target: &Target) -> Option<PathBuf> {
    let start = Instant::now();
    loop {
        let trace = target.trace();
        if trace.is_some() || start.elapsed() > UNTIL_THE_TRACE {
            return trace;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
