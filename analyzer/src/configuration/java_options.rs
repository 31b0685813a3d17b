//! `env.java.opts*`: JVM arguments that users add, behind Flink's own on the command line.

use crate::model::{Process, Settings, Source};

/// The words that users add to the JVM's command line, each with the place it was set, in the order of the command line.
#[must_use]
pub fn java_options(settings: &Settings, process: Process) -> Vec<(String, Source)> {
    let own = match process {
        Process::TaskManager => "env.java.opts.taskmanager",
        Process::JobManager => "env.java.opts.jobmanager",
    };
    let all = settings
        .get("env.java.opts.all")
        .or_else(|| settings.get("env.java.opts"));
    let groups = [all, settings.get(own)];
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
}
