//! A JVM, started with the agent: the only way to know that it loads.

use flinkmem_trace::{Header, find_traces, header_of};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A JVM prints its version in a fraction of a second; this is for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of a start.
#[derive(Debug)]
pub(super) struct Start {
    /// The command, as somebody would type it.
    pub(super) command: String,
    /// How it ended; `None` when it could not be started, or had to be ended.
    pub(super) status: Option<ExitStatus>,
    /// What it printed, on stdout too, where HotSpot tells why it does not start; why it could not be started, where it could not.
    pub(super) printed: String,
    /// What the agent inside wrote about it; `None` when it wrote nothing.
    pub(super) header: Option<Header>,
}

impl Start {
    /// Starts Java with the library, lets it print its version, and reads what the agent wrote, in a folder that is removed again.
    pub(super) fn of(java: &[OsString], library: &Path, options: &str) -> Self {
        let java = if java.is_empty() {
            vec![default_java()]
        } else {
            java.to_vec()
        };
        let command: Vec<String> = java
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let mut start = Self {
            command: command.join(" "),
            status: None,
            printed: String::new(),
            header: None,
        };
        match start.run(&java, library, options) {
            Ok(status) => start.status = status,
            Err(error) => start.printed = error.to_string(),
        }
        start
    }

    /// Whether Java came up.
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// What the agent printed, without its prefix.
    pub(super) fn said_by_the_agent(&self) -> Vec<&str> {
        let lines = self.printed.lines();
        lines
            .filter_map(|line| line.strip_prefix("flinkmem: "))
            .collect()
    }

    fn run(
        &mut self,
        java: &[OsString],
        library: &Path,
        options: &str,
    ) -> std::io::Result<Option<ExitStatus>> {
        let scratch = TempDir::with_prefix("flinkmem-doctor-")?;
        let traces = scratch.path().join("traces");
        std::fs::create_dir(&traces)?;
        let (program, arguments) = java.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let printed = scratch.path().join("printed");
        let output = File::create(&printed)?;
        let mut child = Command::new(from_anywhere(program)?)
            .args(arguments)
            .arg(agent_argument(library, options, &traces))
            .arg("-version")
            // An agent that the environment loads already would be loaded twice.
            .envs(without_the_agent())
            // A JVM that crashes over a damaged library leaves its report here.
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let status = wait(&mut child)?;
        self.printed = String::from_utf8_lossy(&std::fs::read(&printed)?).into_owned();
        let written = find_traces(&traces).unwrap_or_default();
        self.header = written.first().and_then(|trace| header_of(trace));
        Ok(status)
    }
}

/// The option that loads the agent. Its last `dir` counts, so all other options are those that were given.
fn agent_argument(library: &Path, options: &str, traces: &Path) -> OsString {
    let mut argument = OsString::from("-agentpath:");
    argument.push(std::path::absolute(library).unwrap_or_else(|_| library.to_owned()));
    argument.push("=");
    if !options.is_empty() {
        argument.push(options);
        argument.push(",");
    }
    argument.push("dir=");
    argument.push(traces);
    argument
}

/// Variables whose options load the agent, without any option.
fn without_the_agent() -> impl Iterator<Item = (&'static str, &'static str)> {
    let loads = |name: &&str| {
        let value = std::env::var_os(name).unwrap_or_default();
        value.to_string_lossy().contains("libflinkmem")
    };
    super::environment::JAVA_OPTIONS
        .into_iter()
        .filter(loads)
        .map(|name| (name, ""))
}

/// A program that is named by a relative path, for another working directory; a mere name is looked for in the path as ever.
fn from_anywhere(program: &OsStr) -> std::io::Result<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 {
        std::path::absolute(path)
    } else {
        Ok(path.to_owned())
    }
}

fn default_java() -> OsString {
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    home.map_or_else(
        || OsStr::new("java").to_owned(),
        |home| PathBuf::from(home).join("bin/java").into_os_string(),
    )
}

fn wait(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
