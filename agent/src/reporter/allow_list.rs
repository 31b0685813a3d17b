//! What of a command line may be written down. Command lines hold passwords, so only what is named here is recorded.

use std::collections::BTreeMap;

/// System properties that bear on memory. A name that ends in a dot stands for all that begin with it.
const PROPERTIES: [&str; 9] = [
    "log.file",
    "jdk.nio.maxCachedBufferSize",
    "sun.nio.",
    "io.netty.",
    "org.apache.flink.shaded.netty4.io.netty.",
    "java.library.path",
    "java.io.tmpdir",
    "file.encoding",
    "user.timezone",
];

/// JVM arguments that run a command or name secrets in what follows.
const WITHHELD: [&str; 4] = [
    "-XX:OnError",
    "-XX:OnOutOfMemoryError",
    "-XX:Flags",
    "-XX:VMOptionsFile",
];

/// How an agent is named, and what separates it from its options.
const AGENTS: [(&str, char); 4] = [
    ("-agentpath:", '='),
    ("-agentlib:", '='),
    ("-javaagent:", '='),
    ("-Xrun", ':'),
];

/// Flink's options that bear on memory; a name that ends in a dot stands for all that begin with it.
const FLINK_OPTIONS: [&str; 15] = [
    "taskmanager.memory.",
    "taskmanager.network.",
    "taskmanager.heap.",
    "taskmanager.numberOfTaskSlots",
    "taskmanager.cpu.cores",
    "taskmanager.jvm-exit-on-oom",
    "jobmanager.memory.",
    "jobmanager.heap.",
    "kubernetes.taskmanager.memory.limit-factor",
    "kubernetes.jobmanager.memory.limit-factor",
    "state.backend.type",
    "state.backend",
    "state.backend.rocksdb.memory.",
    "execution.checkpointing.interval",
    "parallelism.default",
];

/// The JVM arguments that may be recorded, in order, and how many were left out.
pub(super) fn jvm_arguments(arguments: &[String]) -> (Vec<String>, u32) {
    let mut kept = Vec::new();
    let mut withheld = 0;
    for argument in arguments {
        match recordable(argument) {
            Some(text) => kept.push(text),
            None => withheld += 1,
        }
    }
    (kept, withheld)
}

fn recordable(argument: &str) -> Option<String> {
    if let Some(property) = argument.strip_prefix("-D") {
        let (name, _) = property.split_once('=').unwrap_or((property, ""));
        return is_listed(name, &PROPERTIES).then(|| argument.to_owned());
    }
    let agent = AGENTS
        .iter()
        .find(|(prefix, _)| argument.starts_with(prefix));
    if let Some((_, separator)) = agent {
        // Which agent matters; its options may hold a licence key.
        let name_and_options = argument.split_once(*separator);
        return Some(name_and_options.map_or_else(
            || argument.to_owned(),
            |(agent, _)| format!("{agent}{separator}…"),
        ));
    }
    let runs_a_command = WITHHELD.iter().any(|prefix| argument.starts_with(prefix));
    let known = [
        "-X",
        "-server",
        "-client",
        "--add-",
        "--enable-",
        "--illegal-access",
    ]
    .iter()
    .any(|prefix| argument.starts_with(prefix));
    (known && !runs_a_command).then(|| argument.to_owned())
}

/// Flink's memory options among program arguments: `-D key=value` or `-Dkey=value`; the last one of a key counts.
pub(super) fn flink_options<'a>(
    arguments: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut expects_pair = false;
    for argument in arguments {
        let pair = if std::mem::take(&mut expects_pair) {
            Some(argument)
        } else {
            argument.strip_prefix("-D")
        };
        match pair {
            Some("") => expects_pair = true,
            Some(pair) => {
                if let Some((key, value)) = pair.split_once('=')
                    && is_listed(key, &FLINK_OPTIONS)
                {
                    options.insert(key.to_owned(), value.to_owned());
                }
            }
            None => {}
        }
    }
    options
}

fn is_listed(name: &str, list: &[&str]) -> bool {
    list.iter().any(|listed| {
        if listed.ends_with('.') {
            name.starts_with(listed)
        } else {
            name == *listed
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(arguments: &[&str]) -> Vec<String> {
        arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect()
    }

    #[test]
    fn memory_arguments_are_kept_in_order() {
        let arguments = strings(&[
            "-Xmx1g",
            "-XX:MaxDirectMemorySize=201326592",
            "-XX:+UseG1GC",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-Dlog.file=/log/tm.log",
            "-Dio.netty.maxDirectMemory=0",
        ]);
        assert_eq!(jvm_arguments(&arguments), (arguments.clone(), 0));
    }

    #[test]
    fn secrets_are_withheld() {
        let arguments = strings(&[
            "-Djavax.net.ssl.trustStorePassword=hunter2",
            "-Ds3.secret-key=hunter2",
            "-XX:OnOutOfMemoryError=curl -u me:hunter2 x",
            "-XX:OnError=hunter2",
            "-javaagent:/opt/apm.jar=license=hunter2",
            "-Xrunapm:license=hunter2",
            "hunter2",
            "-Dlog.file.password=hunter2",
        ]);
        let (kept, withheld) = jvm_arguments(&arguments);
        assert_eq!(
            (kept, withheld),
            (strings(&["-javaagent:/opt/apm.jar=…", "-Xrunapm:…"]), 6)
        );
    }

    #[test]
    fn flinks_memory_options_are_found_in_both_spellings() {
        let command = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir /conf -D taskmanager.memory.network.min=67108864b \
             -Dtaskmanager.numberOfTaskSlots=2 -D s3.secret-key=hunter2 -D taskmanager.memory.network.min=1b -D";
        let options = flink_options(command.split_ascii_whitespace());
        let expected = [
            ("taskmanager.memory.network.min", "1b"),
            ("taskmanager.numberOfTaskSlots", "2"),
        ];
        assert_eq!(
            options,
            expected
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into()
        );
    }
}
