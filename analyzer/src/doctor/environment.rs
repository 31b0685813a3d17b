//! What else the environment brings: variables with Java options, other agents, /tmp.

use super::Check;
use procfs::process::Process;
use std::path::Path;

/// Variables from which a JVM takes options.
pub(super) const JAVA_OPTIONS: [&str; 3] =
    ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"];

/// The variables, and /tmp for attaching.
pub(super) fn checks() -> Vec<Check> {
    let values = JAVA_OPTIONS
        .iter()
        .filter_map(|name| Some((*name, std::env::var(name).ok()?)));
    let values: Vec<(&str, String)> = values.filter(|(_, value)| !value.is_empty()).collect();
    let mut checks = vec![java_options(&values), tmp(Path::new("/tmp"))];
    checks.extend(root());
    checks
}

fn java_options(values: &[(&str, String)]) -> Check {
    let loading = values
        .iter()
        .find(|(_, value)| value.contains("libflinkmem"));
    if let Some((name, _)) = loading {
        return Check::warning(
            "environment",
            format!(
                "{name} loads the agent into every JVM, also those of flink run and other tools, each with a trace of its own"
            ),
            "set it for TaskManager and JobManager alone: env.java.opts.taskmanager and env.java.opts.jobmanager",
        );
    }
    let agents: Vec<String> = values
        .iter()
        .flat_map(|(name, value)| {
            other_agents(value).map(move |agent| format!("{agent} by {name}"))
        })
        .collect();
    if agents.is_empty() {
        return Check::ok("environment", "no variable loads an agent");
    }
    Check::ok(
        "environment",
        format!("beside flinkmem there will be {}", agents.join(", ")),
    )
}

/// Agents that options load, without the options of these, which may hold secrets.
pub(super) fn other_agents(options: &str) -> impl Iterator<Item = &str> {
    let loads = |word: &&str| {
        ["-javaagent:", "-agentpath:", "-agentlib:"]
            .iter()
            .any(|kind| word.starts_with(kind))
    };
    let words = options.split_whitespace().filter(loads);
    words
        .filter(|word| !word.contains("libflinkmem"))
        .map(|word| word.split('=').next().unwrap_or(word))
}

/// Whether anything but volumes can be written, where that can be told.
fn root() -> Option<Check> {
    let mounts = Process::myself().ok()?.mountinfo().ok()?;
    let mut mounts = mounts.into_iter();
    let root = mounts.rfind(|mount| mount.mount_point == Path::new("/"))?;
    let read_only = root.mount_options.contains_key("ro");
    Some(Check::ok(
        "root",
        if read_only {
            "the root file system is read-only; the agent writes into its directory only"
        } else {
            "the root file system can be written"
        },
    ))
}

/// HotSpot makes its socket for attaching and its performance data in /tmp, whatever `$TMPDIR` says.
fn tmp(tmp: &Path) -> Check {
    match tempfile::tempfile_in(tmp) {
        Ok(_) => Check::ok(
            "tmp",
            "/tmp can be written, as flinkmem attach and snapshot need",
        ),
        Err(error) => Check::warning(
            "tmp",
            format!(
                "/tmp cannot be written: {error}; the agent works, but flinkmem attach and snapshot do not"
            ),
            "mount an emptyDir at /tmp, also where the root file system is read-only",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_agents_are_named_without_their_options() {
        let options = "-Xmx1g -javaagent:/opt/jmx.jar=9404:password=x -agentpath:/opt/libflinkmem.so=dir=/t -agentlib:jdwp=transport=x";
        let found: Vec<&str> = other_agents(options).collect();
        assert_eq!(found, ["-javaagent:/opt/jmx.jar", "-agentlib:jdwp"]);
    }
}
