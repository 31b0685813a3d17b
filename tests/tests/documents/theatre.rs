//! What stands here for the places and processes that documents name: `/traces`, pid 4711, `/opt/flink/conf`, `taskmanager.log`.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::flink::{DEFAULT_VERSION, Role};
use flinkmem_tests::scenario::{self, Played, Trial};
use flinkmem_tests::{Jdk, Jvm, Running, artefacts};
use flinkmem_trace::{TraceReader, find_traces};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The process of the documents.
const PID: &str = "4711";

/// Its machine.
const HOST: &str = "tm-0";

/// Its trace, as far as all of them write it.
const TRACE: &str = "flinkmem-tm-0-4711-";

/// A real Flink whose job has leaked direct memory until its TaskManager had no more. It still runs.
pub(super) struct Theatre {
    played: Played,
    trace: PathBuf,
    // Removed last.
    _traces: TempDir,
}

impl Theatre {
    pub(super) fn open() -> Result<Self> {
        let traces = tempfile::tempdir()?;
        let trial = Trial {
            scenario: scenario::find("direct-leak")?,
            flink: DEFAULT_VERSION.to_owned(),
            jdk: Jdk::find(17)?,
        };
        let played = trial.play(traces.path(), &|_| {})?;
        let found = find_traces(traces.path())?;
        let trace = found.into_iter().next().context("there is no trace")?;
        Ok(Self {
            played,
            trace,
            _traces: traces,
        })
    }

    /// A stage for one page, with copies of the files. A page that attaches has a JVM of its own, for that is done to one that has no agent.
    pub(super) fn stage(&mut self, attaches: bool) -> Result<Stage> {
        let directory = tempfile::tempdir()?;
        let here = directory.path();
        let traces = here.join("traces");
        copy(&self.trace, &traces)?;
        for (role, name) in [
            (Role::TaskManager, "taskmanager"),
            (Role::JobManager, "jobmanager"),
        ] {
            // There, like those of a real process, even where it has printed nothing.
            std::fs::write(here.join(format!("{name}.out")), "")?;
            for log in self.played.stage.cluster.logs_of(role)? {
                let extension = log
                    .extension()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                std::fs::copy(&log, here.join(format!("{name}.{extension}")))?;
            }
        }
        std::fs::write(here.join("pod.json"), POD)?;
        std::fs::write(here.join("diagnostics.txt"), DIAGNOSTICS)?;
        symlink(self.played.stage.cluster.logs(), here.join("log"))?;
        let jvm = if attaches { Some(idle()?) } else { None };
        let pid = match &jvm {
            Some(jvm) => jvm.id(),
            None => self.played.stage.cluster.taskmanager().id(),
        };
        Ok(Stage {
            trace: traces.join(self.trace.file_name().context("a trace has a name")?),
            traces,
            conf: self.played.stage.cluster.conf(),
            pid: pid.to_string(),
            host: TraceReader::open(&self.trace)?.header().host.clone(),
            _jvm: jvm,
            directory,
        })
    }
}

/// A JVM that is up.
fn idle() -> Result<Running> {
    let mut jvm = Jvm::new(&Jdk::find(17)?, "Idle").start()?;
    jvm.step("idle")?;
    Ok(jvm)
}

/// Where one page's commands run.
pub(super) struct Stage {
    traces: PathBuf,
    trace: PathBuf,
    conf: PathBuf,
    pid: String,
    host: String,
    _jvm: Option<Running>,
    directory: TempDir,
}

impl Stage {
    /// The shell that runs a command of the documents, with this build's program in its path.
    pub(super) fn shell(&self, command: &str) -> Result<Command> {
        let program = artefacts::flinkmem()?;
        let folder = program.parent().context("a program has a folder")?;
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell
            .args(["-o", "pipefail", "-c", &self.translated(command)?])
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("JAVA_HOME", Jdk::find(17)?.home)
            .current_dir(self.directory.path());
        Ok(shell)
    }

    /// A command with the places of the documents replaced by those that are here.
    fn translated(&self, command: &str) -> Result<String> {
        let library = artefacts::agent()?;
        let beside = library.parent().context("a library has a folder")?;
        let mut result = String::new();
        for word in command.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            let mut here = bare.to_owned();
            if let Some(at) = bare.find(TRACE) {
                let begin = bare[..at].rfind(['=', ',']).map_or(0, |comma| comma + 1);
                here = format!("{}{}", &bare[..begin], self.trace.display());
            }
            for (place, path) in [
                ("/opt/flink/conf", self.conf.as_path()),
                ("/opt/flink/log", &self.directory.path().join("log")),
                ("/opt/flinkmem", beside),
            ] {
                here = here.replace(place, &path.display().to_string());
            }
            if let Some(at) = here.find("/traces").filter(|&at| begins_a_path(&here, at)) {
                here.replace_range(at..at + "/traces".len(), &self.traces.display().to_string());
            }
            if here == PID {
                here.clone_from(&self.pid);
            }
            result.push_str(&here);
            result.push_str(&word[bare.len()..]);
        }
        Ok(result)
    }

    /// What was printed, with the name of the machine as the documents have it.
    pub(super) fn as_in_documents(&self, output: &str) -> String {
        let words = output.split_inclusive([' ', ',', '\n']);
        let renamed = words.map(|word| {
            let bare = word.trim_end_matches([' ', ',', '\n']);
            if bare == self.host {
                word.replacen(bare, HOST, 1)
            } else {
                word.to_owned()
            }
        });
        renamed.collect()
    }
}

fn begins_a_path(word: &str, at: usize) -> bool {
    word[..at]
        .chars()
        .next_back()
        .is_none_or(|before| matches!(before, '=' | ',' | '"' | '\''))
}

/// Copies a trace into `parent`, under its name.
fn copy(trace: &Path, parent: &Path) -> Result<()> {
    std::fs::create_dir_all(parent)?;
    let status = Command::new("cp")
        .arg("-r")
        .args([trace, parent])
        .status()?;
    ensure!(status.success(), "cannot copy {}", trace.display());
    Ok(())
}

/// A pod whose container was killed for its memory, as `kubectl get pod -o json` prints it, without what nobody reads.
const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"tm-0"},
 "spec":{"containers":[{"name":"flink-main-container","resources":{"limits":{"memory":"1Gi"}}}]},
 "status":{"phase":"Failed","containerStatuses":[{"name":"flink-main-container","restartCount":0,
  "state":{"terminated":{"exitCode":137,"reason":"OOMKilled","finishedAt":"2026-01-01T00:00:10Z"}}}]}}
"#;

/// What YARN says of a container that its NodeManager killed.
const DIAGNOSTICS: &str = "Application Report :\n\tDiagnostics : [2026-01-01 00:00:10.000]Container \
    [pid=4711,containerID=container_1700000000000_0001_01_000002] is running 12345678B beyond the 'PHYSICAL' memory limit. \
    Current usage: 1.0 GB of 1 GB physical memory used; 2.9 GB of 2.1 GB virtual memory used. Killing container.\n";
