//! What does not change: who the process is, and what limits it.

use super::Answers;
use crate::attach::PerfData;
use crate::case::Surroundings;
use crate::configuration::{JvmLimits, Observed, from_command_line};
use crate::model::Process;
use flinkmem_native::kernel::{cgroup, host};
use flinkmem_trace::{FlinkFacts, Header, Jvm, System};
use procfs::process;

/// The header that an agent in the process would write, and what is known of its configuration. Of the command line nothing is kept but
/// limits and Flink's own options: it may hold passwords.
pub(super) fn of(
    process: &process::Process,
    data: Option<&PerfData>,
    cgroup: Option<&cgroup::Cgroup>,
) -> (Header, Observed) {
    let words = host::command_line(process);
    let limit = cgroup.and_then(|cgroup| cgroup.read(false)?.limit_bytes);
    let observed = Observed {
        container_limit: limit,
        ..from_command_line(words.iter().map(String::as_str))
    };
    let here = Surroundings::here();
    let text = |name: &str| {
        data.and_then(|data| data.text(name))
            .unwrap_or_default()
            .to_owned()
    };
    let header = Header {
        t_ms: here.now_ms,
        host: here.host,
        pid: process.pid.unsigned_abs(),
        start_ms: host::start_ms(process).unwrap_or(here.now_ms),
        jvm: Jvm {
            version: text("java.property.java.version"),
            vm_version: text("java.property.java.vm.version"),
            vm_name: text("java.property.java.vm.name"),
            vendor: text("java.property.java.vm.vendor"),
            main_class: main_class(&text("sun.rt.javaCommand")).or_else(|| started(&words)),
            ..Jvm::default()
        },
        flink: flink(&observed),
        system: System {
            host_memory_bytes: host::memory_bytes(),
            cgroup_limit_bytes: limit,
            ..System::default()
        },
        ..Header::default()
    };
    (header, observed)
}

/// The limits in force, once the JVM has told its flags.
pub(super) fn add_flags(header: &mut Header, observed: &mut Observed, answers: &Answers) {
    if header.jvm.flags.is_empty() {
        header.jvm.flags.clone_from(&answers.flags);
        let told = JvmLimits::from_flags(&answers.flags);
        observed.jvm_limits = observed.jvm_limits.overridden_by(told);
    }
}

fn flink(observed: &Observed) -> Option<FlinkFacts> {
    let process = match observed.process? {
        Process::TaskManager => "tm",
        Process::JobManager => "jm",
    };
    Some(FlinkFacts {
        process: process.to_owned(),
        version: observed.version.map(|version| version.to_string()),
        ..FlinkFacts::default()
    })
}

/// The main class or jar on a command line, for a JVM that publishes nothing.
fn started(words: &[String]) -> Option<String> {
    /// Options whose value is a word of its own.
    const WITH_VALUE: [&str; 9] = [
        "-cp",
        "-classpath",
        "--class-path",
        "-p",
        "--module-path",
        "--upgrade-module-path",
        "--add-modules",
        "--add-opens",
        "--add-exports",
    ];
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word.as_str()) {
            words.next();
        } else if !word.starts_with('-') {
            return main_class(word);
        }
    }
    None
}

/// The first word, of a jar the file's name.
fn main_class(command: &str) -> Option<String> {
    let word = command.split_ascii_whitespace().next()?;
    Some(word.rsplit('/').next().unwrap_or(word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_is_the_first_word_that_is_no_option() {
        for (line, expected) in [
            (
                "java -Xmx1g -cp /a:/b com.acme.Main secret",
                Some("com.acme.Main"),
            ),
            (
                "java --add-opens java.base/java.lang=ALL-UNNAMED -jar /opt/app.jar -x",
                Some("app.jar"),
            ),
            ("java -m com.acme/com.acme.Main", Some("com.acme.Main")),
            ("java -version", None),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(started(&words).as_deref(), expected, "{line}");
        }
    }
}
