//! The command line of a running process.

use super::jvm_limits::JvmLimits;
use super::observed::{Observed, flink_limits};
use crate::model::{FlinkVersion, Process, Settings, Source, Value};

/// Reads a command line, word by word: JVM arguments up to the main class, Flink's options behind it.
#[must_use]
pub fn from_command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> Observed {
    let words: Vec<&str> = words.into_iter().collect();
    let main = words.iter().position(|word| main_class(word).is_some());
    let (jvm, program) = words.split_at(main.unwrap_or(words.len()));
    let process = main
        .and_then(|index| words.get(index))
        .and_then(|word| main_class(word));
    let resolved = dynamic_options(program, &Source::CommandLine);
    Observed {
        version: words.iter().find_map(|word| version_in_jars(word)),
        process,
        jvm_limits: JvmLimits::from_arguments(jvm.iter().copied()),
        flink_limits: flink_limits(&resolved, jvm),
        resolved,
        ..Observed::default()
    }
}

fn main_class(word: &str) -> Option<Process> {
    let class = word.rsplit('.').next()?;
    let is_flink = word.starts_with("org.apache.flink.");
    match class {
        _ if !is_flink => None,
        "TaskManagerRunner" | "KubernetesTaskExecutorRunner" | "YarnTaskExecutorRunner" => {
            Some(Process::TaskManager)
        }
        name if name.ends_with("Entrypoint") || name.ends_with("EntryPoint") => {
            Some(Process::JobManager)
        }
        _ => None,
    }
}

/// The `-D key=value` options among a program's arguments, joined or apart.
pub(super) fn dynamic_options(arguments: &[&str], source: &Source) -> Settings {
    let mut settings = Settings::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let pair = match argument.strip_prefix("-D") {
            Some("") => rest.next().copied().unwrap_or_default(),
            Some(joined) => joined,
            None => continue,
        };
        if let Some((key, value)) = pair.split_once('=') {
            settings.set(key, Value::from(value), source.clone());
        }
    }
    settings
}

/// The version in the name of the flink-dist jar on a class path.
pub(super) fn version_in_jars(word: &str) -> Option<FlinkVersion> {
    word.split(':').find_map(|jar| {
        let name = jar
            .rsplit('/')
            .next()?
            .strip_prefix("flink-dist")?
            .strip_suffix(".jar")?;
        // Until 1.14 the Scala version stood in between: flink-dist_2.12-1.14.6.jar.
        name.rsplit('-').next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_limits_options_and_version() {
        let line = "java -Xmx1g -XX:MaxMetaspaceSize=256m -Xmx2g -classpath /a/flink-dist_2.12-1.14.6.jar:/b.jar \
                    org.apache.flink.runtime.taskexecutor.TaskManagerRunner -D taskmanager.memory.managed.size=5b -Da=b --configDir /c";
        let observed = from_command_line(line.split_whitespace());
        assert_eq!(observed.version, Some(FlinkVersion::release(1, 14, 6)));
        assert_eq!(observed.process, Some(Process::TaskManager));
        assert_eq!(observed.jvm_limits.heap, Some(2 << 30));
        assert_eq!(observed.flink_limits.heap, Some(1 << 30));
        assert_eq!(observed.resolved.iter().count(), 2);
    }

    #[test]
    fn another_java_program_is_nobodys_process() {
        let observed = from_command_line(["java", "-Xmx1g", "com.acme.Main", "-D", "a=b"]);
        assert_eq!(observed.process, None);
        assert!(observed.resolved.is_empty());
    }
}
