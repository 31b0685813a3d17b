//! Budgets in the heads of real logs and on real command lines.
//!
//! The expected sizes are those in Flink's own table in the sample, read here in another way than the program reads them.

use super::vectors::shared;
use flinkmem_analyzer::configuration::layers::{disagreements, pools};
use flinkmem_analyzer::configuration::{Observed, from_command_line, from_log_head};
use flinkmem_analyzer::model::{FlinkVersion, Process, Question, derive};

const SAMPLES: [(&str, Process); 5] = [
    ("1.20.5/tm-start-ok.log", Process::TaskManager),
    ("1.20.5/tm-start-legacy.log", Process::TaskManager),
    ("1.20.5/jm-start-ok.log", Process::JobManager),
    ("2.3.0/tm-start-ok.log", Process::TaskManager),
    ("2.3.0/jm-start-ok.log", Process::JobManager),
];

fn sample(path: &str) -> String {
    std::fs::read_to_string(shared(&format!("flink-log-samples/{path}"))).unwrap()
}

/// The bytes in a log's table, in the order of its lines.
fn table(log: &str) -> Vec<u64> {
    let from = log.split("Memory configuration:").nth(1).unwrap();
    let rows = from
        .lines()
        .skip(1)
        .take_while(|line| line.contains("] -   "));
    rows.filter_map(|line| {
        let words: Vec<&str> = line.split(['(', ' ', ')']).collect();
        let unit = words.iter().position(|word| *word == "bytes")?;
        words[unit - 1].parse().ok()
    })
    .collect()
}

#[test]
fn the_head_of_a_log_tells_version_process_and_every_pool() {
    for (path, process) in SAMPLES {
        let log = sample(path);
        let observed = from_log_head(&log);
        let version: FlinkVersion = path.split('/').next().unwrap().parse().unwrap();
        assert_eq!(observed.version, Some(version), "{path}");
        assert_eq!(observed.process, Some(process), "{path}");
        let table = table(&log);
        // Flink also prints the sum of managed and direct memory, which is no pool of the model.
        let names = if process == Process::TaskManager {
            table.len() - 1
        } else {
            table.len()
        };
        assert_eq!(observed.table.len(), names, "{path}: {:?}", observed.table);
        let known = observed
            .table
            .values()
            .filter(|bytes| table.contains(bytes))
            .count();
        assert_eq!(known, names, "{path}");
    }
}

#[test]
fn deriving_the_logged_configuration_gives_the_logged_table() {
    for (path, process) in SAMPLES {
        let observed = from_log_head(&sample(path));
        let mut question = Question::new(
            observed.version.unwrap(),
            process,
            observed.configured.clone(),
        );
        if path.contains("legacy") {
            // The sample was started with a legacy heap, which Flink logs with the configuration it read.
            assert!(question.settings.get("taskmanager.heap.size").is_some());
        }
        question.container_mb = None;
        let answer = derive(&question).unwrap();
        let pools = pools(&answer.model);
        for (name, bytes) in &observed.table {
            let derived = pools.iter().find(|(pool, _)| pool == name).unwrap().1;
            assert_eq!(derived, *bytes, "{path}: {name}");
        }
        assert_eq!(disagreements(Some(&answer.model), &observed), [], "{path}");
    }
}

#[test]
fn a_command_line_tells_the_same_as_the_log() {
    for version in ["1.20.5", "2.3.0"] {
        for (process, name) in [(Process::TaskManager, "tm"), (Process::JobManager, "jm")] {
            let line = sample(&format!("{version}/{name}-cmdline.txt"));
            let observed = from_command_line(line.split_whitespace());
            let logged: Observed =
                from_log_head(&sample(&format!("{version}/{name}-start-ok.log")));
            assert_eq!(observed.process, Some(process));
            assert_eq!(observed.version, logged.version);
            assert_eq!(observed.jvm_limits, logged.jvm_limits);
            assert_eq!(observed.flink_limits, logged.flink_limits);
            let values = |observed: &Observed| -> Vec<String> {
                observed
                    .resolved
                    .iter()
                    .map(|(key, setting)| format!("{key}={}", setting.value))
                    .collect()
            };
            assert_eq!(values(&observed), values(&logged));
        }
    }
}

#[test]
fn a_later_flag_is_found_to_win() {
    let line = sample("1.20.5/tm-cmdline.txt");
    let words: Vec<&str> = line.split_whitespace().collect();
    let main = words
        .iter()
        .position(|word| word.ends_with("TaskManagerRunner"))
        .unwrap();
    let mut with_flag = words.clone();
    with_flag.insert(main, "-XX:MaxDirectMemorySize=1g");
    let found = disagreements(None, &from_command_line(with_flag));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].pool, found[0].found), ("jvm_direct", 1 << 30));
}

#[test]
fn a_log_without_the_start_scripts_output_still_tells_the_budget() {
    // Kubernetes and YARN start processes without the scripts, so nothing is repeated at the head of the log.
    for (path, process) in SAMPLES {
        let whole = sample(path);
        let from = whole.find(" Starting ").unwrap();
        let observed = from_log_head(&whole[from..]);
        let complete = from_log_head(&whole);
        assert_eq!(observed.process, Some(process), "{path}");
        assert!(observed.table.is_empty() && observed.configured.is_empty());
        assert_eq!(observed.flink_limits, complete.flink_limits, "{path}");
        let keys = |observed: &Observed| -> Vec<String> {
            observed
                .resolved
                .iter()
                .map(|(key, setting)| format!("{key}={}", setting.value))
                .collect()
        };
        assert_eq!(keys(&observed), keys(&complete), "{path}");
    }
}
