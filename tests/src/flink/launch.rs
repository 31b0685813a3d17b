//! Starting Flink's processes as its scripts do.

use super::Home;
use crate::process::Process;
use crate::{Jdk, javac};
use anyhow::{Result, ensure};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a cluster's files are.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) root: PathBuf,
}

impl Places {
    pub(super) fn create(root: &Path) -> Result<Self> {
        let places = Self {
            root: root.to_owned(),
        };
        for directory in ["conf", "log", "tmp", "checkpoints", "traces"] {
            std::fs::create_dir(root.join(directory))?;
        }
        Ok(places)
    }

    pub(super) fn conf(&self) -> PathBuf {
        self.root.join("conf")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("log")
    }
}

/// A kind of Flink process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It coordinates.
    JobManager,
    /// It works.
    TaskManager,
}

impl Role {
    /// As in the names of Flink's log files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::JobManager => "standalonesession",
            Self::TaskManager => "taskexecutor",
        }
    }

    fn main_class(self) -> &'static str {
        match self {
            Self::JobManager => {
                "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
            }
            Self::TaskManager => "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        }
    }

    /// Options that carry those of the JVM, in the order in which the scripts give them to it.
    pub(super) fn java_options(self) -> [&'static str; 2] {
        let own = match self {
            Self::JobManager => "env.java.opts.jobmanager",
            Self::TaskManager => "env.java.opts.taskmanager",
        };
        ["env.java.opts.all", own]
    }

    fn memory_command(self) -> &'static str {
        match self {
            Self::JobManager => "GET_JM_RESOURCE_PARAMS",
            Self::TaskManager => "GET_TM_RESOURCE_PARAMS",
        }
    }
}

/// What a process is started with.
pub(super) struct Launch<'a> {
    pub(super) jdk: &'a Jdk,
    pub(super) home: &'a Home,
    pub(super) places: &'a Places,
    /// Options of the JVM beside those that Flink derives.
    pub(super) options: Vec<OsString>,
    /// Variables of the environment.
    pub(super) environment: Vec<(String, String)>,
    pub(super) cgroups: Vec<File>,
}

impl Launch<'_> {
    /// Starts a process of the cluster.
    pub(super) fn start(self, role: Role) -> Result<Process> {
        let log = self.places.log().join(format!("flink-{}.log", role.name()));
        let Some(memory) = self.memory(role)? else {
            return self.refused(role, &log);
        };
        let class_path = format!(
            "{}:{}",
            javac::library()?.display(),
            self.home.class_path()?
        );
        let mut command = Command::new(self.jdk.tool("java"));
        command
            .args(&memory.jvm_arguments)
            .args(opens())
            .args(&self.options)
            .args(self.log_options(&log))
            .arg("-classpath")
            .arg(class_path)
            .arg(role.main_class())
            .arg("--configDir")
            .arg(self.places.conf())
            .args(&memory.dynamic_options)
            .env("FLINK_INHERITED_LOGS", &memory.log)
            .envs(self.environment)
            .current_dir(&self.places.root)
            .stdin(Stdio::null())
            .stdout(File::create(log.with_extension("out"))?)
            .stderr(File::create(log.with_extension("err"))?);
        Process::start(&mut command, self.cgroups)
    }

    /// The command-line client, to be given its arguments. It always runs on Java 17: where Hadoop is not in the class path, Flink's client counts
    /// on an error of `ServiceLoader` that Java 25 no longer makes, and ends without a word.
    pub(super) fn client(&self) -> Result<Command> {
        let mut command = Command::new(Jdk::find(17)?.tool("java"));
        command
            .arg("-Xmx256m")
            .args(opens())
            .args(self.log_options(&self.places.log().join("flink-client.log")))
            .arg("-classpath")
            .arg(self.home.class_path()?)
            .arg("org.apache.flink.client.cli.CliFrontend")
            .env("FLINK_CONF_DIR", self.places.conf())
            .current_dir(&self.places.root)
            .stdin(Stdio::null());
        Ok(command)
    }

    fn log_options(&self, log: &Path) -> [OsString; 2] {
        let option = |key: &str, value: PathBuf| {
            let mut option = OsString::from(key);
            option.push(value);
            option
        };
        [
            option("-Dlog.file=", log.to_owned()),
            option(
                "-Dlog4j.configurationFile=file:",
                self.places.conf().join("log4j.properties"),
            ),
        ]
    }

    /// What the start script would learn from Flink about memory; `None` where Flink refuses the configuration.
    fn memory(&self, role: Role) -> Result<Option<Memory>> {
        let output = self.bash_java_utils(role)?.output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Ok(None);
        }
        Memory::parse(&stdout).map(Some)
    }

    /// The start script ends with what Flink says to the configuration.
    fn refused(&self, role: Role, log: &Path) -> Result<Process> {
        let mut command = self.bash_java_utils(role)?;
        let console = File::create(log.with_extension("out"))?;
        command
            .stdin(Stdio::null())
            .stderr(console.try_clone()?)
            .stdout(console);
        Process::start(&mut command, Vec::new())
    }

    fn bash_java_utils(&self, role: Role) -> Result<Command> {
        let mut command = Command::new(self.jdk.tool("java"));
        command
            .arg("-classpath")
            .arg(self.home.bash_java_utils_class_path()?)
            .arg("org.apache.flink.runtime.util.bash.BashJavaUtils")
            .arg(role.memory_command())
            .arg("--configDir")
            .arg(self.places.conf());
        Ok(command)
    }
}

