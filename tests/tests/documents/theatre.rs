//! What stands here for the places and processes that documents name: `/traces`, pid 4711, `/opt/flink/conf`, `taskmanager.log`.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::flink::{DEFAULT_VERSION, Role};
use flinkmem_tests::scenario::{self, Played, Trial};
use flinkmem_tests::{Jdk, Jvm, Running, artefacts};
use flinkmem_trace::{TraceReader, find_traces};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The process of the documents.
const PID: &str = "4711";

/// Its machine.
const HOST: &str = "tm-0";

/// What stands before the name of a machine in what is printed.
const NAMES_A_HOST: [&str; 4] = [" on ", " in ", "TaskManager ", "JobManager "];

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
        let trace = traces.join(self.trace.file_name().context("a trace has a name")?);
        std::fs::create_dir(&traces)?;
        copy(&self.trace, &trace)?;
        pack(here, "traces.tar.gz", "traces")?;
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
        let library = artefacts::agent()?;
        let conf = here.join("conf");
        copy(&self.played.stage.cluster.conf(), &conf)?;
        let loads_the_agent = format!(
            "\nenv.java.opts.taskmanager: -agentpath:{}=dir={}\n",
            library.display(),
            traces.display()
        );
        let mut configuration = OpenOptions::new()
            .append(true)
            .open(conf.join("config.yaml"))?;
        configuration.write_all(loads_the_agent.as_bytes())?;
        let jvm = if attaches { Some(idle()?) } else { None };
        let pid = match &jvm {
            Some(jvm) => jvm.id(),
            None => self.played.stage.cluster.taskmanager().id(),
        };
        Ok(Stage {
            places: vec![
                ("/opt/flink/conf", conf),
                ("/opt/flink/log", self.played.stage.cluster.logs()),
                ("/opt/flinkmem", folder(&library)?),
                ("/opt/flinkmem", folder(&artefacts::flinkmem()?)?),
                ("/opt/java", Jdk::find(17)?.home),
                ("/traces", traces),
            ],
            trace,
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
    /// Places of the documents, and where they are here.
    places: Vec<(&'static str, PathBuf)>,
    trace: PathBuf,
    pid: String,
    host: String,
    _jvm: Option<Running>,
    directory: TempDir,
}

impl Stage {
    /// The shell that runs a command of the documents, with this build's program in its path.
    pub(super) fn shell(&self, command: &str) -> Result<Command> {
        let folder = folder(&artefacts::flinkmem()?)?;
        let java = Jdk::find(17)?.home.join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell
            .args(["-o", "pipefail", "-c", &self.translated(command)])
            .env(
                "PATH",
                format!("{}:{}:{path}", folder.display(), java.display()),
            )
            .env_remove("JAVA_HOME")
            .current_dir(self.directory.path());
        Ok(shell)
    }

    /// A command with the places of the documents replaced by those that are here.
    fn translated(&self, command: &str) -> String {
        let mut result = String::new();
        for word in command.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            result.push_str(&self.here(bare));
            result.push_str(&word[bare.len()..]);
        }
        result
    }

    fn here(&self, word: &str) -> String {
        if word == PID {
            return self.pid.clone();
        }
        if let Some(at) = word.find(TRACE) {
            let begin = word[..at].rfind(['=', ',']).map_or(0, |sign| sign + 1);
            return format!("{}{}", &word[..begin], self.trace.display());
        }
        for (place, path) in &self.places {
            if let Some(at) = word.find(place).filter(|&at| begins_a_path(word, at)) {
                let rest = &word[at + place.len()..];
                return format!("{}{}{}", &word[..at], path.display(), self.here(rest));
            }
        }
        word.to_owned()
    }

    /// What was printed, with places and the name of the machine as the documents have them.
    pub(super) fn as_in_documents(&self, output: &str) -> String {
        let mut printed = output.to_owned();
        for (place, path) in &self.places {
            printed = printed.replace(&path.display().to_string(), place);
        }
        for before in NAMES_A_HOST {
            printed = printed.replace(
                &format!("{before}{}", self.host),
                &format!("{before}{HOST}"),
            );
        }
        printed
    }
}

fn folder(file: &Path) -> Result<PathBuf> {
    let folder = file.parent().context("a file is in a folder")?;
    Ok(folder.to_owned())
}

fn begins_a_path(word: &str, at: usize) -> bool {
    word[..at]
        .chars()
        .next_back()
        .is_none_or(|before| matches!(before, '=' | ',' | '"' | '\''))
}

/// Packs what is called `name` in `folder`.
fn pack(folder: &Path, archive: &str, name: &str) -> Result<()> {
    let mut tar = Command::new("tar");
    let status = tar
        .arg("-czf")
        .args([archive, name])
        .current_dir(folder)
        .status()?;
    ensure!(status.success(), "cannot pack {name}");
    Ok(())
}

/// Copies a directory with all that is in it.
fn copy(directory: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp")
        .arg("-rT")
        .args([directory, to])
        .status()?;
    ensure!(status.success(), "cannot copy {}", directory.display());
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
