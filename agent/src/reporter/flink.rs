//! What the command line and the class path say about Flink.

use super::allow_list;
use flinkmem_trace::FlinkFacts;
use std::path::Path;

/// Facts about Flink, or `None` in a JVM that has nothing to do with it.
///
/// `command` is `sun.java.command`: the main class and its arguments, joined by blanks.
pub(super) fn facts<'a>(command: &str, jars: impl Iterator<Item = &'a str>) -> Option<FlinkFacts> {
    let main_class = command.split_ascii_whitespace().next().unwrap_or_default();
    let version = jars
        .filter_map(|jar| version_of(Path::new(jar).file_name()?.to_str()?))
        .next();
    if version.is_none() && !main_class.starts_with("org.apache.flink.") {
        return None;
    }
    let options = allow_list::flink_options(command.split_ascii_whitespace().skip(1));
    Some(FlinkFacts {
        process: process(main_class).to_owned(),
        version,
        options,
    })
}

/// `tm` or `jm` by the main class of any deployment, else `other`.
fn process(main_class: &str) -> &'static str {
    let name = main_class.rsplit('.').next().unwrap_or_default();
    if name.ends_with("TaskManagerRunner") || name.ends_with("TaskExecutorRunner") {
        "tm"
    } else if name.to_ascii_lowercase().ends_with("clusterentrypoint") {
        "jm"
    } else {
        "other"
    }
}

/// `flink-dist-1.20.5.jar` and, before Scala left the name, `flink-dist_2.12-1.14.6.jar`.
fn version_of(jar: &str) -> Option<String> {
    let rest = jar.strip_prefix("flink-dist")?.strip_suffix(".jar")?;
    let version = match rest.strip_prefix('_') {
        Some(with_scala) => with_scala.split_once('-')?.1,
        None => rest.strip_prefix('-')?,
    };
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deployments_main_class_is_known() {
        for (class, expected) in [
            (
                "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                "tm",
            ),
            ("org.apache.flink.yarn.YarnTaskExecutorRunner", "tm"),
            (
                "org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner",
                "tm",
            ),
            (
                "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                "jm",
            ),
            (
                "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint",
                "jm",
            ),
            (
                "org.apache.flink.kubernetes.entrypoint.KubernetesApplicationClusterEntrypoint",
                "jm",
            ),
            ("org.apache.flink.client.cli.CliFrontend", "other"),
        ] {
            assert_eq!(
                facts(class, std::iter::empty()).unwrap().process,
                expected,
                "{class}"
            );
        }
    }

    #[test]
    fn the_version_comes_from_the_dist_jar() {
        for (jar, version) in [
            ("/opt/flink/lib/flink-dist-1.20.5.jar", Some("1.20.5")),
            ("flink-dist_2.12-1.14.6.jar", Some("1.14.6")),
            ("flink-dist-2.0-SNAPSHOT.jar", Some("2.0-SNAPSHOT")),
            ("flink-distribution.jar", None),
            ("flink-table-runtime-1.20.5.jar", None),
        ] {
            let facts = facts("com.acme.LocalJob", [jar].into_iter());
            assert_eq!(
                facts.and_then(|facts| facts.version).as_deref(),
                version,
                "{jar}"
            );
        }
    }

    #[test]
    fn another_jvm_is_not_flink() {
        assert_eq!(
            facts(
                "com.acme.Main -D taskmanager.memory.size=1m",
                ["/lib/acme.jar"].into_iter()
            ),
            None
        );
    }
}
