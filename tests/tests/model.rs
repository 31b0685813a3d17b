//! A real Flink's own table of pools, against `flinkmem model` on the same configuration.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::{Cluster, Jdk, artefacts};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const VERSIONS: [&str; 2] = ["1.20.5", "2.3.0"];

/// Five ways to say how large a process is; each overrides parts of the lab's small configuration.
const CONFIGURATIONS: [&[(&str, &str)]; 5] = [
    // The process's size alone; its shares meet their lower bounds.
    &[],
    // Flink's size within the process's: overhead is the rest.
    &[
        ("taskmanager.memory.process.size", "1200m"),
        ("taskmanager.memory.flink.size", "700m"),
        ("taskmanager.memory.network.fraction", "0.2"),
        ("taskmanager.numberOfTaskSlots", "4"),
        ("jobmanager.memory.flink.size", "300m"),
    ],
    // Parts alone decide Flink's size.
    &[
        ("taskmanager.memory.process.size", "1200m"),
        ("taskmanager.memory.task.heap.size", "200m"),
        ("taskmanager.memory.managed.size", "200m"),
        ("jobmanager.memory.process.size", "800m"),
        ("jobmanager.memory.heap.size", "200m"),
    ],
    // Overhead by its share, more metaspace, off-heap memory for tasks, a limit for the JobManager's.
    &[
        ("taskmanager.memory.process.size", "1500m"),
        ("taskmanager.memory.jvm-overhead.fraction", "0.17"),
        ("taskmanager.memory.jvm-metaspace.size", "300m"),
        ("taskmanager.memory.task.off-heap.size", "64m"),
        ("jobmanager.memory.enable-jvm-direct-memory-limit", "true"),
        ("jobmanager.memory.off-heap.size", "96m"),
    ],
    // Deprecated spellings, nothing managed, a share that is no round number.
    &[
        ("taskmanager.network.memory.min", "80m"),
        ("taskmanager.network.memory.max", "81m"),
        ("taskmanager.memory.size", "0"),
        ("jobmanager.memory.jvm-overhead.fraction", "0.3333"),
    ],
];

#[test]
fn the_table_in_the_log_is_what_the_model_says() -> Result<()> {
    let jdk = Jdk::find(17)?;
    for version in VERSIONS {
        for configuration in CONFIGURATIONS {
            let mut builder = Cluster::builder(&jdk).version(version);
            for (key, value) in configuration {
                builder = builder.configure(key, value);
            }
            let cluster = builder
                .start()
                .with_context(|| format!("{version} {configuration:?}"))?;
            let conf = cluster.logs().with_file_name("conf");
            for (process, log) in [
                ("tm", "flink-taskexecutor.log"),
                ("jm", "flink-standalonesession.log"),
            ] {
                let log = cluster.logs().join(log);
                check(version, process, &conf, &log)
                    .with_context(|| format!("{version} {process} {configuration:?}"))?;
            }
        }
    }
    Ok(())
}

fn check(version: &str, process: &str, conf: &Path, log: &Path) -> Result<()> {
    let conf = conf.display().to_string();
    let derived = model(&[
        "--process",
        process,
        "--flink-version",
        version,
        "--conf",
        &conf,
    ])?;
    let text = std::fs::read_to_string(log)?;
    let table = table(&text);
    ensure!(table.len() >= 6, "no table of pools in the log:\n{text}");
    for (label, bytes) in table {
        let name = pool(process, &label).with_context(|| format!("unknown row {label}"))?;
        let said = name
            .iter()
            .map(|name| derived["ok"][name].as_u64().unwrap_or_default())
            .sum::<u64>();
        ensure!(
            said == bytes,
            "{label}: Flink says {bytes}, the model says {said}"
        );
    }
    let arguments = derived["ok"]["jvm_args"].as_str().unwrap_or_default();
    ensure!(
        text.contains(&format!("jvm_params: {arguments}")),
        "other JVM arguments than {arguments}"
    );

    // The log alone says the same as the file, and nothing in it disagrees with it.
    let log = log.display().to_string();
    let read = model(&["--log", &log])?;
    ensure!(
        read["process"] == process && read["version"] == version,
        "{read}"
    );
    ensure!(read["ok"] == derived["ok"], "{read} is not {derived}");
    let disagreements = &read["flinkmem"]["disagreements"];
    ensure!(
        disagreements.as_array().is_some_and(Vec::is_empty),
        "{disagreements}"
    );
    Ok(())
}

fn model(arguments: &[&str]) -> Result<Value> {
    let output = Command::new(artefacts::flinkmem()?)
        .arg("model")
        .args(arguments)
        .args(["--format", "json"])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_str(&text)?)
}

/// Rows of Flink's table: the label behind the labels of what it is part of, and the bytes.
fn table(log: &str) -> Vec<(String, u64)> {
    let mut rows = Vec::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    let below = log
        .lines()
        .skip_while(|line| !line.ends_with("Memory configuration:"))
        .skip(1);
    for line in below {
        let Some((_, row)) = line.split_once("[] - ") else {
            break;
        };
        let Some((label, size)) = row.split_once(':') else {
            break;
        };
        let indent = label.len() - label.trim_start().len();
        parents.retain(|(of, _)| *of < indent);
        parents.push((indent, label.trim().to_owned()));
        let digits = size
            .rsplit('(')
            .next()
            .unwrap_or(size)
            .trim()
            .trim_end_matches(')');
        let Some(bytes) = digits
            .strip_suffix(" bytes")
            .and_then(|bytes| bytes.parse().ok())
        else {
            break;
        };
        let path: Vec<&str> = parents.iter().map(|(_, label)| label.as_str()).collect();
        rows.push((path.join("/"), bytes));
    }
    rows
}

/// The model's pools that a row is the sum of.
fn pool(process: &str, path: &str) -> Option<&'static [&'static str]> {
    let path = path
        .strip_prefix("Total Process Memory")
        .unwrap_or(path)
        .trim_start_matches('/');
    let path = path.strip_prefix("Total Flink Memory/").unwrap_or(path);
    Some(match (process, path) {
        (_, "") => &["total_process"],
        (_, "Total Flink Memory") => &["total_flink"],
        (_, "JVM Metaspace") => &["jvm_metaspace"],
        (_, "JVM Overhead") => &["jvm_overhead"],
        ("jm", "JVM Heap") | ("tm", "Total JVM Heap Memory") => &["jvm_heap"],
        ("jm", "Off-heap") => &["off_heap"],
        ("tm", "Total JVM Heap Memory/Framework") => &["framework_heap"],
        ("tm", "Total JVM Heap Memory/Task") => &["task_heap"],
        ("tm", "Total Off-heap Memory") => &["managed", "jvm_direct"],
        ("tm", "Total Off-heap Memory/Managed") => &["managed"],
        ("tm", "Total Off-heap Memory/Total JVM Direct Memory") => &["jvm_direct"],
        ("tm", "Total Off-heap Memory/Total JVM Direct Memory/Framework") => {
            &["framework_off_heap"]
        }
        ("tm", "Total Off-heap Memory/Total JVM Direct Memory/Task") => &["task_off_heap"],
        ("tm", "Total Off-heap Memory/Total JVM Direct Memory/Network") => &["network"],
        _ => return None,
    })
}
