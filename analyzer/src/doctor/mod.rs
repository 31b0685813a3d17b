//! Whether an installation works, said before it has to: one question a module, each answered with what was seen and what to do.
//!
//! What can be tried is tried: a JVM is started with the library, a file is written into the directory. What the agent inside that JVM saw
//! (options, cgroup, VM) is read from the trace that it wrote, so that nothing is decided here by other rules than its own.

mod cgroup;
mod directory;
mod environment;
mod flink;
mod inside;
mod loader;
mod rights;
mod start;
mod text;
mod virtual_machine;
mod volume;

pub use flink::Configured;
pub use text::to_text;

use crate::attach::library_beside_this_program;
use crate::model::FlinkVersion;
use serde::Serialize;
use start::Start;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Version of the JSON form.
const SCHEMA: u32 = 1;

/// What is to be examined.
#[derive(Debug, Default)]
pub struct Wish {
    /// The agent library; otherwise that of the configuration, or the one beside this program.
    pub agent: Option<PathBuf>,
    /// Where traces are to be written; otherwise the agent's option `dir`, or `$FLINK_LOG_DIR`.
    pub dir: Option<PathBuf>,
    /// The agent's options; otherwise those of the configuration.
    pub options: Option<String>,
    /// Flink's configuration; otherwise `$FLINK_CONF_DIR`.
    pub conf: Option<PathBuf>,
    /// Flink's version, where nothing around the configuration tells it.
    pub flink_version: Option<FlinkVersion>,
    /// The command that starts Java; otherwise that of `$JAVA_HOME`, or of the path.
    pub java: Vec<OsString>,
    /// A process that runs, to be examined instead of a new JVM.
    pub pid: Option<i32>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Examination {
    /// Version of this form.
    pub schema: u32,
    /// The worst of all checks.
    pub outcome: Outcome,
    /// Everything that was looked at, in the order in which it matters.
    pub checks: Vec<Check>,
}

/// One question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it is well.
    pub outcome: Outcome,
    /// What was seen.
    pub detail: String,
    /// What to do; absent where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Whether something is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is.
    Ok,
    /// It works, but not as one would want.
    Warning,
    /// It does not work.
    Problem,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Ok,
            detail: detail.into(),
            next: None,
        }
    }

    fn warning(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Warning,
            detail: detail.into(),
            next: Some(next.into()),
        }
    }

    fn problem(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Problem,
            ..Self::warning(name, detail, next)
        }
    }
}

impl Examination {
    fn of(checks: Vec<Check>) -> Self {
        let worst = checks.iter().map(|check| check.outcome).max();
        Self {
            schema: SCHEMA,
            outcome: worst.unwrap_or(Outcome::Ok),
            checks,
        }
    }
}

/// Looks at everything that was asked for.
#[must_use]
pub fn examine(wish: &Wish) -> Examination {
    let configured = Configured::find(wish);
    let mut checks = match wish.pid {
        Some(pid) => inside::checks(pid),
        None => installation(wish, configured.as_ref()),
    };
    checks.extend(configured.iter().flat_map(Configured::checks));
    Examination::of(checks)
}

/// What a JVM that is started here would have: library, options, directory, rights.
fn installation(wish: &Wish, configured: Option<&Configured>) -> Vec<Check> {
    let named = wish.agent.clone().or_else(|| configured?.library());
    let options = wish.options.clone().or_else(|| configured?.options());
    let options = options.unwrap_or_default();
    let mut checks = Vec::new();
    let mut started = None;
    match named.map_or_else(library_beside_this_program, Ok) {
        Err(error) => checks.push(Check::problem(
            "library",
            error.to_string(),
            "name it with --agent",
        )),
        Ok(library) => {
            let start = Start::of(&wish.java, &library, &options);
            checks.extend(loader::checks(&library, &start));
            started = Some(start);
        }
    }
    let header = started.as_ref().and_then(|start| start.header.as_ref());
    if let Some(header) = header {
        checks.extend(virtual_machine::checks(header));
    }
    match directory_of(wish, &options) {
        Some(dir) => {
            let found = directory::checks(&dir, header);
            let usable = found.iter().all(|check| check.outcome != Outcome::Problem);
            checks.extend(found);
            checks.extend(usable.then(|| volume::check(&dir, "self")).flatten());
        }
        None => checks.push(Check::warning(
            "directory",
            "no directory is named: the agent writes beside Flink's log, which in a container goes with it",
            "set the option dir= to a volume, and name it here with --dir",
        )),
    }
    checks.extend(rights::checks("self"));
    checks.extend(header.map(cgroup::check));
    checks.extend(environment::checks());
    checks
}

/// Where the agent would write.
fn directory_of(wish: &Wish, options: &str) -> Option<PathBuf> {
    let mut parts = options.split(',').filter_map(|part| part.split_once('='));
    let option = parts
        .rfind(|(key, _)| key.trim() == "dir")
        .map(|(_, dir)| PathBuf::from(dir.trim()));
    let logs = || std::env::var_os("FLINK_LOG_DIR").map(PathBuf::from);
    let is_named = |dir: &PathBuf| !dir.as_os_str().is_empty();
    let dir = wish.dir.clone().or(option).or_else(logs);
    dir.filter(is_named).map(|dir| absolute(&dir))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