/// Arguments that carry a process's memory.
#[derive(Debug, PartialEq, Eq)]
struct Memory {
    jvm_arguments: Vec<String>,
    dynamic_options: Vec<String>,
    /// What the scripts let the process repeat at the head of its own log.
    log: String,
}

impl Memory {
    fn parse(output: &str) -> Result<Self> {
        const RESULT: &str = "BASH_JAVA_UTILS_EXEC_RESULT:";
        let results: Vec<Vec<String>> = output
            .lines()
            .filter_map(|line| line.strip_prefix(RESULT))
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        ensure!(!results.is_empty(), "no line begins with {RESULT}");
        let mut results = results.into_iter();
        let (jvm_arguments, dynamic_options) = (
            results.next().unwrap_or_default(),
            results.next().unwrap_or_default(),
        );
        let said: Vec<&str> = output
            .lines()
            .filter(|line| !line.starts_with(RESULT))
            .collect();
        let log = format!(
            "\n\nRESOURCE_PARAMS extraction logs:\njvm_params: {}\ndynamic_configs: {}\nlogs: {}\n",
            jvm_arguments.join(" "),
            dynamic_options.join(" "),
            said.join("\n")
        );
        Ok(Self {
            jvm_arguments,
            dynamic_options,
            log,
        })
    }
}

/// What Flink's configuration template opens for Java 17 and later.
fn opens() -> impl Iterator<Item = String> {
    let packages = [
        "java.lang",
        "java.lang.reflect",
        "java.util",
        "java.util.concurrent",
        "java.util.concurrent.atomic",
        "java.util.concurrent.locks",
        "java.net",
        "java.nio",
        "java.io",
        "java.text",
    ];
    packages
        .into_iter()
        .map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED"))
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn the_results_are_found_between_log_lines() -> anyhow::Result<()> {
        let output = "INFO  [] - Loading configuration property: a, b\n\
            BASH_JAVA_UTILS_EXEC_RESULT:-Xmx1 -Xms1\n\
            BASH_JAVA_UTILS_EXEC_RESULT:-D a=1b -D c=2\n";
        let memory = Memory::parse(output)?;
        assert_eq!(memory.jvm_arguments, ["-Xmx1", "-Xms1"]);
        assert_eq!(memory.dynamic_options, ["-D", "a=1b", "-D", "c=2"]);
        assert!(memory.log.contains("logs: INFO  [] - Loading"));
        Ok(())
    }

    #[test]
    fn a_refusal_is_an_error() {
        assert!(Memory::parse("Exception in thread \"main\" …").is_err());
    }
}
