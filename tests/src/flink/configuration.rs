//! The configuration directory of a cluster.

use super::{Home, Role};
use anyhow::Result;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;

/// Flink's options of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Configuration(pub(super) BTreeMap<String, String>);

impl Configuration {
    /// A cluster for one machine: free ports, nothing outside `directory`, small memory.
    pub(super) fn small(directory: &Path, rest_port: u16) -> Result<Self> {
        let path = |name: &str| directory.join(name).display().to_string();
        let pairs = [
            ("jobmanager.rpc.address", "127.0.0.1".to_owned()),
            ("jobmanager.rpc.port", free_port()?.to_string()),
            ("jobmanager.bind-host", "127.0.0.1".to_owned()),
            ("jobmanager.memory.process.size", "768m".to_owned()),
            ("rest.address", "127.0.0.1".to_owned()),
            ("rest.bind-address", "127.0.0.1".to_owned()),
            ("rest.port", rest_port.to_string()),
            ("rest.bind-port", rest_port.to_string()),
            ("taskmanager.bind-host", "127.0.0.1".to_owned()),
            ("taskmanager.host", "127.0.0.1".to_owned()),
            ("taskmanager.memory.process.size", "1024m".to_owned()),
            ("taskmanager.numberOfTaskSlots", "2".to_owned()),
            ("parallelism.default", "1".to_owned()),
            ("io.tmp.dirs", path("tmp")),
            (
                "execution.checkpointing.dir",
                format!("file://{}", path("checkpoints")),
            ),
        ];
        let owned = pairs.map(|(key, value)| (key.to_owned(), value));
        Ok(Self(owned.into()))
    }

    /// Options of a process's JVM, as the start scripts pass them on: after Flink's own, so that they win.
    pub(super) fn java_options(&self, role: Role) -> Vec<OsString> {
        let keys = role.java_options();
        let values = keys.iter().filter_map(|key| self.0.get(*key));
        values
            .flat_map(|value| value.split_whitespace())
            .map(OsString::from)
            .collect()
    }

    /// Writes it under the name that this version of Flink reads.
    pub(super) fn write(&self, home: &Home, directory: &Path) -> Result<()> {
        let mut text = String::new();
        for (key, value) in &self.0 {
            writeln!(text, "{key}: {value}")?;
        }
        std::fs::write(directory.join(file_name(home.version())), text)?;
        std::fs::write(directory.join("log4j.properties"), LOG4J)?;
        Ok(())
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// `config.yaml` came with 1.19; the older file went with 2.0.
fn file_name(version: &str) -> &'static str {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if (major, minor) >= (1, 19) {
        "config.yaml"
    } else {
        "flink-conf.yaml"
    }
}

/// Flink's own layout of log lines, to the file that `log.file` names.
const LOG4J: &str = r"rootLogger.level = INFO
rootLogger.appenderRef.file.ref = MainAppender
appender.main.name = MainAppender
appender.main.type = File
appender.main.append = true
appender.main.fileName = ${sys:log.file}
appender.main.layout.type = PatternLayout
appender.main.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
";

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn the_configuration_file_is_named_as_the_version_reads_it() {
        let named = ["1.18.1", "1.19.0", "1.20.5", "2.3.0"].map(file_name);
        assert_eq!(
            named,
            [
                "flink-conf.yaml",
                "config.yaml",
                "config.yaml",
                "config.yaml"
            ]
        );
    }
}
