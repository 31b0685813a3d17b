//! `env.java.opts*` and `env.java.default-opts*`: JVM arguments that users and platforms add, behind Flink's own on the command line. The
//! defaults are there from Flink 1.19 on.

use crate::model::{Process, Settings, Source};

/// The words that users add to the JVM's command line, each with the place it was set, in the order of the command line.
#[must_use]
pub fn java_options(settings: &Settings, process: Process) -> Vec<(String, Source)> {
    let [default, own] = match process {
        Process::TaskManager => [
            "env.java.default-opts.taskmanager",
            "env.java.opts.taskmanager",
        ],
        Process::JobManager => [
            "env.java.default-opts.jobmanager",
            "env.java.opts.jobmanager",
        ],
    };
    let all = settings
        .get("env.java.opts.all")
        .or_else(|| settings.get("env.java.opts"));
    let groups = [
        settings.get("env.java.default-opts.all"),
        all,
        settings.get(default),
        settings.get(own),
    ];
    groups
        .into_iter()
        .flatten()
        .flat_map(|setting| {
            let text = setting.value.to_string();
            words(&text)
                .into_iter()
                .map(|word| (word, setting.source.clone()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Splits at blanks; quotes keep words together and are dropped.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_options_come_before_those_of_the_process() {
        let settings = Settings::new()
            .with("env.java.opts.taskmanager", "-Xmx2g")
            .with("env.java.opts", "\"-Xmx1g -XX:+UseZGC\" -Da=b");
        let words: Vec<String> = java_options(&settings, Process::TaskManager)
            .into_iter()
            .map(|(word, _)| word)
            .collect();
        assert_eq!(words, ["-Xmx1g -XX:+UseZGC", "-Da=b", "-Xmx2g"]);
    }

    /// In the order in which `config.sh` of Flink 1.20.5 joins them.
    #[test]
    fn each_default_comes_before_what_it_is_the_default_of() {
        let settings = Settings::new()
            .with("env.java.opts.jobmanager", "-Dd")
            .with("env.java.default-opts.jobmanager", "-Dc")
            .with("env.java.default-opts.taskmanager", "-Dother")
            .with("env.java.opts.all", "-Db")
            .with("env.java.default-opts.all", "-Da");
        let words = java_options(&settings, Process::JobManager);
        let words: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(words, ["-Da", "-Db", "-Dc", "-Dd"]);
    }
}
